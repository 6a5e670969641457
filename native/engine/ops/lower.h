// From an op to dispatches of pipelines. Pure: no Vulkan handles, so plans and tests can look at it.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "ops/op.h"

namespace sluice {

inline constexpr int max_bindings = 8;

// A storage-buffer binding, relative to its resource's first byte. `offset` need not be aligned for the device: the
// lowering keeps what is left over in push constants, so `offset` here is already rounded down to the alignment.
struct Binding {
    enum class Kind : uint8_t { unused, tensor, matrix, vector } kind = Kind::unused;
    int32_t id = none;
    uint64_t offset = 0;
    uint64_t size = 0;
};

inline constexpr int max_spec_constants = 16;

struct PipelineKey {
    uint16_t shader = 0;  // row of shaders/table.def
    Precision precision = Precision::fp32;
    std::array<uint32_t, max_spec_constants> spec{};  // constant_id 0, 1, …; unused ones are 0
    bool operator==(const PipelineKey&) const = default;
};

struct Dispatch {
    PipelineKey pipeline;
    std::array<Binding, max_bindings> bindings{};
    uint32_t texels = 0;  // a bit for each binding that is a texel buffer, too, at max_bindings + its number
    std::array<uint32_t, 32> push{};  // 128 bytes
    uint32_t push_bytes = 0;
    uint32_t groups[3] = {1, 1, 1};
    double flops = 0, bytes = 0;  // of this dispatch, for prediction and for the bench's GFLOP/s
    bool reads_previous = true;   // a barrier stands before it (false: independent of the dispatch before)
};

// What part of an op a dispatch list shall do. Whole by default. Cuts never change a result's bytes.
struct Cut {
    int panel_begin = 0, panel_end = -1;  // of the matrix, in panels of 32 (GEGLU: even); -1: to the end
    // Output rows of a batch-1 op, -1: to the end. Rows are of the height; of a tensor of height 1, tokens. Of
    // GroupNormStats they are rows of the input, and the strip with the last row also combines all chunks.
    int row_begin = 0, row_end = -1;
    bool operator==(const Cut&) const = default;
};

// Image rows that make one chunk of group-norm statistics (a function of the uncut shape only); strips of a
// GroupNormStats op are cut at multiples of it. And the number of such chunks.
int group_norm_chunk_rows(const Tensor& a);
int group_norm_chunks(const Tensor& a);

// Appends the dispatches of `op`. A tensor larger than traits.max_storage_range is bound by row strips: lower() cuts
// on its own where a binding would be too large. `matrix` bindings are relative to the first byte of the panel
// `cut.panel_begin` (the part of the matrix that is in memory), vectors to the whole vector.
void lower(const Program& program, const Op& op, const Cut& cut, Precision precision, const DeviceTraits& traits,
           std::vector<Dispatch>& out);

// Input rows [begin, end) that output rows [row_begin, row_end) of a convolution read.
struct RowRange {
    int begin, end;
};
RowRange conv_input_rows(const Conv& conv, int input_height, int output_height, int row_begin, int row_end);

}  // namespace sluice
