// DDIM with eta 0 (Song et al., "Denoising Diffusion Implicit Models", equation 12).
#include <algorithm>
#include <cmath>

#include "pipeline/sampler_factory.h"

namespace sluice {
namespace {

class Ddim final : public Sampler {
  public:
    Ddim(std::vector<double> timesteps, int begin, NoiseSchedule noise, const SchedulerKeys& keys, int steps)
        : Sampler(std::move(timesteps), begin),
          products_(std::move(noise.alphas_cumprod)),
          prediction_(prediction_type(keys)),
          stride_(static_cast<int>(products_.size()) / steps),
          final_product_(keys.flag("set_alpha_to_one", true) ? 1.f : products_.front()),
          clip_(keys.flag("clip_sample", true)),
          clip_range_(static_cast<float>(keys.number("clip_sample_range", 1.0))) {}

    void add_noise(std::span<const float> original, std::span<const float> noise, int i,
                   std::span<float> out) const override {
        const float product = product_at(i);
        const float signal = std::sqrt(product), level = std::sqrt(1.f - product);
        for (size_t k = 0; k < out.size(); ++k) out[k] = signal * original[k] + level * noise[k];
    }

  private:
    float product_at(int i) const {
        index(i);
        return products_[static_cast<size_t>(timesteps()[static_cast<size_t>(i)])];
    }

    void do_step(std::span<const float> model_output, int i, std::span<float> x, TorchRandom&) override {
        const float product = product_at(i);
        const int previous = static_cast<int>(timesteps()[static_cast<size_t>(i)]) - stride_;
        const float product_previous =
            previous >= 0 ? products_[static_cast<size_t>(previous)] : final_product_;
        const float signal = std::sqrt(product), level = std::sqrt(1.f - product);
        const float signal_previous = std::sqrt(product_previous),
                    level_previous = std::sqrt(1.f - product_previous);
        for (size_t k = 0; k < x.size(); ++k) {
            float original = model_output[k], epsilon = model_output[k];
            switch (prediction_) {
                case Prediction::epsilon:
                    original = (x[k] - level * model_output[k]) / signal;
                    break;
                case Prediction::sample:
                    epsilon = (x[k] - signal * original) / level;
                    break;
                case Prediction::v_prediction:
                    original = signal * x[k] - level * model_output[k];
                    epsilon = signal * model_output[k] + level * x[k];
                    break;
            }
            if (clip_) original = std::clamp(original, -clip_range_, clip_range_);
            denoised_[k] = original;
            x[k] = signal_previous * original + level_previous * epsilon;
        }
    }

    std::vector<float> products_;  // alphas_cumprod
    Prediction prediction_;
    int stride_;
    float final_product_;
    bool clip_;
    float clip_range_;
};

std::vector<double> ddim_timesteps(const SchedulerKeys& keys, int train, int steps) {
    std::vector<double> out;
    switch (timestep_spacing(keys, "leading")) {
        case TimestepSpacing::linspace:
            out = linspace(0, train - 1, steps);
            std::reverse(out.begin(), out.end());
            for (double& t : out) t = std::nearbyint(t);
            break;
        case TimestepSpacing::leading:
            for (int i = steps; i-- > 0;)
                out.push_back(i * (train / steps) + keys.integer("steps_offset", 0));
            break;
        case TimestepSpacing::trailing:
            out = trailing_timesteps(train, static_cast<double>(train) / steps);
            break;
    }
    for (const double t : out)
        if (t < 0 || t >= train)
            unsupported(std::to_string(steps) + " steps: a timestep would be " +
                        std::to_string(static_cast<int>(t)) + " of " + std::to_string(train) +
                        " (steps_offset)");
    return out;
}

}  // namespace

std::unique_ptr<Sampler> make_ddim(const SamplerRequest& request) {
    const SchedulerKeys& keys = request.keys;
    if (keys.flag("thresholding", false)) unsupported("thresholding, which is for pictures, not latents");
    NoiseSchedule noise = make_noise_schedule(keys, false);
    const int steps = request.setup.steps;
    std::vector<double> timesteps = ddim_timesteps(keys, noise.train_timesteps(), steps);
    return std::make_unique<Ddim>(std::move(timesteps), request.begin(), std::move(noise), keys, steps);
}

}  // namespace sluice
