// What a paint job consists of: models, stages, checks. Shared by painting and planning.
#include <cmath>

#include "core/error.h"
#include "pipeline/paint.h"
#include "pipeline/prompt_weights.h"
#include "stream/arrange.h"

namespace sluice {

namespace {

constexpr int tile_latent = 64;  // side of a blended VAE tile
constexpr int most_at_once = 8;  // pictures of a pass: more hide no more of the link, and cancelling waits for a pass

Error usage(const std::string& message, const std::string& hint = {}) {
    return Error(Status::usage, "bad-value", message, hint);
}

}  // namespace

void validate(const PaintRequest& r) {
    const std::string size = std::to_string(r.width) + "x" + std::to_string(r.height);
    if (r.width <= 0 || r.height <= 0 || r.width % 8 || r.height % 8)
        throw Error(Status::input, "bad-size", "size " + size + ": width and height must be multiples of 8",
                    "try " + std::to_string(std::max(64, (r.width + 4) / 8 * 8)) + "x" +
                        std::to_string(std::max(64, (r.height + 4) / 8 * 8)));
    if (r.width < 64 || r.height < 64 || r.width > 8192 || r.height > 8192)
        throw Error(Status::input, "bad-size", "size " + size + ": each side must be from 64 to 8192 pixels");
    if (r.steps < 1 || r.steps > 10000) throw usage("steps " + std::to_string(r.steps) + ": expected 1 to 10000");
    if (!std::isfinite(r.cfg)) throw usage("cfg must be a finite number");
    if (r.count < 1 || r.count > 1000) throw usage("count " + std::to_string(r.count) + ": expected 1 to 1000");
    if (r.clip_skip < 1) throw usage("clip skip " + std::to_string(r.clip_skip) + ": 1 is the last layer");
    if (r.syntax == PromptSyntax::a1111)
        for (const std::string& prompt : {r.prompt, r.negative}) parse_weights(prompt);
    for (const LoraUse& lora : r.loras)
        if (!std::isfinite(lora.strength)) throw usage("a LoRA's strength must be a finite number");
    auto check_image = [&](const PixelImage& image, const char* what, int channels) {
        if (image.width != r.width || image.height != r.height ||
            image.pixels.size() != size_t(r.width) * size_t(r.height) * size_t(channels))
            throw Error(Status::input, "bad-image",
                        std::string(what) + " of " + std::to_string(image.width) + "x" + std::to_string(image.height) +
                            ", expected " + size);
    };
    for (const PaintControl& c : r.controls) {
        check_image(c.hint, "control image", 3);
        if (!std::isfinite(c.strength)) throw usage("control strength must be a finite number");
        if (!(c.start >= 0 && c.start <= c.end && c.end <= 1))
            throw usage("control start and end: expected 0 <= start <= end <= 1");
    }
    if (r.init) {
        check_image(*r.init, "initial image", 3);
        if (!(r.strength > 0 && r.strength <= 1)) throw usage("strength: expected more than 0, at most 1");
    }
    if (r.mask) {
        if (!r.init) throw usage("a mask needs an initial image");
        check_image(*r.mask, "mask", 1);
    }
    const size_t latents = size_t(4) * size_t(r.height / 8) * size_t(r.width / 8);
    if (!r.latents.empty() && r.latents.size() != latents)
        throw Error(Status::input, "bad-latents",
                    "starting noise of " + std::to_string(r.latents.size()) + " values, expected " +
                        std::to_string(latents) + " ([1,4," + std::to_string(r.height / 8) + "," +
                        std::to_string(r.width / 8) + "])");
    if (!all_finite(r.latents)) throw Error(Status::input, "bad-latents", "starting noise holds NaN or infinity");
}

std::vector<bool> active_controls(const PaintRequest& r, int step, int steps) {
    std::vector<bool> active;
    for (const PaintControl& c : r.controls) {
        const double before = double(step) / steps, after = double(step + 1) / steps;
        active.push_back(before >= c.start && after <= c.end && c.strength != 0.f);
    }
    return active;
}

PaintModels open_models(const PaintRequest& r, const std::string& cache_dir, bool need_weights) {
    OpenOptions options;
    options.cache_dir = cache_dir;
    options.need_weights = need_weights;
    PaintModels m;
    options.vae = r.vae.empty();
    m.model = open_model(r.model, options);
    if (need_weights) m.notices = apply_loras(m.model, r.loras, cache_dir);
    if (!r.vae.empty()) m.vae = open_vae(r.vae, options);
    for (const PaintControl& c : r.controls) {
        if (!need_weights && c.model == "sd15") {  // a plan's question: the ControlNet that would fit the model
            m.controls.emplace_back();
            m.controls.back().config.unet = m.model.unet_config;
        } else {
            m.controls.push_back(open_controlnet(c.model, options));
        }
    }
    if (m.model.unet_config.in_channels != 4)
        throw Error(Status::input, "unsupported-model",
                    r.model + ": its UNet takes " + std::to_string(m.model.unet_config.in_channels) +
                        " channels; expected 4",
                    "inpainting works with ordinary 4-channel models and --mask");
    if (m.model.unet_config.cross_attention_dim != m.model.text_config.hidden_size)
        throw Error(Status::input, "unsupported-model",
                    r.model + ": the text encoder is " + std::to_string(m.model.text_config.hidden_size) +
                        " wide, the UNet expects " + std::to_string(m.model.unet_config.cross_attention_dim));
    const size_t factor = size_t(1) << (m.vae_config().block_out_channels.size() - 1);
    if (factor != 8 || m.vae_config().latent_channels != 4)
        throw Error(Status::input, "unsupported-model",
                    "the VAE shrinks by " + std::to_string(factor) + " to " +
                        std::to_string(m.vae_config().latent_channels) + " channels; expected 8 and 4");
    return m;
}

StageDescription text_stage(const PaintModels& m, int batch, int clip_skip) {
    const int layers = m.model.text_config.num_hidden_layers;
    if (clip_skip > layers)
        throw Error(Status::usage, "bad-value",
                    "clip skip " + std::to_string(clip_skip) + ": the text encoder has " + std::to_string(layers) +
                        " layers");
    StageDescription d;
    d.name = "encode";
    d.program = text_encoder_program(m.model.text_config, batch, layers - (clip_skip - 1));
    d.sources = {{m.model.text.get(), clip_skip == 1 ? "text" : "text-" + std::to_string(clip_skip)}};
    return d;
}

StageDescription step_stage(const PaintRequest& r, const PaintModels& m, int chunks, const std::vector<bool>& active,
                            uint64_t reserved, int pictures) {
    StepOptions o;
    o.batch = (r.cfg > 1.f ? 2 : 1) * pictures;
    o.height = r.height / 8;
    o.width = r.width / 8;
    o.tokens = chunks * m.model.text_config.max_position_embeddings;
    StageDescription d;
    d.name = "sample";
    d.reserved = reserved;
    d.sources = {{m.model.unet.get(), "unet"}};
    std::vector<size_t> used;
    for (size_t i = 0; i < active.size(); i++) {
        if (!active[i]) continue;
        o.controls.push_back({&m.controls[i].config, int(d.sources.size()), r.controls[i].strength});
        d.sources.push_back({m.controls[i].weights.get(), "controlnet"});
        used.push_back(i);
    }
    d.program = unet_program(m.model.unet_config, o);
    // Kept hints are numbered by their place among the active ones; the job numbers them by control.
    for (size_t k = 0; k < used.size(); k++)
        d.program.tensors[size_t(find_tensor(d.program, "hint." + std::to_string(k)))].name =
            "kept-hint." + std::to_string(used[k]);
    return d;
}

PaintStages fixed_stages(const PaintRequest& r, const PaintModels& m, int chunks, Precision precision) {
    PaintStages s;
    const int h = r.height / 8, w = r.width / 8;
    s.text = text_stage(m, chunks * (r.cfg > 1.f ? 2 : 1), r.clip_skip);
    for (size_t i = 0; i < m.controls.size(); i++) {
        StageDescription d;
        d.name = "hint";
        d.program = hint_program(m.controls[i].config, h, w, TensorRole::kept);
        Tensor& out = d.program.tensors[size_t(find_tensor(d.program, "hint.0"))];
        out.name = "kept-hint." + std::to_string(i);
        s.kept_bytes += align_up(tensor_bytes(out, precision));
        d.sources = {{m.controls[i].weights.get(), "hint"}};
        s.hints.push_back(std::move(d));
    }
    for (StageDescription& d : s.hints) d.reserved = s.kept_bytes;
    if (r.init) {
        s.vae_encoder.emplace();
        s.vae_encoder->name = "vae-encode";
        s.vae_encoder->program = vae_encoder_program(m.vae_config(), r.height, r.width);
        s.vae_encoder->sources = {{m.vae_weights(), "vae-encoder"}};
    }
    s.decoder.name = "decode";
    s.decoder.program = r.vae_tiling ? vae_decoder_program(m.vae_config(), std::min(h, tile_latent), std::min(w, tile_latent))
                                     : vae_decoder_program(m.vae_config(), h, w);
    s.decoder.sources = {{m.vae_weights(), "vae-decoder"}};
    return s;
}

int pictures_at_once(const PaintRequest& r, const PaintModels& m, int chunks, uint64_t kept_bytes, const PlanRequest& base) {
    const std::vector<bool> all(m.controls.size(), true);
    int best = 1;
    uint64_t least = 0;
    std::vector<int> candidates{1};
    while (candidates.back() * 2 <= std::min(r.count, most_at_once)) candidates.push_back(candidates.back() * 2);
    if (r.count <= most_at_once && candidates.back() != r.count) candidates.push_back(r.count);
    for (int pictures : candidates) {
        if (r.count == 1) break;
        const StageDescription d = step_stage(r, m, chunks, all, kept_bytes, pictures);
        PlanRequest request = base;
        request.reserved += d.reserved;
        request.budget = 0;
        if (base.budget && make_plan(d.program, request).smallest_budget > base.budget) break;
        request.budget = base.budget;
        const uint64_t passes = uint64_t(r.count + pictures - 1) / uint64_t(pictures);
        const uint64_t sent = passes * make_plan(d.program, request).uploaded_per_pass;
        if (pictures > 1 && sent > least) continue;
        best = pictures;
        least = sent;
    }
    return best;
}

}  // namespace sluice
