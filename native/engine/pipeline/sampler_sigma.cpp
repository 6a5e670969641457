#include "pipeline/sampler_sigma.h"

#include <algorithm>
#include <cmath>

namespace sluice {

std::vector<double> sigma_timesteps(const SchedulerKeys& keys, int train_timesteps, int steps) {
    std::vector<double> out;
    switch (timestep_spacing(keys, "linspace")) {
        case TimestepSpacing::linspace:
            out = linspace(0, train_timesteps - 1, steps);
            std::reverse(out.begin(), out.end());
            break;
        case TimestepSpacing::leading:
            for (int i = steps; i-- > 0;)
                out.push_back(i * (train_timesteps / steps) + keys.integer("steps_offset", 0));
            break;
        case TimestepSpacing::trailing:
            out = trailing_timesteps(train_timesteps, static_cast<double>(train_timesteps) / steps);
            break;
    }
    for (double& t : out) t = static_cast<float>(t);
    return out;
}

SigmaSampler::SigmaSampler(SigmaTable table, const SamplerRequest& request)
    : Sampler(std::move(table.timesteps), request.begin()),
      sigmas_(std::move(table.sigmas)),
      prediction_(prediction_type(request.keys)),
      leading_(timestep_spacing(request.keys, "linspace") == TimestepSpacing::leading) {}

float SigmaSampler::init_noise_sigma() const {
    const float largest = *std::max_element(sigmas_.begin(), sigmas_.end());
    return leading_ ? std::sqrt(largest * largest + 1.f) : largest;
}

void SigmaSampler::scale_model_input(std::span<const float> x, int i, std::span<float> out) const {
    const float divisor = std::sqrt(sigma(i) * sigma(i) + 1.f);
    for (size_t k = 0; k < x.size(); ++k) out[k] = x[k] / divisor;
}

void SigmaSampler::add_noise(std::span<const float> original, std::span<const float> noise, int i,
                             std::span<float> out) const {
    const float level = sigma(i);
    for (size_t k = 0; k < out.size(); ++k) out[k] = original[k] + noise[k] * level;
}

void SigmaSampler::predict_picture(std::span<const float> model_output, int i, std::span<const float> x) {
    const float now = sigma(i), variance = now * now + 1.f;
    const float scale = -now / std::sqrt(variance);
    for (size_t k = 0; k < x.size(); ++k) {
        switch (prediction_) {
            case Prediction::epsilon:
                denoised_[k] = x[k] - now * model_output[k];
                break;
            case Prediction::v_prediction:
                denoised_[k] = model_output[k] * scale + x[k] / variance;
                break;
            case Prediction::sample:
                denoised_[k] = model_output[k];
                break;
        }
    }
}

}  // namespace sluice
