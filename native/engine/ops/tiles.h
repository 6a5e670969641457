// How the matrix-unit variants of Conv and Attention divide their work, and how that is chosen: from the device and the
// uncut shape alone, so that a picture does not depend on the budget. Pure.
#pragma once
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "ops/op.h"

namespace sluice {

// What a convolution's choice depends on.
struct ConvShape {
    int images = 1, out_height = 1, out_width = 1;  // 1x1: one column of pixels
    int inputs = 0;                                 // stored channels of one tap
    int panels = 0;
    int kernel = 1, stride = 1;
    bool geglu = false, folded = false;  // folded: something is computed while inputs are loaded
    auto operator<=>(const ConvShape&) const = default;
    int64_t pixels() const { return int64_t(images) * out_height * out_width; }
    int64_t depth() const { return int64_t(kernel) * kernel * inputs; }
};

struct ConvTile {
    int m = 0, n = 0, k = 0;  // a workgroup's pixels, channels, and the inputs that it stages at a time
    int warp_m = 0, warp_n = 0;  // a subgroup's share
    int halo = 0;                // columns of a picture's block staged with its border; 0: pixels in their order
    int splits = 1;              // shares of K, each by workgroups of its own
    auto operator<=>(const ConvTile&) const = default;
};

struct AttentionShape {
    int images = 1, queries = 1, keys = 1, heads = 1, head_size = 0;
    bool causal = false;
    auto operator<=>(const AttentionShape&) const = default;
};

struct AttentionTile {
    int groups = 0, shares = 1;  // groups of matrix_m queries, and subgroups that share a group
    int keys = 0;                // at a time
    int key_columns = 0;         // channels of them staged at a time; 0: attention_flash
    int value_rows = 0;          // values staged at a time
    int parts = 0;               // attention_flash: a subgroup has so many times matrix_m queries
    bool flash() const { return parts > 0; }
    auto operator<=>(const AttentionTile&) const = default;
};

// Choices that replace the defaults. A table belongs to one device and one version of its driver.
struct TileTable {
    std::map<ConvShape, ConvTile> conv;
    std::map<AttentionShape, AttentionTile> attention;
    // For every shape that they fit: tests and benchmarks.
    std::optional<ConvTile> every_conv;
    std::optional<AttentionTile> every_attention;
    // What the device was seen to do, for predictions: flops a second of a shape with its tile, and of all of them
    // together. 0 or none: not measured.
    std::map<ConvShape, double> conv_rates;
    std::map<AttentionShape, double> attention_rates;
    double flops_per_second = 0, link_bytes_per_second = 0;
};

// A shape's measured rate, or 0.
template <class Shape>
double rate_of(const std::map<Shape, double>& rates, const Shape& shape) {
    const auto it = rates.find(shape);
    return it == rates.end() ? 0 : it->second;
}

int workgroup_size(const ConvTile& tile, const DeviceTraits& traits);
int workgroup_size(const AttentionTile& tile, const DeviceTraits& traits);
int64_t shared_bytes(const ConvTile& tile, const DeviceTraits& traits);
int64_t shared_bytes(const AttentionTile& tile, int head_size, const DeviceTraits& traits);

// Whether the device can run the tile on the shape.
bool fits(const ConvTile& tile, const ConvShape& shape, const DeviceTraits& traits);
bool fits(const AttentionTile& tile, const AttentionShape& shape, const DeviceTraits& traits);

// All that fit, the likeliest first; empty without matrix units.
std::vector<ConvTile> conv_tiles(const ConvShape& shape, const DeviceTraits& traits);
std::vector<AttentionTile> attention_tiles(const AttentionShape& shape, const DeviceTraits& traits);

// The share of a convolution's time that so many of its panels take alone: parts of a small one leave multiprocessors idle
// rather than be done sooner.
double time_share(const ConvTile& tile, const ConvShape& shape, int panels, const DeviceTraits& traits);

// The table's choice, or the likeliest; m and groups 0: the shape is not one for matrix units.
ConvTile choose_tile(const ConvShape& shape, const DeviceTraits& traits);
AttentionTile choose_tile(const AttentionShape& shape, const DeviceTraits& traits);

// The shape of an op whose tensors matrix units can take; nothing for others.
std::optional<ConvShape> matrix_shape(const Program& program, const Conv& op, Precision precision);
std::optional<AttentionShape> matrix_shape(const Program& program, const Attention& op, Precision precision);

// Gives every convolution whose K is to be split the tensor that its shares are added up in. Call it before planning.
void add_scratch(Program& program, Precision precision, const DeviceTraits& traits);

inline Program with_scratch(Program program, Precision precision, const DeviceTraits& traits) {
    add_scratch(program, precision, traits);
    return program;
}

}  // namespace sluice
