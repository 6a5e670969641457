// Runs a whole program on the CPU with the twins: how a network is verified without a Vulkan device.
#pragma once
#include <functional>
#include <vector>

#include "ops/op.h"

namespace sluice::twins {

struct InterpretOptions {
    // Rounds every tensor that isn't f32 as it is written, as a run with this storage would. Weights come rounded, or
    // not, from the callbacks.
    Precision storage = Precision::fp32;
    bool keep_activations = false;  // false: an activation's memory goes after its last reader
    // Called after each op, its output being complete.
    std::function<void(const Op&)> after_op;
};

// `tensors[id]` has Tensor::elements() values in op.h's layout. The caller fills those of role input (and kept ones
// that no op writes); the others are made here. `matrix` gives a matrix in packed panel layout
// (panels() * panel_elements() values), `vector` a vector at its stored size; both are called once an op.
// Throws Error(internal, "twin-shape") when a size disagrees, naming the op and the tensor.
void interpret(const Program& program, std::vector<std::vector<float>>& tensors,
               const std::function<std::vector<float>(MatrixId)>& matrix,
               const std::function<std::vector<float>(VectorId)>& vector, const InterpretOptions& options = {});

}  // namespace sluice::twins
