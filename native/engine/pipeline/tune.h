// The tuner: times the divisions of work that fit a device (ops/tiles.h) on the shapes that a job is made of, once for
// each device and driver, and remembers the quickest in the cache folder. All of them compute the same op to its
// tolerance; which one is taken decides the last bits of a picture, so that a choice once made is kept.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "ops/op.h"
#include "vk/device.h"

namespace sluice {

struct TuneHooks {
    std::function<bool()> cancelled;                    // between candidates
    std::function<void(double fraction)> progress;
    std::function<void(const std::string&)> notice;     // once, before anything is timed
};

// A card that idles lowers its clock, and takes a while to raise it: calls `run`, which returns the seconds that it took,
// until the least of them has stood for `steady_seconds` (or four times as long have passed), and returns that.
double best_when_steady(const std::function<double()>& run, double steady_seconds = 0.15);

// Takes the device's remembered choices into its traits. Devices without matrix units have none.
void load_tiles(vk::Device& device, const std::string& cache_dir);

// Times what of these programs' shapes has no choice yet, as far as it counts for their time, and remembers it. Throws
// Error(cancelled); what was timed until then is kept. SLUICE_TUNE=0 in the environment leaves it out.
void tune(vk::Device& device, const std::vector<const Program*>& programs, const std::string& cache_dir,
          const TuneHooks& hooks);

}  // namespace sluice
