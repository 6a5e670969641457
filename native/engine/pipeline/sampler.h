// Samplers: from the model's outputs to the next latents. Each equals the diffusers 0.42.1 scheduler named in
// samplers.def (docs/samplers.md), made from the model's scheduler_config.json. Runs on the host in float32:
// a latent is small. Does not call the model, combine guidance or hold the mask of inpainting.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "networks/config.h"
#include "pipeline/torch_random.h"

namespace sluice {

// One run over one image's latents. State (multistep history, step count) lives here: make one per image.
//
// A loop, i counting model evaluations:
//     x = noise * init_noise_sigma(), or add_noise(image latents, noise, 0) for image to image
//     for i in 0 .. timesteps().size() - 1:
//         scale_model_input(x, i, input);  output = guided model(input, timesteps()[i]);  step(output, i, x,
//         rng) inpainting: x = mask * x + (1 - mask) * (last ? image latents : add_noise(image latents,
//         noise, i + 1))
class Sampler {
  public:
    virtual ~Sampler() = default;

    // What the model is given at each evaluation; may be fractional.
    std::span<const double> timesteps() const { return timesteps_; }

    // Model evaluations a step: 1, or 2 for samplers that look ahead (their first or last step may take one
    // less).
    virtual int order() const { return 1; }

    // Standard deviation to give unit noise at the start of text to image.
    virtual float init_noise_sigma() const { return 1.f; }

    // x as the model wants it at evaluation i. `out` has x's size and may be x.
    virtual void scale_model_input(std::span<const float> x, int i, std::span<float> out) const;

    // Moves x from evaluation i to i + 1. Calls go i = 0, 1, 2, …; going back to 0 starts over; any other
    // order throws Error(internal), as do sizes that differ. Ancestral samplers draw from `rng`, the others
    // don't.
    void step(std::span<const float> model_output, int i, std::span<float> x, TorchRandom& rng);

    // `original` with `noise` to the level that x has before evaluation i. `out` may be either.
    virtual void add_noise(std::span<const float> original, std::span<const float> noise, int i,
                           std::span<float> out) const = 0;

    // The picture's latents as the last step predicted them, for previews; empty before the first.
    std::span<const float> denoised() const { return denoised_; }

  protected:
    // `begin` is the index in the full schedule at which this run starts.
    Sampler(std::vector<double> timesteps, int begin);
    virtual void do_step(std::span<const float> model_output, int i, std::span<float> x,
                         TorchRandom& rng) = 0;
    virtual void restart() {}
    // Index of evaluation i in the full schedule; checks it.
    size_t index(int i) const;

    std::vector<float> denoised_;

  private:
    std::vector<double> timesteps_;
    int begin_;
    int next_ = 0;
};

struct SamplerSetup {
    int steps = 20;
    double strength = 1.0;  // image to image runs the last int(steps * strength) steps; 1 for text to image
};

// A sampler and schedule as their table names them.
struct SamplerChoice {
    std::string sampler;  // "dpmpp_2m"
    std::string
        schedule;  // "karras"; empty: as the model's configuration says, which is normal unless it says more
};

struct SamplerInfo {
    std::string name;       // "dpmpp_2m"
    std::string label;      // "DPM++ 2M"
    std::string reference;  // "DPMSolverMultistepScheduler"
    std::vector<std::string> schedules;
};

// Every sampler that there is, in the table's order.
const std::vector<SamplerInfo>& list_samplers();

// Accepts our names and those that A1111 and ComfyUI show, whatever their case ("Euler a", "DPM++ 2M Karras",
// "euler_ancestral"). `schedule` may be empty when nothing was asked for. Throws Error(usage) for an unknown
// name or a schedule that the sampler cannot take; the message lists those that are there.
SamplerChoice resolve_sampler(std::string_view name, std::string_view schedule);

// resolve_sampler, then the sampler itself. Error(input) for step counts, strengths or configurations that
// the reference class cannot run.
std::unique_ptr<Sampler> make_sampler(std::string_view name, std::string_view schedule,
                                      const SchedulerConfig& config, const SamplerSetup& setup);

}  // namespace sluice
