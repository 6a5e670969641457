#include "pipeline/sampler.h"

#include <algorithm>
#include <sstream>

#include "core/error.h"
#include "pipeline/sampler_factory.h"

namespace sluice {
namespace {

struct Row {
    SamplerInfo info;
    SamplerFactory* factory;
    std::vector<std::string> keys;  // name and other names, squeezed
};

std::vector<std::string> words(const char* text) {
    std::istringstream in(text);
    std::vector<std::string> out;
    for (std::string word; in >> word;) out.push_back(word);
    return out;
}

// "DPM++ 2M" and "dpm++_2m" are one name.
std::string squeeze(std::string_view name) {
    std::string out;
    for (const char c : name)
        if (c != ' ' && c != '-' && c != '_' && c != '\t')
            out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
    return out;
}

const std::vector<Row>& rows() {
    static const std::vector<Row> table = [] {
        std::vector<Row> out;
        const auto add = [&](const char* name, const char* label, const char* reference,
                             SamplerFactory* factory, const char* schedules, const char* aliases) {
            Row row{{name, label, reference, words(schedules)}, factory, words(aliases)};
            row.keys.push_back(squeeze(name));
            row.keys.push_back(squeeze(label));
            row.keys.push_back(squeeze(reference));
            out.push_back(std::move(row));
        };
#define SLUICE_SAMPLER(name, label, reference, factory, schedules, aliases) \
    add(name, label, reference, factory, schedules, aliases);
#include "pipeline/samplers.def"
#undef SLUICE_SAMPLER
        return out;
    }();
    return table;
}

std::string joined(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
    return out;
}

std::string sampler_names() {
    std::vector<std::string> names;
    for (const Row& row : rows()) names.push_back(row.info.name);
    return joined(names);
}

const Row* find_row(const std::string& squeezed) {
    for (const Row& row : rows())
        if (std::find(row.keys.begin(), row.keys.end(), squeezed) != row.keys.end()) return &row;
    return nullptr;
}

// Every schedule that some sampler takes.
std::vector<std::string> all_schedules() {
    std::vector<std::string> out;
    for (const Row& row : rows())
        for (const std::string& s : row.info.schedules)
            if (std::find(out.begin(), out.end(), s) == out.end()) out.push_back(s);
    return out;
}

}  // namespace

Sampler::Sampler(std::vector<double> timesteps, int begin) : timesteps_(std::move(timesteps)), begin_(begin) {
    if (begin < 0 || static_cast<size_t>(begin) >= timesteps_.size())
        throw Error(
            Status::internal, "sampler-begin",
            "sampler begins at " + std::to_string(begin) + " of " + std::to_string(timesteps_.size()));
    timesteps_.erase(timesteps_.begin(), timesteps_.begin() + begin);
}

size_t Sampler::index(int i) const {
    if (i < 0 || static_cast<size_t>(i) >= timesteps_.size())
        throw Error(Status::internal, "sampler-index",
                    "sampler has " + std::to_string(timesteps_.size()) + " evaluations, asked for number " +
                        std::to_string(i));
    return static_cast<size_t>(begin_) + static_cast<size_t>(i);
}

void Sampler::scale_model_input(std::span<const float> x, int i, std::span<float> out) const {
    index(i);
    if (out.data() != x.data()) std::copy(x.begin(), x.end(), out.begin());
}

void Sampler::step(std::span<const float> model_output, int i, std::span<float> x, TorchRandom& rng) {
    index(i);
    if (i != 0 && i != next_)
        throw Error(
            Status::internal, "sampler-order",
            "sampler steps go in order: expected " + std::to_string(next_) + ", given " + std::to_string(i));
    if (model_output.size() != x.size() || (i != 0 && denoised_.size() != x.size()))
        throw Error(Status::internal, "sampler-size",
                    "sampler step: latents have " + std::to_string(x.size()) +
                        " values, the model's output " + std::to_string(model_output.size()) +
                        ", the step before " + std::to_string(denoised_.size()));
    if (i == 0) restart();
    denoised_.resize(x.size());
    do_step(model_output, i, x, rng);
    next_ = i + 1;
}

SigmaSpacing SamplerRequest::spacing() const {
    if (schedule == "karras") return SigmaSpacing::karras;
    if (schedule == "exponential") return SigmaSpacing::exponential;
    if (!schedule.empty()) return SigmaSpacing::as_timesteps;
    const bool karras = keys.flag("use_karras_sigmas", false),
               exponential = keys.flag("use_exponential_sigmas", false);
    const bool beta = keys.flag("use_beta_sigmas", false);
    if (karras + exponential + beta > 1) unsupported("more than one of the use_..._sigmas keys");
    if (beta) unsupported("use_beta_sigmas");
    return karras        ? SigmaSpacing::karras
           : exponential ? SigmaSpacing::exponential
                         : SigmaSpacing::as_timesteps;
}

int SamplerRequest::begin(int order) const {
    const int run = std::min(static_cast<int>(setup.steps * setup.strength), setup.steps);
    if (run < 1)
        throw Error(Status::input, "strength-too-small",
                    "strength " + std::to_string(setup.strength) + " of " + std::to_string(setup.steps) +
                        " steps leaves no step to run",
                    "raise the strength or the number of steps");
    return (setup.steps - run) * order;
}

TimestepSpacing timestep_spacing(const SchedulerKeys& keys, const char* fallback) {
    const std::string name = keys.text("timestep_spacing", fallback);
    if (name == "linspace") return TimestepSpacing::linspace;
    if (name == "leading") return TimestepSpacing::leading;
    if (name == "trailing") return TimestepSpacing::trailing;
    unsupported("timestep_spacing \"" + name + "\" (linspace, leading and trailing are known)");
}

void unsupported(const std::string& what) {
    throw Error(Status::input, "scheduler-unsupported", "this sampler cannot run with " + what,
                "choose another sampler, or change the model's scheduler_config.json");
}

const std::vector<SamplerInfo>& list_samplers() {
    static const std::vector<SamplerInfo> infos = [] {
        std::vector<SamplerInfo> out;
        for (const Row& row : rows()) out.push_back(row.info);
        return out;
    }();
    return infos;
}

SamplerChoice resolve_sampler(std::string_view name, std::string_view schedule) {
    const std::string key = squeeze(name);
    std::string wanted = squeeze(schedule);
    if (wanted == "automatic" || wanted == "default") wanted.clear();
    const Row* row = find_row(key);
    if (!row) {
        // A1111 used to show the schedule at the sampler's end.
        for (const std::string& s : all_schedules()) {
            const std::string suffix = squeeze(s);
            if (key.size() <= suffix.size() || !key.ends_with(suffix)) continue;
            row = find_row(key.substr(0, key.size() - suffix.size()));
            if (!row) continue;
            if (!wanted.empty() && wanted != suffix)
                throw Error(Status::usage, "schedule-conflict",
                            "sampler \"" + std::string(name) + "\" names a schedule other than \"" +
                                std::string(schedule) + "\"",
                            "give the schedule once");
            wanted = suffix;
            break;
        }
    }
    if (!row)
        throw Error(Status::usage, "unknown-sampler",
                    "unknown sampler \"" + std::string(name) + "\"; there are: " + sampler_names(),
                    "choose one of: " + sampler_names());
    if (wanted.empty()) return {row->info.name, ""};
    for (const std::string& s : row->info.schedules)
        if (squeeze(s) == wanted) return {row->info.name, s};
    const std::string there = joined(row->info.schedules);
    for (const std::string& s : all_schedules())
        if (squeeze(s) == wanted)
            throw Error(
                Status::usage, "schedule-not-taken",
                "sampler " + row->info.name + " cannot take the schedule " + s + "; it takes: " + there,
                "choose one of: " + there);
    throw Error(Status::usage, "unknown-schedule",
                "unknown schedule \"" + std::string(schedule) + "\"; there are: " + joined(all_schedules()) +
                    "; " + row->info.name + " takes: " + there,
                "choose one of: " + there);
}

std::unique_ptr<Sampler> make_sampler(std::string_view name, std::string_view schedule,
                                      const SchedulerConfig& config, const SamplerSetup& setup) {
    const SamplerChoice choice = resolve_sampler(name, schedule);
    const SchedulerKeys keys(config);
    const int train = keys.integer("num_train_timesteps", 1000);
    if (setup.steps < 1 || setup.steps > train)
        throw Error(Status::input, "steps-out-of-range",
                    "steps is " + std::to_string(setup.steps) + ", expected 1 to " + std::to_string(train) +
                        ", as many as the model was trained with");
    if (!(setup.strength > 0 && setup.strength <= 1))
        throw Error(Status::input, "strength-out-of-range",
                    "strength is " + std::to_string(setup.strength) + ", expected above 0 and up to 1");
    return find_row(squeeze(choice.sampler))->factory({keys, choice.schedule, setup});
}

}  // namespace sluice
