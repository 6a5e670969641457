// Plain C++ twins of the shaders: the same ops over fp32 host buffers, written to be obviously right, not fast.
// They know neither Vulkan nor storage precision; a shader and its twin share the stem (conv.cpp, conv.cpu.comp).
#pragma once
#include <functional>
#include <span>
#include <vector>

#include "ops/op.h"

namespace sluice::twins {

// What an op reads and writes. Tensors are indexed by TensorId in the layout that op.h describes (channels padded to
// multiples of 4), matrices and vectors are those of the op alone, in packed panel layout.
struct Context {
    const Program& program;
    std::vector<std::vector<float>>& tensors;
    std::function<std::vector<float>(MatrixId)> matrix;
    std::function<std::vector<float>(VectorId)> vector;  // empty for `none`

    const Tensor& shape(TensorId id) const { return program.tensors[size_t(id)]; }
    const float* data(TensorId id) const { return id == none ? nullptr : tensors[size_t(id)].data(); }
    float* output(TensorId id) const { return tensors[size_t(id)].data(); }
    std::vector<float> vector_or_empty(VectorId id) const { return id == none ? std::vector<float>{} : vector(id); }
};

void conv(const Context& context, const Conv& op);
void group_norm_stats(const Context& context, const GroupNormStats& op);
void layer_norm_stats(const Context& context, const LayerNormStats& op);
void attention(const Context& context, const Attention& op);
void pointwise(const Context& context, const Pointwise& op);

float silu(float x);
// Any activation of one value; GEGLU takes two values and is the caller's business.
float activate(Activation activation, float x);

// Runs body(first, last) over slices of [0, count) on the machine's cores.
void parallel_for(int64_t count, const std::function<void(int64_t, int64_t)>& body);

}  // namespace sluice::twins
