// What a job does when arithmetic or memory runs out, and blended tiles.
#include "pipeline/job.h"

#include <doctest/doctest.h>

#include "core/error.h"
#include "pipeline/vae_tiles.h"
#include "vk/test_device.h"

using namespace sluice;

namespace {

// out = (a + scale * a) - scale * a, through an activation in storage precision.
StageDescription detour(float scale) {
    ProgramBuilder b("detour");
    const TensorId in = b.tensor("in", 1, 1, 4, 4, true, TensorRole::input);
    const TensorId large = b.tensor("large", 1, 1, 4, 4);
    const TensorId out = b.tensor("out", 1, 1, 4, 4, true, TensorRole::output);
    b.pointwise("up", {.a = in, .b = in, .scale_b = scale, .out = large});
    b.pointwise("down", {.a = large, .b = in, .scale_b = -scale, .out = out});
    StageDescription d;
    d.name = "detour";
    d.program = std::move(b.program);
    return d;
}

}  // namespace

TEST_CASE("job: a stage that overflows in fp16 is run again in fp32, and says so") {
    const vk::test::TempDir cache;
    const auto device = vk::Device::open("", cache.path.string());
    std::vector<std::string> notices;
    Job job(*device, cache.path.string(), {}, {}, [&](const std::string& text) { notices.push_back(text); });
    const std::map<std::string, std::vector<float>> inputs{{"in", std::vector<float>(16, 2.f)}};

    CHECK(job.run_once(detour(100.f), inputs, {"out"})[0] == std::vector<float>(16, 2.f));
    CHECK(notices.empty());
    const auto out = job.run_once(detour(65536.f), inputs, {"out"})[0];  // 131074 is more than fp16's 65504
    CHECK(out == std::vector<float>(16, 2.f));
    CHECK(job.overflowed == (job.precision() == Precision::fp16));
    if (job.overflowed) {
        REQUIRE(notices.size() == 1);
        CHECK(notices[0].find("detour overflowed in fp16") != std::string::npos);
    }
    CHECK_THROWS_AS(job.run_once(detour(3e38f), inputs, {"out"}), Error);  // too much for fp32 as well
}

TEST_CASE("job: tiles cover a length, ends included, a quarter overlapping") {
    for (int length : {8, 64, 65, 100, 128, 400}) {
        CAPTURE(length);
        const auto starts = tile_starts(length, 64);
        CHECK(starts.front() == 0);
        if (length <= 64) {
            CHECK(starts.size() == 1);
            continue;
        }
        CHECK(starts.back() == length - 64);
        for (size_t i = 1; i < starts.size(); i++) {
            CHECK(starts[i] > starts[i - 1]);
            CHECK(starts[i] - starts[i - 1] <= 48);
        }
    }
}
