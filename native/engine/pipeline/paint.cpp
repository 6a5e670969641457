#include "pipeline/paint.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <span>

#include "core/error.h"
#include "pipeline/sampler.h"
#include "pipeline/torch_random.h"
#include "pipeline/vae_tiles.h"
#include "stream/arrange.h"

namespace sluice {
namespace {

using Clock = std::chrono::steady_clock;
double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// One picture while it is sampled.
struct Canvas {
    Canvas(int number, uint64_t seed) : number(number), random(seed) {}
    int number;  // its place in the job, from 0
    TorchRandom random;
    std::unique_ptr<Sampler> sampler;
    std::vector<float> init, noise;        // [4,h,w]: the initial image's latents, the starting noise
    std::vector<float> x, input, guided;   // where it is, what the UNet reads, what it says
};

// State of one job, so that its phases are functions of their own.
class Painter {
  public:
    Painter(vk::Device& device, const std::string& cache_dir, const std::string& resource_dir, const PaintRequest& r,
            const PaintHooks& hooks, Warm* warm)
        : device_(device), r_(r), hooks_(hooks), resource_dir_(resource_dir), cache_dir_(cache_dir),
          job_(device, cache_dir, r.memory, {hooks.cancelled, nullptr}, hooks.notice, warm),
          step_precision_(job_.precision()), warm_(warm), hints_(warm ? warm->hints : own_hints_) {
        job_.trace = !r.trace.empty();
    }

    PaintResult run() {
        start_ = Clock::now();
        progress("load", 0, 1);
        models_ = open_models(r_, cache_dir_, true);
        for (const std::string& notice : models_.notices) job_.notice(notice);
        load_prompts();
        check_plans();
        device_.reset_peak();  // what an earlier job left and this one cannot use is gone now
        result_.load_seconds = since(start_);
        progress("load", 1, 1);

        const auto encode_start = Clock::now();
        progress("encode", 0, 1);
        encode_text();
        encode_hints(job_.precision());
        if (r_.init) encode_init();
        job_.release_weights();
        result_.encode_seconds = since(encode_start);
        progress("encode", 1, 1);

        sample_all();
        retire_step();
        if (!job_.keeps()) drop_hints();  // nothing of sampling stays on the device while the VAE works
        job_.release_weights();

        const auto decode_start = Clock::now();
        {
            RepeatedStage decoder(job_, stages_.decoder);
            for (int k = 0; k < r_.count; k++) {
                progress("decode", k, r_.count);
                Painted& picture = result_.pictures[size_t(k)];
                try {
                    picture.image = decode(decoder, picture.latents);
                } catch (const Error& error) {
                    if (error.code != "not-finite") throw;
                    throw Error(error.status, error.code, of_picture(k) + error.what(), error.hint);
                }
            }
            decoder.finish();
        }
        progress("decode", r_.count, r_.count);
        result_.decode_seconds = since(decode_start);
        finish();
        return std::move(result_);
    }

  private:
    void progress(const char* stage, int step, int steps) {
        job_.check_cancelled();
        if (hooks_.progress) hooks_.progress(stage, step, steps);
    }

    // What an error about one of several pictures begins with.
    std::string of_picture(int k) const {
        if (r_.count == 1) return {};
        return "picture " + std::to_string(k + 1) + " of " + std::to_string(r_.count) + " (seed " +
               std::to_string(r_.seed + uint64_t(k)) + "): ";
    }

    void load_prompts() {
        const std::shared_ptr<const Tokenizer> shared = job_.tokenizer(&models_.model, resource_dir_);
        const Tokenizer& tokenizer = *shared;
        guided_ = r_.cfg > 1.f;
        if (guided_) {
            const PromptPair pair = chunk_prompts(tokenizer, r_.prompt, r_.negative, r_.syntax);
            chunks_ = int(pair.prompt.size());
            // diffusers' order: the unconditional half first
            windows_ = pair.negative;
            windows_.insert(windows_.end(), pair.prompt.begin(), pair.prompt.end());
        } else {
            windows_ = chunk_prompt(tokenizer, r_.prompt, r_.syntax);
            chunks_ = int(windows_.size());
        }
    }

    // Every stage is planned before the first runs: a budget that cannot work is refused at once.
    void check_plans() {
        sampler_steps_ = int(make_run_sampler()->timesteps().size());
        stages_ = fixed_stages(r_, models_, chunks_, job_.precision());
        std::vector<StageDescription> all{stages_.text, stages_.decoder};
        for (const auto& d : stages_.hints) all.push_back(d);
        if (stages_.vae_encoder) all.push_back(*stages_.vae_encoder);
        std::vector<std::vector<bool>> seen;
        for (int i = 0; i < sampler_steps_; i++) {
            const auto active = active_controls(r_, i, sampler_steps_);
            if (std::find(seen.begin(), seen.end(), active) != seen.end()) continue;
            seen.push_back(active);
            all.push_back(step_stage(r_, models_, chunks_, active, stages_.kept_bytes, 1));
        }
        job_.tune_for(all);
        const PlanRequest request = job_.request(job_.precision(), 0);
        std::vector<Plan> plans = plan_stages(all, request);
        at_once_ = pictures_at_once(r_, models_, chunks_, stages_.kept_bytes, request);
        if (at_once_ > 1) {
            all.resize(all.size() - seen.size());
            for (const auto& active : seen)
                all.push_back(step_stage(r_, models_, chunks_, active, stages_.kept_bytes, at_once_));
            plans = plan_stages(all, request);
        }
        job_.foresee(all, plans, stages_.kept_bytes);
    }

    std::unique_ptr<Sampler> make_run_sampler() const {
        SamplerSetup setup;
        setup.steps = r_.steps;
        setup.strength = r_.init ? r_.strength : 1.0;
        return make_sampler(r_.sampler, r_.schedule, models_.model.scheduler_config, setup);
    }

    void encode_text() {
        if (!models_.model.text)
            throw Error(Status::input, "no-weights", r_.model + ": no text encoder weights found");
        std::vector<std::vector<int>> ids;
        for (const PromptChunk& window : windows_) ids.push_back(window.ids);
        const std::vector<float> rows = gather_embeddings(models_.model.text_config, *models_.model.text, ids);
        // [windows][77][C] is [halves][chunks * 77][C]: windows of one prompt lie one behind the other.
        context_ = job_.run_once(stages_.text, {{"embeddings", rows}}, {"last_hidden_state"})[0];
        const size_t states = context_.size() / windows_.size();
        for (size_t i = 0; i < windows_.size(); i++)
            apply_weights(windows_[i], std::span(context_).subspan(i * states, states));
    }

    void drop_hints() {
        if (warm_) warm_->drop_hints();
        own_hints_.clear();
    }

    // Buffers for the hints' embeddings; those of the job before where they have the right size.
    void make_hint_buffers(Precision precision) {
        std::map<std::string, uint64_t> sizes, have;
        for (size_t i = 0; i < models_.controls.size(); i++) {
            const Program& program = stages_.hints[i].program;
            const std::string name = "kept-hint." + std::to_string(i);
            sizes[name] = tensor_bytes(program.tensors[size_t(find_tensor(program, name))], precision);
        }
        for (const auto& [name, buffer] : hints_) have[name] = buffer.size();
        if (have == sizes) return;
        drop_hints();
        for (const auto& [name, size] : sizes)
            hints_[name] = device_.create_buffer(size, vk::MemoryKind::device, "hint");
    }

    void encode_hints(Precision precision) {
        make_hint_buffers(precision);
        for (size_t i = 0; i < models_.controls.size(); i++) {
            const auto& pixels = r_.controls[i].hint.pixels;
            std::vector<float> hint(pixels.size());
            for (size_t k = 0; k < hint.size(); k++) hint[k] = float(pixels[k]) / 255.f;
            std::unique_ptr<Stage> stage = job_.stage(stages_.hints[i], precision, kept());
            stage->set_input("hint", hint);
            stage->run(job_.control(), false);
            job_.retire(std::move(stage));
        }
    }

    std::map<std::string, vk::Buffer*> kept() {
        std::map<std::string, vk::Buffer*> map;
        for (auto& [name, buffer] : hints_) map[name] = &buffer;
        return map;
    }

    void encode_init() {
        std::vector<float> image(r_.init->pixels.size());
        for (size_t i = 0; i < image.size(); i++) image[i] = 2.f * (float(r_.init->pixels[i]) / 255.f) - 1.f;
        moments_ = job_.run_once(*stages_.vae_encoder, {{"image", image}}, {"moments"})[0];
        moments_ = to_channels_first(moments_, 1, 8, r_.height / 8, r_.width / 8);
    }

    // DiagonalGaussianDistribution.sample, times the scaling factor.
    std::vector<float> draw_init(TorchRandom& random) const {
        const size_t n = moments_.size() / 2;
        std::vector<float> z = random.randn(n);
        for (size_t i = 0; i < n; i++) {
            const float log_variance = std::clamp(moments_[n + i], -30.f, 20.f);
            z[i] = (moments_[i] + std::exp(0.5f * log_variance) * z[i]) * models_.vae_config().scaling_factor;
        }
        return z;
    }

    // The mask at the latents' size: PyTorch's nearest takes every eighth pixel.
    std::vector<float> latent_mask() const {
        const size_t h = size_t(r_.height / 8), w = size_t(r_.width / 8);
        std::vector<float> mask(h * w);
        for (size_t y = 0; y < h; y++)
            for (size_t x = 0; x < w; x++)
                mask[y * w + x] = r_.mask->pixels[y * 8 * size_t(r_.width) + x * 8] >= 128 ? 1.f : 0.f;
        return mask;
    }

    // Everything of one picture that its seed decides.
    Canvas begin(int picture) const {
        const size_t n = size_t(4) * size_t(r_.height / 8) * size_t(r_.width / 8);
        Canvas c(picture, r_.seed + uint64_t(picture));
        c.sampler = make_run_sampler();
        if (r_.init) c.init = draw_init(c.random);
        c.noise = r_.latents.empty() ? c.random.randn(n) : r_.latents;
        c.x.resize(n);
        c.input.resize(n);
        if (r_.init && !(r_.mask && r_.strength >= 1)) {
            c.sampler->add_noise(c.init, c.noise, 0, c.x);
        } else {
            // also inpainting at full strength, which starts from nothing but noise
            for (size_t i = 0; i < n; i++) c.x[i] = c.noise[i] * c.sampler->init_noise_sigma();
        }
        return c;
    }

    void sample_all() {
        sample_steps_ = (r_.count + at_once_ - 1) / at_once_ * sampler_steps_;
        for (int first = 0; first < r_.count; first += at_once_) {
            const int pictures = std::min(at_once_, r_.count - first);
            if (sample(first, pictures)) continue;
            // A picture must not depend on those beside it: each is painted as it would be alone.
            job_.notice("a picture of the batch overflowed in fp16: its pictures are painted one by one");
            sample_steps_ += (pictures - 1) * sampler_steps_;
            sample_steps_done_ -= steps_of_group_;
            for (int k = 0; k < pictures; k++) sample(first + k, 1);
        }
        progress("sample", sample_steps_, sample_steps_);
    }

    // Samples pictures [first, first + pictures) together. False: one of several overflowed in fp16, nothing is kept.
    bool sample(int first, int pictures) {
        const int h = r_.height / 8, w = r_.width / 8;
        const size_t area = size_t(h) * size_t(w);
        sample_in(job_.precision());
        std::vector<Canvas> batch;
        for (int k = 0; k < pictures; k++) batch.push_back(begin(first + k));
        std::vector<float> mask;
        if (r_.mask) mask = latent_mask();
        const auto timesteps = batch[0].sampler->timesteps();
        const int steps = int(timesteps.size());
        steps_of_group_ = 0;
        for (int i = 0; i < steps; i++) {
            const auto step_start = Clock::now();
            progress("sample", sample_steps_done_, sample_steps_);
            for (Canvas& c : batch) c.sampler->scale_model_input(c.x, i, c.input);
            const bool last = i + 1 == steps && first + pictures == r_.count;
            if (!evaluate(batch, timesteps[size_t(i)], active_controls(r_, i, steps), last)) return false;
            for (Canvas& c : batch) {
                c.sampler->step(c.guided, i, c.x, c.random);
                if (!r_.mask) continue;
                std::vector<float> original = c.init;
                if (i + 1 < steps) c.sampler->add_noise(c.init, c.noise, i + 1, original);
                for (size_t k = 0; k < c.x.size(); k++)
                    c.x[k] = (1.f - mask[k % area]) * original[k] + mask[k % area] * c.x[k];
            }
            if (hooks_.preview && r_.preview_every > 0 && (i + 1) % r_.preview_every == 0) {
                const Canvas& c = batch.front();
                const auto denoised = c.sampler->denoised();
                hooks_.preview(i + 1, preview_of(denoised.size() == c.x.size() ? denoised : std::span<const float>(c.x), h, w));
            }
            result_.step_seconds.push_back(since(step_start));
            sample_steps_done_++;
            steps_of_group_++;
        }
        for (Canvas& c : batch) result_.pictures.push_back({{}, std::move(c.x)});
        return true;
    }

    // The model's output for each picture under classifier-free guidance (Ho & Salimans 2022), [4,h,w]; in one pass,
    // the unconditional halves of all pictures first. False: a picture of several overflowed in fp16.
    bool evaluate(std::vector<Canvas>& batch, double timestep, const std::vector<bool>& active, bool last) {
        const int h = r_.height / 8, w = r_.width / 8, pictures = int(batch.size()), halves = guided_ ? 2 : 1;
        const UNetConfig& config = models_.model.unet_config;
        const std::vector<float> row =
            timestep_embedding(timestep, config.block_out_channels.front(), config.flip_sin_to_cos, config.freq_shift);
        std::vector<float> sample, time, context;
        const size_t states = context_.size() / size_t(halves);
        for (int half = 0; half < halves; half++)
            for (const Canvas& c : batch) {
                const std::vector<float> one = to_channels_last(c.input, 1, 4, h, w);
                sample.insert(sample.end(), one.begin(), one.end());
                time.insert(time.end(), row.begin(), row.end());
                const auto text = context_.begin() + long(states) * half;
                context.insert(context.end(), text, text + long(states));
            }
        for (int attempt = 0;; attempt++) {
            ensure_step(active, pictures);
            step_->set_input("sample", sample);
            step_->set_input("time", time);
            step_->set_input("context", context);
            step_->run(job_.control(), !last);
            const std::vector<float> out = step_->output("out");
            if (all_finite(out)) {
                const size_t n = out.size() / size_t(halves * pictures);
                for (size_t p = 0; p < size_t(pictures); p++) {
                    std::vector<float> result(out.begin() + long(p * n), out.begin() + long((p + 1) * n));
                    const float* text = out.data() + (size_t(pictures) + p) * n;
                    if (guided_)
                        for (size_t i = 0; i < n; i++) result[i] += r_.cfg * (text[i] - result[i]);
                    batch[p].guided = to_channels_first(result, 1, config.out_channels, h, w);
                }
                return true;
            }
            if (attempt > 0 || step_precision_ == Precision::fp32)
                throw Error(Status::input, "not-finite",
                            of_picture(first_not_finite(batch, out, halves)) + "the UNet gave NaN or infinity in fp32",
                            "the model's weights are damaged, or it expects another kind of prediction");
            if (pictures > 1) return false;
            job_.overflowed = true;
            job_.notice(of_picture(batch.front().number) + "stage sample overflowed in fp16 and goes on in fp32");
            sample_in(Precision::fp32);
        }
    }

    // The number of the first picture that is not finite in `out`, [halves][pictures] of equal parts.
    static int first_not_finite(const std::vector<Canvas>& batch, const std::vector<float>& out, int halves) {
        const size_t pictures = batch.size(), n = out.size() / (size_t(halves) * pictures);
        for (size_t p = 0; p < pictures; p++)
            for (size_t half = 0; half < size_t(halves); half++)
                if (!all_finite(std::span(out).subspan((half * pictures + p) * n, n))) return batch[p].number;
        return batch.front().number;
    }

    // The hints' embeddings are in the storage of the steps that read them.
    void sample_in(Precision precision) {
        if (precision == step_precision_) return;
        retire_step();
        encode_hints(precision);
        step_precision_ = precision;
    }

    void ensure_step(const std::vector<bool>& active, int pictures) {
        if (step_ && active == step_active_ && pictures == step_pictures_) return;
        retire_step();
        uint64_t reserved = 0;
        for (const auto& [name, buffer] : hints_) reserved += align_up(buffer.size());
        step_ = job_.stage(step_stage(r_, models_, chunks_, active, reserved, pictures), step_precision_, kept());
        step_active_ = active;
        step_pictures_ = pictures;
    }

    void retire_step() {
        if (step_) job_.retire(std::move(step_));
    }

    PixelImage decode(RepeatedStage& decoder, const std::vector<float>& latents) {
        const int h = r_.height / 8, w = r_.width / 8;
        std::vector<float> z = to_channels_last(latents, 1, 4, h, w);
        for (float& v : z) v /= models_.vae_config().scaling_factor;
        const std::vector<float> image =
            r_.vae_tiling ? decode_tiles(decoder, z, h, w) : decoder.run({{"latents", z}}, {"image"})[0];
        PixelImage out = to_pixels(image, r_.height, r_.width);
        if (r_.mask)  // what was not to be repainted is the original, to the bit
            for (size_t i = 0; i < r_.mask->pixels.size(); i++)
                if (r_.mask->pixels[i] < 128)
                    std::copy_n(r_.init->pixels.begin() + long(i * 3), 3, out.pixels.begin() + long(i * 3));
        return out;
    }

    void finish() {
        job_.settle();
        if (!r_.trace.empty()) write_trace(r_.trace, job_.events);
        result_.seconds = since(start_);
        result_.peak_device_bytes = device_.peak_device_bytes();
        result_.driver_peak_bytes = job_.driver_peak;
        result_.in_place_bytes = job_.in_place_bytes;
        result_.budget_bytes = job_.request(job_.precision(), 0).budget;
        result_.uploaded_bytes = job_.uploaded_bytes;
        result_.predicted_peak_bytes = job_.predicted_peak;
        result_.cold = job_.cold;
        result_.device = device_.info().name;
        result_.precision = job_.precision() == Precision::fp16 ? "fp16" : "fp32";
    }

    vk::Device& device_;
    const PaintRequest& r_;
    const PaintHooks& hooks_;
    std::string resource_dir_, cache_dir_;
    PaintModels models_;  // before job_: its weights outlive the job's caches
    Job job_;
    PaintStages stages_;
    Clock::time_point start_;
    PaintResult result_;
    bool guided_ = true;
    Precision step_precision_;
    int chunks_ = 1, sampler_steps_ = 0;
    int at_once_ = 1;  // pictures that share a pass of the weights
    int sample_steps_ = 0, sample_steps_done_ = 0, steps_of_group_ = 0;
    std::vector<PromptChunk> windows_;
    std::vector<float> context_, moments_;
    Warm* warm_;
    std::map<std::string, vk::Buffer> own_hints_;
    std::map<std::string, vk::Buffer>& hints_;  // the context's, where it keeps them
    std::unique_ptr<Stage> step_;
    std::vector<bool> step_active_;
    int step_pictures_ = 0;
};

}  // namespace

PaintResult paint(vk::Device& device, const std::string& cache_dir, const std::string& resource_dir,
                  const PaintRequest& request, const PaintHooks& hooks, Warm* warm) {
    validate(request);
    return Painter(device, cache_dir, resource_dir, request, hooks, warm).run();
}

}  // namespace sluice
