// From words and drawings to pictures: the order of stages, guidance, and the conventions of the command line.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "format/lora.h"
#include "pipeline/job.h"
#include "pipeline/pixels.h"
#include "pipeline/prompt_chunks.h"

namespace sluice {

struct PaintControl {
    std::string model;
    PixelImage hint;  // RGB
    float strength = 1;
    double start = 0, end = 1;  // double: 13/20 <= 0.65 must hold
};

struct PaintRequest {
    std::string model, vae, prompt, negative;
    PromptSyntax syntax = PromptSyntax::literal;
    int width = 512, height = 512, steps = 20;
    float cfg = 7.5f;
    std::string sampler = "euler", schedule;
    uint64_t seed = 0;
    int count = 1, clip_skip = 1;
    bool vae_tiling = false;
    std::vector<LoraUse> loras;
    std::vector<PaintControl> controls;
    std::optional<PixelImage> init, mask;
    double strength = 0.75;  // double: int(20 * 0.7) must be 14
    std::vector<float> latents;  // empty, or [4, h/8, w/8]
    int preview_every = 0;
    std::string trace;
    JobMemory memory;
};

struct PaintHooks {
    std::function<void(const char* stage, int step, int steps)> progress;
    std::function<void(int step, const PixelImage& preview)> preview;
    std::function<void(const std::string&)> notice;
    std::function<bool()> cancelled;
};

struct Painted {
    PixelImage image;
    std::vector<float> latents;  // [4, h/8, w/8], before scaling for the VAE
};

struct PaintResult {
    std::vector<Painted> pictures;
    double seconds = 0, load_seconds = 0, encode_seconds = 0, decode_seconds = 0;
    std::vector<double> step_seconds;
    uint64_t peak_device_bytes = 0, driver_peak_bytes = 0, in_place_bytes = 0, budget_bytes = 0, uploaded_bytes = 0,
             predicted_peak_bytes = 0;
    bool cold = false;
    std::string device, precision;
};

// The model and ControlNets of a request, opened; also without weights (plan).
struct PaintModels {
    Model model;
    std::optional<VaeModel> vae;
    std::vector<ControlNetModel> controls;
    std::vector<std::string> notices;  // what a person should know about them
    const VaeConfig& vae_config() const { return vae ? vae->config : model.vae_config; }
    const WeightSource* vae_weights() const { return vae ? vae->weights.get() : model.vae.get(); }
};
PaintModels open_models(const PaintRequest& request, const std::string& cache_dir, bool need_weights);

// Every stage that the request runs, as planned and as run. `chunks`: windows of 77 tokens a prompt.
// `active`: which ControlNets the step's program holds. `pictures`: how many share its passes.
struct PaintStages {
    StageDescription text;
    std::vector<StageDescription> hints;
    std::optional<StageDescription> vae_encoder;
    StageDescription decoder;
    uint64_t kept_bytes = 0;
};
StageDescription text_stage(const PaintModels& models, int batch, int clip_skip);
StageDescription step_stage(const PaintRequest& request, const PaintModels& models, int chunks,
                            const std::vector<bool>& active, uint64_t reserved, int pictures);
PaintStages fixed_stages(const PaintRequest& request, const PaintModels& models, int chunks, Precision precision);

// How many of the request's pictures go through a step together: as many as make the fewest bytes sent for all, by the
// plans under `base`'s budget. Their activations take room from resident weights, so more is not always less.
int pictures_at_once(const PaintRequest& request, const PaintModels& models, int chunks, uint64_t kept_bytes,
                     const PlanRequest& base);

// Throws Error(usage) or Error(input) for what no device could do.
void validate(const PaintRequest& request);
// Which ControlNets act at step i of n.
std::vector<bool> active_controls(const PaintRequest& request, int step, int steps);

PaintResult paint(vk::Device& device, const std::string& cache_dir, const std::string& resource_dir,
                  const PaintRequest& request, const PaintHooks& hooks, Warm* warm = nullptr);

// Chrome trace JSON of the job's copies and dispatches.
void write_trace(const std::string& path, const std::vector<TraceEvent>& events);

}  // namespace sluice
