// What a sampler's file needs besides sampler.h: the arguments of its factory and the parts that several
// share.
#pragma once
#include "pipeline/sampler.h"
#include "pipeline/schedule.h"

namespace sluice {

struct SamplerRequest {
    const SchedulerKeys& keys;
    std::string schedule;  // one of the row's, or empty: as the keys say
    SamplerSetup setup;

    // The spacing asked for, or else that of use_karras_sigmas and its like.
    SigmaSpacing spacing() const;
    // Where a run of setup.strength begins among `count` timesteps of a sampler of that order. Throws
    // Error(input) when no step would be left.
    int begin(int order = 1) const;
};

using SamplerFactory = std::unique_ptr<Sampler>(const SamplerRequest&);

#define SLUICE_SAMPLER(name, label, reference, factory, schedules, aliases) SamplerFactory factory;
#include "pipeline/samplers.def"
#undef SLUICE_SAMPLER

// timestep_spacing as the class in `fallback` has it by default, checked.
enum class TimestepSpacing { linspace, leading, trailing };
TimestepSpacing timestep_spacing(const SchedulerKeys& keys, const char* fallback);

// Throws Error(input): the model's configuration asks for `what`.
[[noreturn]] void unsupported(const std::string& what);

}  // namespace sluice
