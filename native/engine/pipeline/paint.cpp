#include "pipeline/paint.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/error.h"
#include "pipeline/prompt_chunks.h"
#include "pipeline/sampler.h"
#include "pipeline/torch_random.h"
#include "pipeline/vae_tiles.h"

namespace sluice {
namespace {

using Clock = std::chrono::steady_clock;
double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Latents to RGB by a linear guess, good enough to see where the picture is going. Coefficients are a least-squares
// fit commonly used for SD 1.x's VAE; another VAE gives other colours, the same shapes.
PixelImage preview_of(std::span<const float> latents, int height, int width) {
    static constexpr float to_rgb[4][3] = {
        {0.35f, 0.23f, 0.32f}, {0.32f, 0.50f, 0.24f}, {-0.28f, 0.18f, 0.27f}, {-0.21f, -0.26f, -0.72f}};
    PixelImage out{width, height, std::vector<uint8_t>(size_t(width) * size_t(height) * 3)};
    const size_t area = size_t(width) * size_t(height);
    for (size_t i = 0; i < area; i++)
        for (size_t c = 0; c < 3; c++) {
            float v = 0;
            for (size_t k = 0; k < 4; k++) v += latents[k * area + i] * to_rgb[k][c];
            out.pixels[i * 3 + c] = uint8_t(std::clamp((v + 1.f) * 127.5f, 0.f, 255.f));
        }
    return out;
}

// VaeImageProcessor.postprocess: x / 2 + 0.5, clamped, times 255, rounded half to even.
PixelImage to_pixels(std::span<const float> image, int height, int width) {
    PixelImage out{width, height, std::vector<uint8_t>(image.size())};
    for (size_t i = 0; i < image.size(); i++)
        out.pixels[i] = uint8_t(std::nearbyint(std::clamp(image[i] / 2.f + 0.5f, 0.f, 1.f) * 255.f));
    return out;
}

// State of one job, so that its phases are functions of their own.
class Painter {
  public:
    Painter(vk::Device& device, const std::string& cache_dir, const std::string& resource_dir, const PaintRequest& r,
            const PaintHooks& hooks)
        : device_(device), r_(r), hooks_(hooks), resource_dir_(resource_dir), cache_dir_(cache_dir),
          job_(device, cache_dir, r.memory, {hooks.cancelled, nullptr}, hooks.notice) {
        job_.trace = !r.trace.empty();
    }

    PaintResult run() {
        start_ = Clock::now();
        device_.reset_peak();
        progress("load", 0, 1);
        models_ = open_models(r_, cache_dir_, true);
        load_prompts();
        check_plans();
        result_.load_seconds = since(start_);
        progress("load", 1, 1);

        const auto encode_start = Clock::now();
        progress("encode", 0, 1);
        encode_text();
        encode_hints(job_.precision());
        if (r_.init) encode_init();
        result_.encode_seconds = since(encode_start);
        progress("encode", 1, 1);

        std::vector<std::vector<float>> latents;
        for (int k = 0; k < r_.count; k++) latents.push_back(sample(k));
        retire_step();
        hints_.clear();  // nothing of sampling stays on the device while the VAE works

        const auto decode_start = Clock::now();
        for (int k = 0; k < r_.count; k++) {
            progress("decode", k, r_.count);
            result_.pictures.push_back({decode(latents[size_t(k)]), latents[size_t(k)]});
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

    void load_prompts() {
        const Tokenizer tokenizer = load_tokenizer(&models_.model, resource_dir_);
        guided_ = r_.cfg > 1.f;
        if (guided_) {
            const PromptPair pair = chunk_prompts(tokenizer, r_.prompt, r_.negative);
            chunks_ = int(pair.prompt.size());
            // diffusers' order: the unconditional half first
            windows_ = pair.negative;
            windows_.insert(windows_.end(), pair.prompt.begin(), pair.prompt.end());
        } else {
            windows_ = chunk_prompt(tokenizer, r_.prompt);
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
            all.push_back(step_stage(r_, models_, chunks_, active, stages_.kept_bytes));
        }
        plan_stages(all, job_.request(job_.precision(), 0));
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
        const std::vector<float> rows = gather_embeddings(models_.model.text_config, *models_.model.text, windows_);
        // [windows][77][C] is [halves][chunks * 77][C]: windows of one prompt lie one behind the other.
        context_ = job_.run_once(stages_.text, {{"embeddings", rows}}, {"last_hidden_state"})[0];
    }

    void encode_hints(Precision precision) {
        hints_.clear();
        for (size_t i = 0; i < models_.controls.size(); i++) {
            StageDescription d = stages_.hints[i];
            const std::string name = "kept-hint." + std::to_string(i);
            const Tensor& out = d.program.tensors[size_t(find_tensor(d.program, name))];
            hints_[name] = device_.create_buffer(tensor_bytes(out, precision), vk::MemoryKind::device, "hint");
        }
        for (size_t i = 0; i < models_.controls.size(); i++) {
            const auto& pixels = r_.controls[i].hint.pixels;
            std::vector<float> hint(pixels.size());
            for (size_t k = 0; k < hint.size(); k++) hint[k] = float(pixels[k]) / 255.f;
            const std::unique_ptr<Stage> stage = job_.stage(stages_.hints[i], precision, kept());
            stage->set_input("hint", hint);
            stage->run(job_.control(), false);
            job_.retire(*stage);
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

    std::vector<float> sample(int picture) {
        const int h = r_.height / 8, w = r_.width / 8;
        const size_t area = size_t(h) * size_t(w), n = 4 * area;
        TorchRandom random(r_.seed + uint64_t(picture));
        const std::unique_ptr<Sampler> sampler = make_run_sampler();
        std::vector<float> init;
        if (r_.init) init = draw_init(random);
        const std::vector<float> noise = r_.latents.empty() ? random.randn(n) : r_.latents;
        std::vector<float> x(n), mask;
        if (r_.mask) mask = latent_mask();
        if (r_.init && !(r_.mask && r_.strength >= 1)) {
            sampler->add_noise(init, noise, 0, x);
        } else {
            // also inpainting at full strength, which starts from nothing but noise
            for (size_t i = 0; i < n; i++) x[i] = noise[i] * sampler->init_noise_sigma();
        }

        const auto timesteps = sampler->timesteps();
        const int steps = int(timesteps.size());
        std::vector<float> input(n), guided(n);
        for (int i = 0; i < steps; i++) {
            const auto step_start = Clock::now();
            progress("sample", picture * steps + i, r_.count * steps);
            sampler->scale_model_input(x, i, input);
            const bool last = i + 1 == steps && picture + 1 == r_.count;
            guided = evaluate(input, timesteps[size_t(i)], active_controls(r_, i, steps), last);
            sampler->step(guided, i, x, random);
            if (r_.mask) {
                std::vector<float> original = init;
                if (i + 1 < steps) sampler->add_noise(init, noise, i + 1, original);
                for (size_t k = 0; k < n; k++)
                    x[k] = (1.f - mask[k % area]) * original[k] + mask[k % area] * x[k];
            }
            if (hooks_.preview && r_.preview_every > 0 && (i + 1) % r_.preview_every == 0) {
                const auto denoised = sampler->denoised();
                hooks_.preview(i + 1, preview_of(denoised.size() == n ? denoised : std::span<const float>(x), h, w));
            }
            result_.step_seconds.push_back(since(step_start));
        }
        progress("sample", (picture + 1) * steps, r_.count * steps);
        return x;
    }

    // The model's output under classifier-free guidance (Ho & Salimans 2022), [4,h,w].
    std::vector<float> evaluate(const std::vector<float>& input, double timestep, const std::vector<bool>& active,
                                bool last) {
        const int h = r_.height / 8, w = r_.width / 8, batch = guided_ ? 2 : 1;
        const UNetConfig& config = models_.model.unet_config;
        std::vector<float> sample = to_channels_last(input, 1, 4, h, w);
        const std::vector<float> row =
            timestep_embedding(timestep, config.block_out_channels.front(), config.flip_sin_to_cos, config.freq_shift);
        std::vector<float> time = row;
        if (batch == 2) {
            const std::vector<float> one = sample;
            sample.insert(sample.end(), one.begin(), one.end());
            time.insert(time.end(), row.begin(), row.end());
        }
        for (int attempt = 0;; attempt++) {
            ensure_step(active);
            step_->set_input("sample", sample);
            step_->set_input("time", time);
            step_->set_input("context", context_);
            step_->run(job_.control(), !last);
            std::vector<float> out = step_->output("out");
            if (all_finite(out)) {
                const size_t half = out.size() / size_t(batch);
                std::vector<float> result(half);
                for (size_t i = 0; i < half; i++)
                    result[i] = batch == 1 ? out[i] : out[i] + r_.cfg * (out[half + i] - out[i]);
                return to_channels_first(result, 1, config.out_channels, h, w);
            }
            if (attempt > 0 || step_precision() == Precision::fp32)
                throw Error(Status::input, "not-finite", "the UNet gave NaN or infinity in fp32",
                            "the model's weights are damaged, or it expects another kind of prediction");
            job_.overflowed = true;
            job_.notice("stage sample overflowed in fp16 and goes on in fp32");
            sampling_in_fp32_ = true;
            retire_step();
            encode_hints(Precision::fp32);
        }
    }

    Precision step_precision() const { return sampling_in_fp32_ ? Precision::fp32 : job_.precision(); }

    void ensure_step(const std::vector<bool>& active) {
        if (step_ && active == step_active_) return;
        retire_step();
        uint64_t reserved = 0;
        for (const auto& [name, buffer] : hints_) reserved += (buffer.size() + 255) / 256 * 256;
        step_ = job_.stage(step_stage(r_, models_, chunks_, active, reserved), step_precision(), kept());
        step_active_ = active;
    }

    void retire_step() {
        if (step_) job_.retire(*step_);
        step_.reset();
    }

    PixelImage decode(const std::vector<float>& latents) {
        const int h = r_.height / 8, w = r_.width / 8;
        std::vector<float> z = to_channels_last(latents, 1, 4, h, w);
        for (float& v : z) v /= models_.vae_config().scaling_factor;
        const std::vector<float> image =
            r_.vae_tiling ? decode_tiles(job_, stages_.decoder, z, h, w)
                          : job_.run_once(stages_.decoder, {{"latents", z}}, {"image"})[0];
        PixelImage out = to_pixels(image, r_.height, r_.width);
        if (r_.mask)  // what was not to be repainted is the original, to the bit
            for (size_t i = 0; i < r_.mask->pixels.size(); i++)
                if (r_.mask->pixels[i] < 128)
                    std::copy_n(r_.init->pixels.begin() + long(i * 3), 3, out.pixels.begin() + long(i * 3));
        return out;
    }

    void finish() {
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
    bool guided_ = true, sampling_in_fp32_ = false;
    int chunks_ = 1, sampler_steps_ = 0;
    std::vector<std::vector<int>> windows_;
    std::vector<float> context_, moments_;
    std::map<std::string, vk::Buffer> hints_;
    std::unique_ptr<Stage> step_;
    std::vector<bool> step_active_;
};

}  // namespace

PaintResult paint(vk::Device& device, const std::string& cache_dir, const std::string& resource_dir,
                  const PaintRequest& request, const PaintHooks& hooks) {
    validate(request);
    return Painter(device, cache_dir, resource_dir, request, hooks).run();
}

}  // namespace sluice
