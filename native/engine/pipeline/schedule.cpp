#include "pipeline/schedule.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <utility>

#include "core/error.h"

namespace sluice {
namespace {

[[noreturn]] void fail(const std::string& what) {
    throw Error(Status::input, "scheduler-config", "scheduler_config.json: " + what,
                "compare the file with that of a published Stable Diffusion 1.5");
}

nlohmann::json json_of(const SchedulerConfig& c) {
    nlohmann::json json = {{"num_train_timesteps", c.num_train_timesteps},
                           {"beta_start", c.beta_start},
                           {"beta_end", c.beta_end},
                           {"beta_schedule", c.beta_schedule},
                           {"prediction_type", c.prediction_type},
                           {"set_alpha_to_one", c.set_alpha_to_one},
                           {"clip_sample_range", c.clip_sample_range},
                           {"rescale_betas_zero_snr", c.rescale_betas_zero_snr}};
    if (!c.trained_betas.empty()) json["trained_betas"] = c.trained_betas;
    if (!c.timestep_spacing.empty()) json["timestep_spacing"] = c.timestep_spacing;
    if (c.has_clip_sample) json["clip_sample"] = c.clip_sample;
    if (c.has_steps_offset) json["steps_offset"] = c.steps_offset;
    return json;
}

// Betas whose products follow a squared cosine (Nichol and Dhariwal, "Improved DDPM").
std::vector<float> cosine_betas(int count) {
    const auto product = [](double t) {
        const double c = std::cos((t + 0.008) / 1.008 * std::numbers::pi / 2);
        return c * c;
    };
    std::vector<float> betas(count);
    for (int i = 0; i < count; ++i) {
        const double from = product(static_cast<double>(i) / count),
                     to = product(static_cast<double>(i + 1) / count);
        betas[i] = static_cast<float>(std::min(1 - to / from, 0.999));
    }
    return betas;
}

std::vector<float> products(const std::vector<float>& betas) {
    std::vector<float> out(betas.size());
    double product = 1;  // torch.cumprod accumulates float32 in double
    for (size_t i = 0; i < betas.size(); ++i) {
        product *= static_cast<double>(1.f - betas[i]);
        out[i] = static_cast<float>(product);
    }
    return out;
}

// Shifts and scales sqrt(product) so that it ends at zero and begins where it did.
std::vector<float> rescale_to_zero_terminal_snr(const std::vector<float>& betas) {
    std::vector<float> root = products(betas);
    for (float& v : root) v = std::sqrt(v);
    const float first = root.front(), last = root.back(), scale = first / (first - last);
    std::vector<float> out(betas.size());
    float before = 1.f;
    for (size_t i = 0; i < root.size(); ++i) {
        const float shifted = (root[i] - last) * scale;
        const float product = shifted * shifted;
        out[i] = 1.f - (i == 0 ? product : product / before);
        before = product;
    }
    return out;
}

}  // namespace

SchedulerKeys::SchedulerKeys(const SchedulerConfig& config) {
    if (config.raw_json.empty()) {
        json_ = std::make_shared<nlohmann::json>(json_of(config));
        return;
    }
    auto json = nlohmann::json::parse(config.raw_json, nullptr, false);
    if (!json.is_object()) fail("is no JSON object");
    const auto defaults = json.find("_use_default_values");
    if (defaults != json.end() && defaults->is_array()) {
        const nlohmann::json names = *defaults;
        for (const auto& name : names)
            if (name.is_string()) json.erase(name.get<std::string>());
    }
    json_ = std::make_shared<nlohmann::json>(std::move(json));
}

const nlohmann::json* SchedulerKeys::find(const char* key) const {
    const auto it = json_->find(key);
    return it == json_->end() || it->is_null() ? nullptr : &*it;
}

bool SchedulerKeys::has(const char* key) const {
    return find(key) != nullptr;
}

double SchedulerKeys::number(const char* key, double fallback) const {
    const nlohmann::json* v = find(key);
    if (!v) return fallback;
    if (!v->is_number()) fail(std::string(key) + " is no number");
    return v->get<double>();
}

int SchedulerKeys::integer(const char* key, int fallback) const {
    const nlohmann::json* v = find(key);
    if (!v) return fallback;
    if (!v->is_number() || std::abs(v->get<double>()) > 1e6 ||
        v->get<double>() != std::floor(v->get<double>()))
        fail(std::string(key) + " is no whole number up to a million");
    return static_cast<int>(v->get<double>());
}

bool SchedulerKeys::flag(const char* key, bool fallback) const {
    const nlohmann::json* v = find(key);
    if (!v) return fallback;
    if (!v->is_boolean()) fail(std::string(key) + " is neither true nor false");
    return v->get<bool>();
}

std::string SchedulerKeys::text(const char* key, const std::string& fallback) const {
    const nlohmann::json* v = find(key);
    if (!v) return fallback;
    if (!v->is_string()) fail(std::string(key) + " is no text");
    return v->get<std::string>();
}

std::vector<double> SchedulerKeys::list(const char* key) const {
    const nlohmann::json* v = find(key);
    if (!v) return {};
    if (!v->is_array()) fail(std::string(key) + " is no list");
    std::vector<double> out;
    for (const auto& item : *v) {
        if (!item.is_number()) fail(std::string(key) + " holds something that is no number");
        out.push_back(item.get<double>());
    }
    return out;
}

Prediction prediction_type(const SchedulerKeys& keys) {
    const std::string name = keys.text("prediction_type", "epsilon");
    if (name == "epsilon") return Prediction::epsilon;
    if (name == "v_prediction") return Prediction::v_prediction;
    if (name == "sample") return Prediction::sample;
    fail("prediction_type is \"" + name + "\", expected epsilon, v_prediction or sample");
}

NoiseSchedule make_noise_schedule(const SchedulerKeys& keys, bool keep_last_finite) {
    const int count = keys.integer("num_train_timesteps", 1000);
    if (count < 2 || count > 100000)
        fail("num_train_timesteps is " + std::to_string(count) + ", expected 2 to 100000");
    const double start = keys.number("beta_start", 0.0001), end = keys.number("beta_end", 0.02);
    const std::string kind = keys.text("beta_schedule", "linear");
    const std::vector<double> trained = keys.list("trained_betas");
    std::vector<float> betas;
    if (!trained.empty()) {
        if (trained.size() != static_cast<size_t>(count))
            fail("trained_betas has " + std::to_string(trained.size()) + " values for " +
                 std::to_string(count) + " timesteps");
        betas.assign(trained.begin(), trained.end());
    } else if (kind == "linear") {
        betas = linspace_float(static_cast<float>(start), static_cast<float>(end), count);
    } else if (kind == "scaled_linear") {
        betas =
            linspace_float(static_cast<float>(std::sqrt(start)), static_cast<float>(std::sqrt(end)), count);
        for (float& b : betas) b *= b;
    } else if (kind == "squaredcos_cap_v2") {
        betas = cosine_betas(count);
    } else {
        fail("beta_schedule is \"" + kind + "\", expected linear, scaled_linear or squaredcos_cap_v2");
    }
    for (const float b : betas)
        if (!(b >= 0.f && b <= 1.f)) fail("betas lie outside 0 to 1");
    const bool rescale = keys.flag("rescale_betas_zero_snr", false);
    if (rescale) betas = rescale_to_zero_terminal_snr(betas);
    NoiseSchedule schedule;
    schedule.alphas_cumprod = products(betas);
    if (rescale && keep_last_finite) schedule.alphas_cumprod.back() = 0x1p-24f;
    for (const float a : schedule.alphas_cumprod) schedule.sigmas.push_back(std::sqrt((1.f - a) / a));
    return schedule;
}

std::vector<double> linspace(double start, double stop, int count) {
    std::vector<double> out(std::max(count, 0));
    const double step = count > 1 ? (stop - start) / (count - 1) : 0;
    for (int i = 0; i < count; ++i) out[i] = i * step + start;
    if (count > 1) out.back() = stop;
    return out;
}

std::vector<float> linspace_float(float start, float end, int count) {
    // torch counts from the nearer end, with multiply and add fused in its builds for AVX2 and later.
    std::vector<float> out(count);
    const float step = (end - start) / static_cast<float>(count - 1);
    const int halfway = count / 2;
    for (int i = 0; i < count; ++i)
        out[i] = i < halfway ? std::fma(step, static_cast<float>(i), start)
                             : std::fma(-step, static_cast<float>(count - i - 1), end);
    return out;
}

std::vector<double> trailing_timesteps(double start, double step) {
    const double delta = (start - step) - start;  // NumPy counts in multiples of the first difference
    const int count = static_cast<int>(std::ceil(start / step));
    std::vector<double> out(count);
    for (int i = 0; i < count; ++i) out[i] = std::nearbyint(start + i * delta) - 1;
    return out;
}

double interpolate(double x, const std::vector<float>& table) {
    if (x <= 0) return table.front();
    const double last = static_cast<double>(table.size() - 1);
    if (x >= last) return table.back();
    const size_t low = static_cast<size_t>(x);
    const double from = table[low], slope = static_cast<double>(table[low + 1]) - from;
    return slope * (x - static_cast<double>(low)) + from;
}

std::vector<double> spread_sigmas(SigmaSpacing spacing, double first, double last, int count) {
    if (spacing == SigmaSpacing::exponential) {
        std::vector<double> out = linspace(std::log(first), std::log(last), count);
        for (double& v : out) v = std::exp(v);
        return out;
    }
    constexpr double kRho = 7;
    const double from = std::pow(first, 1 / kRho), to = std::pow(last, 1 / kRho);
    std::vector<double> out = linspace(0, 1, count);
    for (double& v : out) v = std::pow(from + v * (to - from), kRho);
    return out;
}

double timestep_of_sigma(double sigma, const std::vector<float>& log_sigmas) {
    const double log_sigma = std::log(std::max(sigma, 1e-10));
    // The last timestep whose sigma is not larger; the first if there is none.
    size_t low = 0;
    for (size_t i = 0; i < log_sigmas.size(); ++i)
        if (log_sigma >= log_sigmas[i]) low = i;
    low = std::min(low, log_sigmas.size() - 2);
    const float from = log_sigmas[low], to = log_sigmas[low + 1];
    const double w = std::clamp((from - log_sigma) / static_cast<double>(from - to), 0.0, 1.0);
    return (1 - w) * static_cast<double>(low) + w * static_cast<double>(low + 1);
}

std::vector<float> logarithms(const std::vector<float>& values) {
    std::vector<float> out;
    out.reserve(values.size());
    for (const float v : values) out.push_back(static_cast<float>(std::log(static_cast<double>(v))));
    return out;
}

}  // namespace sluice
