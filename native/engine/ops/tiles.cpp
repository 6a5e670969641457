#include "ops/tiles.h"

#include <algorithm>
#include <array>

#include "ops/lowering.h"

namespace sluice {
namespace {

constexpr int64_t largest_scratch = 12 << 20;

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// How many pictures share a pass depends on the budget, and what is chosen must not: it is chosen as if there were the
// two halves of guidance, however many there are.
constexpr int as_if_images = 2;

// Tiles worth trying, splits and halo left open. 160 divides SD 1.5's widths; 64 and 128 those of VAEs and GEGLU.
constexpr std::array<ConvTile, 14> shapes{{
    {128, 160, 64, 32, 80},
    {128, 128, 32, 64, 64},
    {128, 256, 32, 64, 64},
    {128, 128, 64, 32, 64},
    {128, 128, 32, 64, 32},
    {128, 320, 32, 64, 80},
    {64, 160, 64, 16, 80},
    {64, 128, 64, 32, 32},
    {128, 64, 64, 32, 32},
    {64, 64, 64, 32, 32},
    {64, 64, 32, 16, 64},
    {256, 64, 32, 32, 64},
    {128, 32, 64, 16, 32},
    {32, 32, 32, 16, 16},
}};

constexpr std::array<int, 6> split_counts{1, 2, 3, 4, 6, 8};

int64_t workgroups(const ConvTile& t, const ConvShape& s) {
    const int64_t rows = t.halo ? int64_t(s.images) * ceil_div(s.out_width, t.halo) * ceil_div(s.out_height, t.m / t.halo)
                                : ceil_div(s.pixels(), t.m);
    return rows * ceil_div(int64_t(s.panels) * panel_width, t.n) * t.splits;
}

// Steps of K that a workgroup goes through.
int64_t steps(const ConvTile& t, const ConvShape& s) {
    if (t.halo) return 9 * ceil_div(ceil_div(s.inputs, t.k), t.splits);
    return ceil_div(ceil_div(s.depth(), t.k), t.splits);
}

// What a workgroup's step takes of shared memory, in units of eight halves.
int64_t main_vectors(const ConvTile& t) {
    const int64_t rows = t.halo ? int64_t(t.m / t.halo + 2) * (t.halo + 2) : t.m;
    return rows * (t.k / 8 + 1) + int64_t(t.k) * (t.n / 8 + 1);
}

// Relative time, to order candidates before anything was measured: rounds of as many workgroups as there are
// multiprocessors (a large card's where that is not known), each step costing its products, its loads (dearer when
// something is computed with them) and its two barriers.
double cost(const ConvTile& t, const ConvShape& s, const DeviceTraits& traits) {
    const int64_t wide = traits.multiprocessors ? int64_t(traits.multiprocessors) : 128;
    const double inputs = t.halo ? double(t.m) * 1.5 / 9 : double(t.m);
    const double load = (inputs * (s.folded ? 3.0 : 1.0) + t.n) * t.k;
    // Larger shares than 64 by 64 overflow a subgroup's registers.
    const double crowded = t.warp_m * t.warp_n > 64 * 64 ? 1.3 : 1.0;
    const double step = crowded * double(t.m) * t.n * t.k + 60.0 * load + 250000.0;
    // Two small workgroups share a multiprocessor, where each takes less than twice as long.
    const bool small = t.m / t.warp_m * (t.n / t.warp_n) <= 4 && main_vectors(t) * 16 <= 24 << 10;
    const int64_t groups = workgroups(t, s);
    const double rounds = small && groups > wide ? 1.4 * double(ceil_div(groups, 2 * wide)) : double(ceil_div(groups, wide));
    const double finishing = double(t.m) * t.n * 40.0 * (t.splits > 1 ? 2.0 : 1.0);
    // Shares are written and read again by everybody.
    const double sharing = t.splits > 1 ? 1e6 + double(s.pixels()) * s.panels * panel_width * t.splits * 0.15 : 0;
    return rounds * (double(steps(t, s)) * step + finishing) + sharing;
}

}  // namespace

int workgroup_size(const ConvTile& t, const DeviceTraits& traits) {
    return t.m / t.warp_m * (t.n / t.warp_n) * int(traits.subgroup_size);
}

int workgroup_size(const AttentionTile& t, const DeviceTraits& traits) {
    return t.groups * t.shares * int(traits.subgroup_size);
}

// As conv_matrix.comp declares it.
int64_t shared_bytes(const ConvTile& t, const DeviceTraits& traits) {
    const int64_t stage = int64_t(t.m / t.warp_m) * traits.matrix_m * (t.n / 4 + 1);
    return 16 * std::max(main_vectors(t), stage);
}

namespace {

int padded_width(const AttentionTile& t, int head_size, const DeviceTraits& traits) {
    return round_up(head_size, int(std::max(traits.matrix_n, traits.matrix_k)) * t.shares);
}

}  // namespace

// As attention_flash.comp and attention_matrix.comp declare it.
int64_t shared_bytes(const AttentionTile& t, int head_size, const DeviceTraits& traits) {
    const int64_t width = padded_width(t, head_size, traits), rows = int64_t(t.groups) * traits.matrix_m;
    if (t.flash()) {
        const int64_t pitch = width / 8 + 1, m = traits.matrix_m;
        const int64_t own = std::max(t.parts * m * (t.keys / 8 + 1), m * (t.keys / 4 + 1));
        return 16 * std::max(2 * t.keys * pitch + t.groups * own, t.parts * rows * pitch);
    }
    const int64_t kv = std::max(int64_t(t.keys) * (t.key_columns / 8 + 1), t.value_rows * (width / 8 + 1));
    const int64_t all = rows * (width / 8 + 1) + kv + rows * (t.keys / 4 + 1) +
                        int64_t(t.groups) * traits.matrix_m * traits.matrix_n / 4;
    const int64_t members = int64_t(t.shares) * traits.subgroup_size / traits.matrix_m;
    return 16 * std::max(all, rows * (width / 4 + 1)) + rows * members * 4;
}

bool fits(const ConvTile& t, const ConvShape& s, const DeviceTraits& traits) {
    const int mm = int(traits.matrix_m), mn = int(traits.matrix_n), mk = int(traits.matrix_k);
    if (!mm || t.m <= 0 || t.splits < 1) return false;
    if (t.m % t.warp_m || t.n % t.warp_n || t.warp_m % mm || t.warp_n % mn || t.k % mk || t.k % 8 || t.n % panel_width)
        return false;
    if (s.geglu && t.n % (2 * panel_width)) return false;
    const int size = workgroup_size(t, traits);
    if (size > int(traits.max_workgroup_invocations) || size % (t.k / 8)) return false;
    if (t.halo && (s.kernel != 3 || s.stride != 1 || t.m % t.halo || t.halo % mm)) return false;
    if (shared_bytes(t, traits) > int64_t(traits.max_shared_bytes)) return false;
    if (t.splits > 1) {
        const int64_t scratch = s.pixels() * s.panels * panel_width * 4 * t.splits;
        if (scratch > largest_scratch) return false;
        if (ceil_div(t.halo ? s.inputs : s.depth(), t.k) < t.splits) return false;
    }
    return true;
}

bool fits(const AttentionTile& t, const AttentionShape& s, const DeviceTraits& traits) {
    const int mm = int(traits.matrix_m), mn = int(traits.matrix_n), mk = int(traits.matrix_k);
    if (!mm || t.groups <= 0 || int(traits.subgroup_size) % mm) return false;
    const int size = workgroup_size(t, traits), width = padded_width(t, s.head_size, traits);
    if (t.flash())
        return size <= int(traits.max_workgroup_invocations) && t.keys % mn == 0 && t.keys % mk == 0 && t.keys % 8 == 0 &&
               s.head_size % 8 == 0 && t.shares == 1 && t.key_columns == 0 && t.value_rows == 0 &&
               mm <= 32 && mn <= 64 && mn % 4 == 0 &&
               shared_bytes(t, s.head_size, traits) <= int64_t(traits.max_shared_bytes);
    if (t.key_columns <= 0 || t.value_rows <= 0) return false;
    const int members = t.shares * int(traits.subgroup_size) / mm;
    return size <= int(traits.max_workgroup_invocations) && t.keys % (t.shares * mn) == 0 && t.keys % mk == 0 &&
           t.keys % (members * 8) == 0 && t.key_columns % mk == 0 && width % t.key_columns == 0 &&
           t.value_rows % mk == 0 && t.keys % t.value_rows == 0 &&
           shared_bytes(t, s.head_size, traits) <= int64_t(traits.max_shared_bytes);
}

std::vector<ConvTile> conv_tiles(const ConvShape& s, const DeviceTraits& traits) {
    std::vector<ConvTile> found;
    for (const ConvTile& shape : shapes)
        for (const int halo : {0, 16})
            for (const int splits : split_counts) {
                ConvTile t = shape;
                t.halo = halo;
                t.splits = splits;
                // A split only to keep a device busy that the whole does not.
                if (splits > 1 && workgroups(t, s) > 384) continue;
                if (fits(t, s, traits)) found.push_back(t);
            }
    std::stable_sort(found.begin(), found.end(),
                     [&](const ConvTile& x, const ConvTile& y) { return cost(x, s, traits) < cost(y, s, traits); });
    return found;
}

double time_share(const ConvTile& tile, const ConvShape& shape, int panels, const DeviceTraits& traits) {
    ConvShape part = shape;
    part.panels = panels;
    return std::clamp(cost(tile, part, traits) / cost(tile, shape, traits), double(panels) / shape.panels, 1.0);
}

std::vector<AttentionTile> attention_tiles(const AttentionShape& s, const DeviceTraits& traits) {
    std::vector<AttentionTile> found;
    if (!traits.matrix_m) return found;
    // Sums, queries, scores and what is fetched ahead lie in registers.
    auto registers = [&](const AttentionTile& t) {
        const int width = padded_width(t, s.head_size, traits), lanes = int(traits.subgroup_size);
        const int a_part = int(traits.matrix_m) * (width + width / 2 + t.keys + 2 * int(traits.matrix_n)) / lanes;
        return t.parts * a_part + 2 * 4 * ((t.keys * width / 8 + t.groups * lanes - 1) / (t.groups * lanes));
    };
    for (const int key : {64, 32, 80, 128})
        for (const int part : {2, 1})
            for (const int group : {4, 8, 2}) {
                AttentionTile t{group, 1, key, 0, 0, part};
                // Few keys: one block of them all, or no more than a little beyond them.
                if (key >= 2 * s.keys && key > 32) continue;
                if (key == 80 && s.keys > 160) continue;
                if (registers(t) <= 200 && fits(t, s, traits)) found.push_back(t);
            }
    const int groups[] = {4, 2, 8, 1}, shares[] = {1, 2, 4}, keys[] = {64, 32, 128};
    for (const int share : shares)
        for (const int key : keys)
            for (const int group : groups) {
                AttentionTile t{group, share, key, 0, 0, 0};
                const int width = padded_width(t, s.head_size, traits);
                // More than 160 channels a subgroup overflow its registers.
                if (width / share > 160) continue;
                t.key_columns = width;
                t.value_rows = key;
                while (!fits(t, s, traits) && t.key_columns % 2 == 0 && t.key_columns > 64) t.key_columns /= 2;
                while (!fits(t, s, traits) && t.value_rows > int(traits.matrix_k)) t.value_rows /= 2;
                if (fits(t, s, traits)) found.push_back(t);
            }
    return found;
}

ConvTile choose_tile(const ConvShape& s, const DeviceTraits& traits) {
    if (!traits.matrix_m) return {};
    if (traits.tiles) {
        if (traits.tiles->every_conv && fits(*traits.tiles->every_conv, s, traits)) return *traits.tiles->every_conv;
        const auto it = traits.tiles->conv.find(s);
        if (it != traits.tiles->conv.end() && fits(it->second, s, traits)) return it->second;
    }
    const std::vector<ConvTile> all = conv_tiles(s, traits);
    return all.empty() ? ConvTile{} : all.front();
}

AttentionTile choose_tile(const AttentionShape& s, const DeviceTraits& traits) {
    if (!traits.matrix_m) return {};
    if (traits.tiles) {
        if (traits.tiles->every_attention && fits(*traits.tiles->every_attention, s, traits))
            return *traits.tiles->every_attention;
        const auto it = traits.tiles->attention.find(s);
        if (it != traits.tiles->attention.end() && fits(it->second, s, traits)) return it->second;
    }
    const std::vector<AttentionTile> all = attention_tiles(s, traits);
    return all.empty() ? AttentionTile{} : all.front();
}

std::optional<ConvShape> matrix_shape(const Program& program, const Conv& op, Precision precision) {
    if (precision != Precision::fp16) return std::nullopt;
    auto tensor = [&](TensorId id) -> const Tensor& { return program.tensors[size_t(id)]; };
    const Tensor &a = tensor(op.a), &out = tensor(op.out);
    const int a_stored = padded_channels(a.channels), a2_stored = op.a2 == none ? 0 : padded_channels(tensor(op.a2).channels);
    // Eight halves at a time.
    if (a_stored % 8 || a2_stored % 8 || a.f32 || (op.a2 != none && tensor(op.a2).f32)) return std::nullopt;
    const lowering::Geometry g = lowering::geometry(program, op);
    const Matrix& matrix = program.matrices[size_t(op.weight)];
    ConvShape s{as_if_images,    g.batch * g.out_height / out.batch, g.out_width, a_stored + a2_stored,
                matrix.panels(), op.kernel,                          op.stride};
    s.geglu = matrix.geglu;
    s.folded = op.affine != none || op.row_stats != none || op.gamma != none || op.beta != none || op.silu_in;
    // A handful of rows is bound by reading the weights, whatever computes.
    return s.pixels() < 16 ? std::nullopt : std::optional(s);
}

std::optional<AttentionShape> matrix_shape(const Program& program, const Attention& op, Precision precision) {
    auto stored = [&](TensorId id) { return padded_channels(program.tensors[size_t(id)].channels); };
    if (precision != Precision::fp16 || op.head_size % 8 || op.q_offset % 8 || op.k_offset % 8 || op.v_offset % 8 ||
        stored(op.q) % 8 || stored(op.k) % 8 || stored(op.v) % 8)
        return std::nullopt;
    const Tensor &q = program.tensors[size_t(op.q)], &k = program.tensors[size_t(op.k)];
    return AttentionShape{as_if_images, int(q.rows() / q.batch), int(k.rows() / k.batch), op.heads, op.head_size, op.causal};
}

void add_scratch(Program& program, Precision precision, const DeviceTraits& traits) {
    if (!traits.matrix_m || traits.cpu || precision != Precision::fp16) return;
    for (Op& op : program.ops) {
        Conv* conv = std::get_if<Conv>(&op.body);
        if (!conv || conv->scratch != none) continue;
        const std::optional<ConvShape> shape = matrix_shape(program, *conv, precision);
        if (!shape) continue;
        const ConvTile tile = choose_tile(*shape, traits);
        if (tile.splits < 2) continue;
        conv->scratch = TensorId(program.tensors.size());
        program.tensors.push_back({op.name + ".shares", 1, 1, int(program.tensors[size_t(conv->out)].rows()), tile.splits * shape->panels * panel_width, true});
    }
}

}  // namespace sluice
