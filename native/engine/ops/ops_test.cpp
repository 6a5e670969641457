// Every variant of every op against its twin: one seed table (op_cases.h), one runner.
#include <doctest/doctest.h>

#include <cstdlib>

#include "ops/op_cases.h"
#include "vk/shader_registry.h"
#include "vk/test_device.h"

using namespace sluice;
using namespace sluice::ops;

namespace {

vk::Device& device() {
    static vk::test::TempDir cache;
    static std::unique_ptr<vk::Device> opened = vk::Device::open("auto", cache.path.string());
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

DeviceTraits variant(bool cpu) {
    DeviceTraits traits = device().traits();
    traits.cpu = cpu;
    return traits;
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

// The GPU-assisted layer makes compiling a shader take many seconds: under it seeds take turns with precisions and
// variants instead of going through all four.
bool instrumented() {
    const char* layers = std::getenv("SLUICE_VALIDATION");
    return layers && std::string(layers) == "gpu";
}

void check(const OpCase& seed) {
    static int turn = 0;
    turn++;
    for (Precision precision : {Precision::fp32, Precision::fp16})
        for (bool cpu : {true, false}) {
            if (instrumented() && turn % 4 != int(precision) * 2 + int(cpu)) continue;
            const OpCase c = rounded(seed, precision);
            CAPTURE(c.name);
            CAPTURE(cpu);
            CAPTURE(int(precision));
            const DeviceTraits traits = variant(cpu);
            OnDevice on(device(), c, precision);
            on.run({Cut{}}, traits);
            const std::vector<uint8_t> whole = on.bytes();
            const Tolerance t = tolerance(on.lower({}, traits).front().pipeline.shader);
            CHECK(difference(on.values(), twin_result(c)) <= (precision == Precision::fp32 ? t.f32 : t.f16));

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
