// What the samplers in sigma's parametrisation (x = picture + sigma * noise) have in common, after Karras et
// al., "Elucidating the Design Space of Diffusion-Based Generative Models".
#pragma once
#include "pipeline/sampler_factory.h"

namespace sluice {

// Sigmas by evaluation and one more at the end, and the timesteps that go with them.
struct SigmaTable {
    std::vector<float> sigmas;
    std::vector<double> timesteps;
};

// float32 timesteps at `steps` points, fractional where the spacing makes them so.
std::vector<double> sigma_timesteps(const SchedulerKeys& keys, int train_timesteps, int steps);

class SigmaSampler : public Sampler {
  public:
    // The largest sigma, or with leading spacing, whose first sigma is not the largest trained, the deviation
    // of a unit picture with that noise.
    float init_noise_sigma() const override;
    void scale_model_input(std::span<const float> x, int i, std::span<float> out) const override;
    void add_noise(std::span<const float> original, std::span<const float> noise, int i,
                   std::span<float> out) const override;

  protected:
    SigmaSampler(SigmaTable table, const SamplerRequest& request);

    float sigma(int i) const { return sigmas_[index(i)]; }
    float next_sigma(int i) const { return sigmas_[index(i) + 1]; }
    // Fills denoised_ from the model's output at evaluation i.
    void predict_picture(std::span<const float> model_output, int i, std::span<const float> x);

  private:
    std::vector<float> sigmas_;
    Prediction prediction_;
    bool leading_;
};

}  // namespace sluice
