// Which weights stay on the device, which pass through the ring, in how many slots of which size. Part of make_plan.
#pragma once
#include <cstdint>

#include "stream/placement.h"
#include "stream/plan.h"

namespace sluice {

constexpr uint64_t pinned_chunk = 512u << 20;  // pinned pieces never straddle a multiple of this

constexpr uint64_t range_alignment = 256;  // the largest minStorageBufferOffsetAlignment that Vulkan allows
constexpr uint64_t align_up(uint64_t v, uint64_t a = range_alignment) { return (v + a - 1) / a * a; }

inline int panel_unit(const Matrix& m) { return m.geglu ? 2 : 1; }  // value and gate panels stay together

struct Room {
    uint64_t bytes = 0;        // for weights, ring included
    uint64_t all_weights = 0;  // of the program; 0: read in place
    uint64_t least_slot = 0;   // the largest piece that cannot be cut
};

// Fills in pieces, steps, segments, ring and resident weights, and predicts the pass's seconds. Of several
// arrangements the one that is predicted to be quickest; on a CPU device, where copies and compute take turns, the one
// that sends least.
void arrange(Plan& plan, const Program& program, const PlanRequest& request, const Placement& placement,
             const Room& room);

}  // namespace sluice
