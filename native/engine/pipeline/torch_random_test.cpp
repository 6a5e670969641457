#include "pipeline/torch_random.h"

#include <doctest/doctest.h>

#include "pipeline/pipeline_testing.h"

namespace sluice {
namespace {

TEST_CASE("torch.randn's bits, draw after draw") {
    for (const auto& run : testing::read_golden("random.json")) {
        const std::string seed = run["seed"];
        CAPTURE(seed);
        TorchRandom rng(std::stoull(seed));
        for (const auto& draw : run["draws"]) {
            const std::vector<float> got = rng.randn(draw["size"].get<size_t>());
            CAPTURE(got.size());
            if (draw.contains("values")) CHECK(got == draw["values"].get<std::vector<float>>());
            CHECK(std::to_string(testing::fnv1a(got.data(), got.size() * 4)) ==
                  draw["fnv1a"].get<std::string>());
        }
    }
}

TEST_CASE("seeds differ in their low 32 bits only, as torch's do") {
    CHECK(TorchRandom(7).randn(32) == TorchRandom(7 + (uint64_t{1} << 32)).randn(32));
    CHECK(TorchRandom(7).randn(32) != TorchRandom(8).randn(32));
}

TEST_CASE("uniforms are multiples of 2^-24 below one") {
    std::vector<float> u(1000);
    TorchRandom(3).rand(std::span<float>(u));
    for (const float v : u) {
        CHECK(v >= 0.f);
        CHECK(v < 1.f);
        CHECK(v * 0x1p24f == static_cast<float>(static_cast<int>(v * 0x1p24f)));
    }
}

}  // namespace
}  // namespace sluice
