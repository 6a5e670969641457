// DPM-Solver++ as a multistep method of order 1 to 3 on the predicted picture (Lu et al., "DPM-Solver++: Fast
// Solver for Guided Sampling of Diffusion Probabilistic Models"). Order 2 with midpoints is what others call
// DPM++ 2M.
#include <algorithm>
#include <cmath>
#include <limits>

#include "pipeline/sampler_sigma.h"

namespace sluice {
namespace {

// Correctly rounded float32 functions: PyTorch's are within one unit of them.
float log_float(float v) {
    return static_cast<float>(std::log(static_cast<double>(v)));
}
float exp_float(float v) {
    return static_cast<float>(std::exp(static_cast<double>(v)));
}

// Signal and noise levels of a sigma, and half the logarithm of their ratio squared.
struct Level {
    explicit Level(float sigma_ratio)
        : alpha(1.f / std::sqrt(sigma_ratio * sigma_ratio + 1.f)),
          sigma(sigma_ratio * alpha),
          lambda(log_float(alpha) - log_float(sigma)) {}
    float alpha, sigma, lambda;
};

struct DpmOptions {
    int order;
    bool heun, lower_order_final, euler_at_final, zero_final;
};

class DpmMultistep final : public Sampler {
  public:
    DpmMultistep(SigmaTable table, int begin, Prediction prediction, DpmOptions options)
        : Sampler(std::move(table.timesteps), begin),
          sigmas_(std::move(table.sigmas)),
          prediction_(prediction),
          options_(options) {}

    void add_noise(std::span<const float> original, std::span<const float> noise, int i,
                   std::span<float> out) const override {
        const Level level(sigmas_[index(i)]);
        for (size_t k = 0; k < out.size(); ++k) out[k] = level.alpha * original[k] + level.sigma * noise[k];
    }

  private:
    void restart() override {
        history_.clear();
        done_ = 0;
    }

    void predict(std::span<const float> model_output, const Level& now, std::span<const float> x) {
        for (size_t k = 0; k < x.size(); ++k) {
            switch (prediction_) {
                case Prediction::epsilon:
                    denoised_[k] = (x[k] - now.sigma * model_output[k]) / now.alpha;
                    break;
                case Prediction::sample:
                    denoised_[k] = model_output[k];
                    break;
                case Prediction::v_prediction:
                    denoised_[k] = now.alpha * x[k] - now.sigma * model_output[k];
                    break;
            }
        }
    }

    void do_step(std::span<const float> model_output, int i, std::span<float> x, TorchRandom&) override {
        const size_t at = index(i), last = sigmas_.size() - 2;
        const bool few = sigmas_.size() - 1 < 15;
        const bool first_order_last =
            at == last &&
            (options_.euler_at_final || (options_.lower_order_final && few) || options_.zero_final);
        const bool second_order_last = at + 1 == last && options_.lower_order_final && few;
        const Level now(sigmas_[at]), next(sigmas_[at + 1]);
        predict(model_output, now, x);
        history_.insert(history_.begin(), denoised_);  // newest first
        if (history_.size() > static_cast<size_t>(options_.order)) history_.pop_back();

        if (options_.order == 1 || done_ < 1 || first_order_last)
            first_order(now, next, x);
        else if (options_.order == 2 || done_ < 2 || second_order_last)
            second_order(Level(sigmas_[at - 1]), now, next, x);
        else
            third_order(Level(sigmas_[at - 2]), Level(sigmas_[at - 1]), now, next, x);
        if (done_ < options_.order) ++done_;
    }

    void first_order(const Level& now, const Level& next, std::span<float> x) const {
        const float h = next.lambda - now.lambda;
        const float keep = next.sigma / now.sigma, take = next.alpha * (exp_float(-h) - 1.f);
        const std::vector<float>& m0 = history_[0];
        for (size_t k = 0; k < x.size(); ++k) x[k] = keep * x[k] - take * m0[k];
    }

    void second_order(const Level& before, const Level& now, const Level& next, std::span<float> x) const {
        const float h = next.lambda - now.lambda, h0 = now.lambda - before.lambda;
        const float inverse = 1.f / (h0 / h);
        const float keep = next.sigma / now.sigma, growth = exp_float(-h) - 1.f, take = next.alpha * growth;
        // Minus the factor of the slope.
        const float slope = options_.heun ? -(next.alpha * (growth / h + 1.f)) : 0.5f * take;
        const std::vector<float>&m0 = history_[0], &m1 = history_[1];
        for (size_t k = 0; k < x.size(); ++k)
            x[k] = keep * x[k] - take * m0[k] - slope * (inverse * (m0[k] - m1[k]));
    }

    void third_order(const Level& earlier, const Level& before, const Level& now, const Level& next,
                     std::span<float> x) const {
        const float h = next.lambda - now.lambda, h0 = now.lambda - before.lambda,
                    h1 = before.lambda - earlier.lambda;
        const float r0 = h0 / h, r1 = h1 / h;
        const float inverse0 = 1.f / r0, inverse1 = 1.f / r1, share = r0 / (r0 + r1),
                    inverse = 1.f / (r0 + r1);
        const float keep = next.sigma / now.sigma, growth = exp_float(-h) - 1.f, take = next.alpha * growth;
        const float slope = next.alpha * (growth / h + 1.f),
                    bend = next.alpha * ((growth + h) / (h * h) - 0.5f);
        const std::vector<float>&m0 = history_[0], &m1 = history_[1], &m2 = history_[2];
        for (size_t k = 0; k < x.size(); ++k) {
            const float d0 = inverse0 * (m0[k] - m1[k]), d1 = inverse1 * (m1[k] - m2[k]),
                        difference = d0 - d1;
            x[k] = keep * x[k] - take * m0[k] + slope * (d0 + share * difference) -
                   bend * (inverse * difference);
        }
    }

    std::vector<float> sigmas_;
    std::vector<std::vector<float>> history_;  // predicted pictures
    Prediction prediction_;
    DpmOptions options_;
    int done_ = 0;
};

// The timesteps between the whole schedule's ends without the last of steps + 1.
std::vector<double> dpm_timesteps(const SchedulerKeys& keys, const NoiseSchedule& noise, int steps) {
    // Very negative log signal-to-noise ratios may be left out.
    int end = noise.train_timesteps();
    const double clip = keys.number("lambda_min_clipped", -std::numeric_limits<double>::infinity());
    for (; end > 0; --end) {
        const float a = noise.alphas_cumprod[static_cast<size_t>(end - 1)];
        if (log_float(std::sqrt(a)) - log_float(std::sqrt(1.f - a)) >= clip) break;
    }
    if (end < 1) unsupported("a lambda_min_clipped that leaves no timestep");
    std::vector<double> out;
    switch (timestep_spacing(keys, "linspace")) {
        case TimestepSpacing::linspace:
            out = linspace(0, end - 1, steps + 1);
            std::reverse(out.begin(), out.end());
            out.pop_back();
            for (double& t : out) t = std::nearbyint(t);
            break;
        case TimestepSpacing::leading:
            for (int i = steps; i > 0; --i)
                out.push_back(i * (end / (steps + 1)) + keys.integer("steps_offset", 0));
            break;
        case TimestepSpacing::trailing:
            out = trailing_timesteps(end, static_cast<double>(noise.train_timesteps()) / steps);
            break;
    }
    return out;
}

SigmaTable make_table(const SamplerRequest& request, const NoiseSchedule& noise) {
    const SchedulerKeys& keys = request.keys;
    SigmaTable table;
    table.timesteps = dpm_timesteps(keys, noise, request.setup.steps);
    std::vector<double> sigmas;
    const SigmaSpacing spacing = request.spacing();
    if (spacing == SigmaSpacing::as_timesteps) {
        for (const double t : table.timesteps) sigmas.push_back(interpolate(t, noise.sigmas));
    } else {
        sigmas = spread_sigmas(spacing, noise.sigmas.back(), noise.sigmas.front(), request.setup.steps);
        const std::vector<float> log_sigmas = logarithms(noise.sigmas);
        const bool round =
            spacing == SigmaSpacing::karras && keys.text("beta_schedule", "linear") != "squaredcos_cap_v2";
        table.timesteps.clear();
        for (const double s : sigmas) {
            const double t = timestep_of_sigma(s, log_sigmas);
            table.timesteps.push_back(
                std::trunc(round ? std::nearbyint(t) : t));  // this class keeps whole ones
        }
    }
    const std::string last = keys.text("final_sigmas_type", "zero");
    if (last != "zero" && last != "sigma_min") unsupported("final_sigmas_type \"" + last + "\"");
    for (const double s : sigmas) table.sigmas.push_back(static_cast<float>(s));
    table.sigmas.push_back(last == "zero" ? 0.f : noise.sigmas.front());
    return table;
}

}  // namespace

std::unique_ptr<Sampler> make_dpmpp_2m(const SamplerRequest& request) {
    const SchedulerKeys& keys = request.keys;
    for (const char* key : {"thresholding", "use_lu_lambdas", "use_flow_sigmas", "use_dynamic_shifting"})
        if (keys.flag(key, false)) unsupported(key);
    if (keys.has("variance_type")) unsupported("variance_type");
    const std::string algorithm = keys.text("algorithm_type", "dpmsolver++"),
                      type = keys.text("solver_type", "midpoint");
    // UniPC's and DEIS's names for their own kinds fall back on the default here, as in the reference.
    if (algorithm != "dpmsolver++" && algorithm != "deis")
        unsupported("algorithm_type \"" + algorithm + "\"");
    if (type != "midpoint" && type != "heun" && type != "logrho" && type != "bh1" && type != "bh2")
        unsupported("solver_type \"" + type + "\"");
    DpmOptions options{};
    options.order = keys.integer("solver_order", 2);
    if (options.order < 1 || options.order > 3) unsupported("solver_order " + std::to_string(options.order));
    options.heun = type == "heun";
    options.lower_order_final = keys.flag("lower_order_final", true);
    options.euler_at_final = keys.flag("euler_at_final", false);
    options.zero_final = keys.text("final_sigmas_type", "zero") == "zero";
    const NoiseSchedule noise = make_noise_schedule(keys, true);
    return std::make_unique<DpmMultistep>(make_table(request, noise), request.begin(), prediction_type(keys),
                                          options);
}

}  // namespace sluice
