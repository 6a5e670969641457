// Where each activation lies in the arena: lifetimes packed into as few bytes as a greedy pass finds.
#pragma once
#include <cstdint>
#include <vector>

#include "ops/op.h"

namespace sluice {

struct Placement {
    std::vector<uint64_t> offset;  // by TensorId; only of TensorRole::activation
    uint64_t bytes = 0;
    uint64_t strip_offset = 0, strip_bytes = 0;
    std::vector<int> lagged_rows;  // by op: rows of one strip, 0 where the op is not lagged
};

// With `lag`, convolutions whose input dies with them write over it, strip by strip (Plan::steps' `lagged`).
Placement place_tensors(const Program& program, Precision precision, bool lag);

}  // namespace sluice
