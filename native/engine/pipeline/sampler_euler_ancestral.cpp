// Ancestral sampling with Euler steps: each step goes further down than asked and adds fresh noise back.
#include <cmath>

#include "pipeline/sampler_sigma.h"

namespace sluice {
namespace {

class EulerAncestral final : public SigmaSampler {
  public:
    EulerAncestral(SigmaTable table, const SamplerRequest& request)
        : SigmaSampler(std::move(table), request) {}

  private:
    void do_step(std::span<const float> model_output, int i, std::span<float> x, TorchRandom& rng) override {
        const float from = sigma(i), to = next_sigma(i);
        const float up = std::sqrt(to * to * (from * from - to * to) / (from * from));
        const float down = std::sqrt(to * to - up * up);
        const float dt = down - from;
        predict_picture(model_output, i, x);
        // The last step adds none (up is 0) and draws all the same, as the reference does.
        noise_.resize(x.size());
        rng.randn(std::span<float>(noise_));
        for (size_t k = 0; k < x.size(); ++k)
            x[k] = x[k] + (x[k] - denoised_[k]) / from * dt + noise_[k] * up;
    }

    std::vector<float> noise_;
};

}  // namespace

std::unique_ptr<Sampler> make_euler_ancestral(const SamplerRequest& request) {
    if (prediction_type(request.keys) == Prediction::sample) unsupported("prediction_type \"sample\"");
    const NoiseSchedule noise = make_noise_schedule(request.keys, true);
    SigmaTable table;
    table.timesteps = sigma_timesteps(request.keys, noise.train_timesteps(), request.setup.steps);
    for (const double t : table.timesteps)
        table.sigmas.push_back(static_cast<float>(interpolate(t, noise.sigmas)));
    table.sigmas.push_back(0.f);
    return std::make_unique<EulerAncestral>(std::move(table), request);
}

}  // namespace sluice
