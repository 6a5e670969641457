// The operations of which a network's program is made, as pure data: no Vulkan, no pointers.
//
// Layout. An activation is [batch][height][width][channels] (channels last), tokens are height 1, width = number of
// tokens. The stored channel count is a multiple of 4 (`padded_channels`), pad channels hold zero. Elements are in
// the storage precision of the run (fp16 or fp32) unless a tensor says `f32`. All arithmetic accumulates in fp32.
//
// A matrix is stored in panels of 32 output channels: [ceil(N/32)][K][32] in storage precision, K = taps * padded
// input channels, tap (ky*3+kx) slowest; output channels beyond N are zero. With GEGLU, even panels hold 32 value
// channels and the odd panel after each the gates of the same channels. Vectors (bias, gamma, beta) are fp32.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace sluice {

using TensorId = int32_t;
using MatrixId = int32_t;
using VectorId = int32_t;
inline constexpr int32_t none = -1;

inline constexpr int panel_width = 32;
constexpr int round_up(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }
constexpr int padded_channels(int channels) { return round_up(channels, 4); }

enum class Precision : uint8_t { fp32, fp16 };
constexpr int storage_bytes(Precision p) { return p == Precision::fp16 ? 2 : 4; }

enum class TensorRole : uint8_t {
    activation,  // lives in the arena between its first writer and its last reader
    input,       // written by the host before the pass, in host-visible memory
    output,      // read by the host after the pass, in host-visible memory
    kept,        // lives in the arena over passes (hint embedding)
};

struct Tensor {
    std::string name;
    int batch = 1, height = 1, width = 1, channels = 0;
    bool f32 = false;  // always fp32: statistics, latents, results
    TensorRole role = TensorRole::activation;
    int64_t elements() const { return int64_t(batch) * height * width * padded_channels(channels); }
    int64_t rows() const { return int64_t(batch) * height * width; }
    bool operator==(const Tensor&) const = default;
};

// Rows [first, first + count) of a weight of the model file, as output channels of a matrix.
struct MatrixPart {
    std::string name;  // [N, K] or [N, K, kh, kw]
    int first = 0;
    int count = 0;
    bool operator==(const MatrixPart&) const = default;
};

struct Matrix {
    std::vector<MatrixPart> parts;  // stacked along the output channels: fused q, k, v
    int outputs = 0;                // N; for GEGLU value and gate together (2 * inner)
    int inputs = 0;                 // channels of one tap, before padding; with two sources, their sum
    int first_inputs = 0;           // channels of the first of two concatenated sources; 0: one source
    int taps = 1;                   // 1 or 9
    bool geglu = false;
    int padded_inputs() const {
        return first_inputs ? padded_channels(first_inputs) + padded_channels(inputs - first_inputs)
                            : padded_channels(inputs);
    }
    int64_t k() const { return int64_t(taps) * padded_inputs(); }
    int panels() const {  // value and gate panels are paired, so each half is rounded up on its own
        const int half = geglu ? outputs / 2 : outputs;
        return round_up(half, panel_width) / panel_width * (geglu ? 2 : 1);
    }
    int64_t panel_elements() const { return k() * panel_width; }
    bool operator==(const Matrix&) const = default;
};

struct Vector {
    std::vector<std::string> names;  // concatenated; an empty name is `count` zeros
    std::vector<int> counts;
    int size = 0;         // stored size is rounded up to 32 elements, zero padded
    bool geglu = false;   // permuted like the matrix's panels
    int stored() const {
        return geglu ? 2 * round_up(size / 2, panel_width) : round_up(size, panel_width);
    }
    bool operator==(const Vector&) const = default;
};

enum class Activation : uint8_t { none, silu, quick_gelu, gelu, geglu };

// out = residual + scale * activation(bias + channel_add + W · fold(x)), as an implicit GEMM over rows = pixels.
// fold(x): x is a, or a and a2 concatenated along channels; then (x - mean) * rstd by row_stats; then
// x * affine.scale + affine.shift a channel; then SiLU when silu_in. Padding is zero after the fold. The input is
// read through nearest upsampling when up_height is set (source row = y * height / up_height, as PyTorch's nearest).
struct Conv {
    TensorId a = none, a2 = none;
    TensorId row_stats = none;       // f32 [rows][2 of 4 channels]: mean, rstd (LayerNormStats)
    TensorId affine = none;          // f32 [batch][2][padded inputs] (GroupNormStats): scale, shift
    VectorId gamma = none, beta = none;  // layer norm's own scale and shift, in place of affine
    bool silu_in = false;
    int kernel = 1, stride = 1, pad = 0;  // pad at top and left; what is missing below and right reads as zero
    int up_height = 0, up_width = 0;
    MatrixId weight = none;
    VectorId bias = none;
    TensorId channel_add = none;     // [batch][N]: time embedding
    Activation activation = Activation::none;
    float scale = 1.f;
    TensorId residual = none;        // of the output's shape; batch 1 is broadcast
    TensorId out = none;             // may be the same tensor as residual
    TensorId scratch = none;         // f32 [rows][splits][panels * 32]: sums of shares of K (add_scratch)
    // The output replaces `a` in the same memory, rows lagging behind those read (VAE at small budgets): set by the
    // planner only.
    bool operator==(const Conv&) const = default;
};

// Mean and variance a group over the whole picture, folded with gamma and beta into affine[batch][2][C].
// Partial means and squared deviations of fixed chunks of rows are combined in fixed order (Chan et al. 1979).
struct GroupNormStats {
    TensorId a = none, a2 = none;
    int groups = 32;
    float eps = 1e-5f;
    VectorId gamma = none, beta = none;
    TensorId partial = none;  // f32 scratch, [batch][chunks][groups][mean, M2, count, 0]
    TensorId out = none;      // affine, f32: batch, height 2, width 1, channels
    bool operator==(const GroupNormStats&) const = default;
};

// Mean and reciprocal standard deviation of every row over its channels.
struct LayerNormStats {
    TensorId a = none;
    float eps = 1e-5f;
    TensorId out = none;  // f32, same rows, 2 channels (stored as 4)
    bool operator==(const LayerNormStats&) const = default;
};

// softmax(q kᵀ / sqrt(head_size)) v by online softmax (Milakov & Gimelshein 2018; Dao et al. 2022), no score matrix.
// q, k, v are channel ranges of tensors with any row stride: head h is channels [offset + h*head_size, …).
struct Attention {
    TensorId q = none, k = none, v = none;
    int q_offset = 0, k_offset = 0, v_offset = 0;  // channels
    int heads = 1, head_size = 0;                  // head_size: multiple of 4
    bool causal = false;
    TensorId out = none;  // [batch, tokens of q, heads * head_size]
    bool operator==(const Attention&) const = default;
};

// out = act(fold(a)) + scale_b * b; a alone, b alone or both. fold as in Conv.
struct Pointwise {
    TensorId a = none;
    TensorId row_stats = none;
    VectorId gamma = none, beta = none;
    Activation activation = Activation::none;
    TensorId b = none;
    float scale_b = 1.f;
    TensorId out = none;  // may be a
    bool operator==(const Pointwise&) const = default;
};

using OpBody = std::variant<Conv, GroupNormStats, LayerNormStats, Attention, Pointwise>;

struct Op {
    std::string name;  // "down.0.resnet.1.conv2": as the plan and the timeline show it
    OpBody body;
    bool operator==(const Op&) const = default;
};

// One pass of one or more networks: ops in execution order over tensors and weights. Pure data.
struct Program {
    std::string name;
    std::vector<Tensor> tensors;
    std::vector<Matrix> matrices;
    std::vector<Vector> vectors;
    std::vector<int> matrix_source, vector_source;  // index of the WeightSource each is read from
    std::vector<Op> ops;
    bool operator==(const Program&) const = default;
};

struct TileTable;  // ops/tiles.h

// What lowering may depend on. Never the budget, so that a picture's bytes don't depend on it.
struct DeviceTraits {
    bool cpu = false;  // a CPU device: no shared-memory tiles, lanes are vector lanes
    bool fp16 = false;
    uint32_t subgroup_size = 32;
    uint32_t max_shared_bytes = 32768;
    uint32_t max_workgroup_invocations = 1024;
    uint32_t max_workgroup_count[3] = {65535, 65535, 65535};
    uint64_t max_storage_range = 128u << 20;
    uint64_t storage_alignment = 256;  // minStorageBufferOffsetAlignment
    uint64_t max_texels = 0;  // of a texel buffer; 0: shaders have no use for them
    bool unified_memory = false;
    uint32_t vendor_id = 0;
    uint32_t multiprocessors = 0;  // 0: not known
    // Cooperative matrices of a subgroup, fp16 times fp16 added up in fp32: A is m by k, B k by n. 0: none.
    uint32_t matrix_m = 0, matrix_n = 0, matrix_k = 0;
    std::shared_ptr<const TileTable> tiles;  // measured choices; null: those of ops/tiles.cpp alone
};

}  // namespace sluice
