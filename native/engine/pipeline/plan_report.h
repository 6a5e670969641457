// What a paint job would keep, stream and free, as the JSON that `sluice plan` prints. No device.
#pragma once
#include <string>

#include "pipeline/paint.h"

namespace sluice {

struct PlanQuestion {
    PaintRequest request;  // model, size, cfg, controls' models, memory; pictures unused
    DeviceTraits traits;   // of the device that is asked about
    uint64_t available_bytes = 0;  // what the device has free; 0: no limit
    bool can_import = true;        // of host memory; without, copies are staged and nothing is read in place
    double link_bytes_per_second = 0, flops_per_second = 0;
};
std::string plan_report(const PlanQuestion& question, const std::string& cache_dir);

}  // namespace sluice
