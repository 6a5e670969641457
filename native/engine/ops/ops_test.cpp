// Every variant of every op against its twin: one seed table (op_cases.h), one runner.
#include <doctest/doctest.h>

#include "core/test_end.h"
#include "ops/op_cases.h"
#include "ops/tiles.h"
#include "vk/shader_registry.h"
#include "vk/test_device.h"

using namespace sluice;
using namespace sluice::ops;

namespace {

vk::Device& device() {
    static vk::test::TempDir cache;
    static std::unique_ptr<vk::Device> opened = [] {
        testing::at_end().push_back([] { opened.reset(); });
        return vk::Device::open("auto", cache.path.string());
    }();
    return *opened;
}

struct Tolerance {
    double f32, f16;
};
Tolerance tolerance(uint16_t shader) {
    constexpr Tolerance table[] = {
#define SLUICE_SHADER(name, folder, twin, f32, f16) {f32, f16},
#include "table.def"
#undef SLUICE_SHADER
    };
    return table[shader];
}

// max |a - b| / max |b|; infinite when anything isn't a number.
double difference(const std::vector<float>& a, const std::vector<float>& b) {
    double most = 0, largest = 1e-30;
    for (size_t i = 0; i < b.size(); i++) {
        if (!std::isfinite(a[i])) return INFINITY;
        most = std::max(most, std::abs(double(a[i]) - double(b[i])));
        largest = std::max(largest, std::abs(double(b[i])));
    }
    return most / largest;
}

// The kernels for CPU devices, those for GPUs without matrix units, and those with, in the tiles of a table and in
// some that reach every branch: one and several subgroups, halo, shares of K, tiles larger than the picture.
struct Variant {
    std::string name;
    DeviceTraits traits;
};

std::vector<Variant> variants(const OpCase& c, Precision precision, int turn) {
    DeviceTraits traits = device().traits();
    const uint32_t matrix_m = traits.matrix_m;
    traits.matrix_m = 0;
    traits.cpu = true;
    std::vector<Variant> list{{"cpu", traits}};
    // A device's texel buffers may be too small: every other seed goes without.
    if (turn % 2) list[0].traits.max_texels = 0;
    traits.cpu = false;
    list.push_back({"tiled", traits});
    if (!matrix_m || precision != Precision::fp16) return list;
    traits.matrix_m = matrix_m;
    auto with = [&](const char* name, const TileTable& table) {
        DeviceTraits t = traits;
        t.tiles = std::make_shared<const TileTable>(table);
        list.push_back({name, t});
    };
    if (const Conv* conv = std::get_if<Conv>(&c.op().body)) {
        const auto shape = matrix_shape(c.program, *conv, precision);
        if (!shape) return list;
        // Large tiles, unrolled for a CPU device, compile for minutes.
        const bool cpu = device().traits().cpu;
        if (!cpu) list.push_back({"matrix", traits});
        const std::pair<const char*, ConvTile> tiles[] = {
            {"matrix, one subgroup", {16, 32, 16, 16, 32, 0, 1}},
            {"matrix, halo", {64, 64, 32, 16, 32, 16, 1}},
            {"matrix, 2 shares", {32, 64, 16, 16, 32, 0, 2}},
            {"matrix, halo, 3 shares", {32, 64, 16, 16, 64, 16, 3}},
            {"matrix, large tile", {128, 160, 64, 32, 80, 0, 1}},
        };
        for (const auto& [name, tile] : tiles)
            if (fits(tile, *shape, traits) && !(cpu && tile.m > 64)) with(name, {.every_conv = tile});
    }
    if (const Attention* attention = std::get_if<Attention>(&c.op().body)) {
        const auto shape = matrix_shape(c.program, *attention, precision);
        if (!shape) return list;
        if (device().traits().cpu) {
            const int unit = int(std::max(traits.matrix_n, traits.matrix_k));
            for (const int shares : {1, 2}) {
                const int width = round_up(shape->head_size, unit * shares);
                const int columns = width % (8 * unit) == 0 ? width / 8 : width % (2 * unit) == 0 ? width / 2 : width;
                const AttentionTile tile{2, shares, 16 * shares, columns, 8 * shares, 0};
                if (fits(tile, *shape, traits)) with(shares == 1 ? "matrix" : "matrix, shared", {.every_attention = tile});
            }
            for (const int parts : {1, 2}) {
                const AttentionTile tile{2, 1, 2 * unit, 0, 0, parts};
                if (shape->head_size <= 160 && fits(tile, *shape, traits))
                    with(parts == 1 ? "flash" : "flash, two parts", {.every_attention = tile});
            }
            return list;
        }
        const auto tiles = attention_tiles(*shape, traits);
        for (size_t i = 0; i < tiles.size(); i += 4) with("matrix", {.every_attention = tiles[i]});
    }
    return list;
}

// Cuts that together are the whole op.
std::vector<std::vector<Cut>> cuts_of(const OpCase& c) {
    std::vector<std::vector<Cut>> result;
    const Tensor& out = c.program.tensors[size_t(c.out)];
    if (const Conv* conv = std::get_if<Conv>(&c.op().body)) {
        const Matrix& m = c.program.matrices[size_t(conv->weight)];
        const int step = m.geglu ? 2 : 1;
        std::vector<Cut> panels;
        for (int p = 0; p < m.panels(); p += step) panels.push_back({p, p + step, 0, -1});
        if (panels.size() > 1) result.push_back(panels);
    }
    if (const GroupNormStats* norm = std::get_if<GroupNormStats>(&c.op().body)) {
        const Tensor& a = c.program.tensors[size_t(norm->a)];
        std::vector<Cut> strips;
        for (int row = 0; row < a.height; row += group_norm_chunk_rows(a))
            strips.push_back({0, -1, row, std::min(a.height, row + group_norm_chunk_rows(a))});
        if (a.batch == 1 && strips.size() > 1) result.push_back(strips);
        return result;
    }
    const int rows = out.height == 1 ? out.width : out.height;
    if (out.batch != 1 || rows < 2) return result;
    const int middle = rows / 3 + 1;
    result.push_back({{0, -1, 0, middle}, {0, -1, middle, middle + 1}});
    if (middle + 1 < rows) result.back().push_back({0, -1, middle + 1, rows});
    return result;
}

void check(const OpCase& seed) {
    static int turn = 0;
    turn++;
    for (Precision precision : {Precision::fp32, Precision::fp16}) {
        OpCase c = rounded(seed, precision);
        const std::vector<float> expected = twin_result(c);
        const std::vector<Variant> list = variants(c, precision, turn);
        for (size_t v = 0; v < list.size(); v++) {
            // Every other seed, and they take turns with precisions and variants instead of going through all four.
            if (vk::test::instrumented() && (turn % 2 || turn / 2 % 4 != int(precision) * 2 + int(v % 2))) continue;
            const DeviceTraits& traits = list[v].traits;
            c = rounded(seed, precision);
            share(c, precision, traits);
            CAPTURE(c.name);
            CAPTURE(list[v].name);
            CAPTURE(int(precision));
            OnDevice on(device(), c, precision);
            on.run({Cut{}}, traits);
            const std::vector<uint8_t> whole = on.bytes();
            const Tolerance t = tolerance(on.lower({}, traits).front().pipeline.shader);
            CHECK(difference(on.values(), expected) <= (precision == Precision::fp32 ? t.f32 : t.f16));

            for (const std::vector<Cut>& cuts : cuts_of(c)) {
                on.reset();
                on.run(cuts, traits);
                CHECK_MESSAGE(on.bytes() == whole, "cut in ", cuts.size());
            }
            // Bindings too small for a tensor make the lowering cut on its own.
            DeviceTraits small = traits;
            const Tensor& out = c.program.tensors[size_t(c.out)];
            small.max_storage_range = 3 * traits.storage_alignment;
            for (const auto& m : c.matrices)
                small.max_storage_range = std::max<uint64_t>(small.max_storage_range, m.size() * 4);
            if (out.rows() > 1) {
                try {
                    on.lower({}, small);
                } catch (const Error&) {
                    continue;  // one row is larger than that
                }
                on.reset();
                on.run({Cut{}}, small);
                CHECK_MESSAGE(on.bytes() == whole, "cut by bindings of ", small.max_storage_range);
            }
        }
    }
}

}  // namespace

TEST_CASE("ops: convolutions and matrix products equal their twin, however cut") {
    for (const ConvSeed& seed : conv_seeds) check(build(seed));
}

TEST_CASE("ops: group norm's statistics equal their twin, however cut") {
    for (const GroupNormSeed& seed : group_norm_seeds) check(build(seed));
}

TEST_CASE("ops: layer norm's statistics equal their twin, however cut") {
    for (const LayerNormSeed& seed : layer_norm_seeds) check(build(seed));
}

TEST_CASE("ops: attention equals its twin, however cut") {
    for (const AttentionSeed& seed : attention_seeds) check(build(seed));
}

TEST_CASE("ops: pointwise equals its twin, however cut") {
    for (const PointwiseSeed& seed : pointwise_seeds) check(build(seed));
}
