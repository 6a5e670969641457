// What a paint job would keep, stream and free, as the JSON that `sluice plan` prints. No device.
#pragma once
#include <string>

#include "pipeline/paint.h"

namespace sluice {

struct PlanQuestion {
    PaintRequest request;  // model, size, cfg, controls' models, memory; pictures unused
    DeviceTraits traits;   // of the device that is asked about
    double link_bytes_per_second = 0, flops_per_second = 0;
};
std::string plan_report(const PlanQuestion& question, const std::string& cache_dir);

}  // namespace sluice
