// Noise schedules: betas, sigmas and timesteps as diffusers' schedulers compute them, in the same mixture of
// float32 (PyTorch's part) and float64 (NumPy's part). Knows nothing of any sampler.
#pragma once
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "networks/config.h"

namespace sluice {

// scheduler_config.json as one scheduler class sees it: a key that is absent, null, or listed in
// _use_default_values takes the default that the caller names. Values of a wrong type throw Error(input).
class SchedulerKeys {
  public:
    // Reads config.raw_json where it isn't empty, otherwise the fields of config.
    explicit SchedulerKeys(const SchedulerConfig& config);

    double number(const char* key, double fallback) const;
    int integer(const char* key, int fallback) const;
    bool flag(const char* key, bool fallback) const;
    std::string text(const char* key, const std::string& fallback) const;
    std::vector<double> list(const char* key) const;  // empty when absent
    bool has(const char* key) const;

  private:
    const nlohmann::json* find(const char* key) const;
    std::shared_ptr<const nlohmann::json> json_;
};

enum class Prediction { epsilon, v_prediction, sample };
Prediction prediction_type(const SchedulerKeys& keys);

// What training fixed: the product of (1 - beta) up to each of the training timesteps, and sigma by timestep,
// sqrt((1 - a) / a), ascending.
struct NoiseSchedule {
    std::vector<float> alphas_cumprod;
    std::vector<float> sigmas;
    int train_timesteps() const { return static_cast<int>(alphas_cumprod.size()); }
};

// `keep_last_finite`: with rescale_betas_zero_snr, the last product is set to 2^-24 in place of zero, as the
// classes that divide by it do (Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed").
NoiseSchedule make_noise_schedule(const SchedulerKeys& keys, bool keep_last_finite);

// numpy.linspace(start, stop, count) in float64.
std::vector<double> linspace(double start, double stop, int count);

// torch.linspace(start, end, count, dtype=float32) on the CPU.
std::vector<float> linspace_float(float start, float end, int count);

// numpy.arange(start, 0, -step).round() - 1: "trailing" spacing.
std::vector<double> trailing_timesteps(double start, double step);

// numpy.interp(x, arange(len(table)), table).
double interpolate(double x, const std::vector<float>& table);

// How the sigmas between the first and the last are spread.
enum class SigmaSpacing { as_timesteps, karras, exponential };

// `count` sigmas from `first` (largest) to `last`: rho 7 (Karras et al., "Elucidating the Design Space of
// Diffusion-Based Generative Models"), or evenly in their logarithm.
std::vector<double> spread_sigmas(SigmaSpacing spacing, double first, double last, int count);

// The (fractional) timestep whose sigma this is, interpolated in log sigma.
double timestep_of_sigma(double sigma, const std::vector<float>& log_sigmas);

// Natural logarithm of each, in float32.
std::vector<float> logarithms(const std::vector<float>& values);

}  // namespace sluice
