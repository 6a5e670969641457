// Euler's method on the probability-flow ODE (Karras et al. 2022, algorithm 2 without churn).
#include <cmath>

#include "pipeline/sampler_sigma.h"

namespace sluice {
namespace {

class Euler final : public SigmaSampler {
  public:
    Euler(SigmaTable table, const SamplerRequest& request) : SigmaSampler(std::move(table), request) {}

  private:
    void do_step(std::span<const float> model_output, int i, std::span<float> x, TorchRandom&) override {
        const float now = sigma(i), dt = next_sigma(i) - now;
        predict_picture(model_output, i, x);
        for (size_t k = 0; k < x.size(); ++k) x[k] = x[k] + (x[k] - denoised_[k]) / now * dt;
    }
};

// Sigmas at the timesteps, spread anew where a spacing is asked for, with the final one behind.
SigmaTable make_table(const SamplerRequest& request, const NoiseSchedule& noise) {
    const SchedulerKeys& keys = request.keys;
    const int steps = request.setup.steps;
    SigmaTable table;
    table.timesteps = sigma_timesteps(keys, noise.train_timesteps(), steps);
    std::vector<double> sigmas;
    const std::string interpolation = keys.text("interpolation_type", "linear");
    if (interpolation == "linear") {
        for (const double t : table.timesteps) sigmas.push_back(interpolate(t, noise.sigmas));
    } else if (interpolation == "log_linear") {
        const auto logs = logarithms({noise.sigmas.back(), noise.sigmas.front()});
        for (const float v : linspace_float(logs[0], logs[1], steps + 1))
            sigmas.push_back(static_cast<float>(std::exp(static_cast<double>(v))));
    } else {
        unsupported("interpolation_type \"" + interpolation + "\"");
    }
    const SigmaSpacing spacing = request.spacing();
    if (spacing != SigmaSpacing::as_timesteps) {
        const double first = keys.number("sigma_max", sigmas.front()),
                     last = keys.number("sigma_min", sigmas.back());
        sigmas = spread_sigmas(spacing, first, last, steps);
        const std::vector<float> log_sigmas = logarithms(noise.sigmas);
        table.timesteps.clear();
        for (const double s : sigmas)
            table.timesteps.push_back(static_cast<float>(timestep_of_sigma(s, log_sigmas)));
    }
    const std::string last = keys.text("final_sigmas_type", "zero");
    if (last != "zero" && last != "sigma_min") unsupported("final_sigmas_type \"" + last + "\"");
    for (const double s : sigmas) table.sigmas.push_back(static_cast<float>(s));
    table.sigmas.push_back(last == "zero" ? 0.f : noise.sigmas.front());
    if (keys.text("timestep_type", "discrete") == "continuous" &&
        prediction_type(keys) == Prediction::v_prediction) {
        table.timesteps.clear();
        for (size_t i = 0; i + 1 < table.sigmas.size(); ++i)
            table.timesteps.push_back(0.25f *
                                      static_cast<float>(std::log(static_cast<double>(table.sigmas[i]))));
    }
    return table;
}

}  // namespace

std::unique_ptr<Sampler> make_euler(const SamplerRequest& request) {
    const NoiseSchedule noise = make_noise_schedule(request.keys, true);
    return std::make_unique<Euler>(make_table(request, noise), request);
}

}  // namespace sluice
