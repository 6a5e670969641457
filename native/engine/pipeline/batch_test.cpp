// Pictures that share a pass of the weights: each must be, byte for byte, what it is when it is painted alone.
#include <doctest/doctest.h>

#include <filesystem>

#include "core/test_models.h"
#include "pipeline/paint.h"
#include "vk/test_device.h"

using namespace sluice;

namespace {

std::string resources() { return std::string(SLUICE_TEST_DATA) + "/../../../resources"; }

// Every source of randomness: a VAE sample, starting noise, ancestral noise; with a ControlNet and a mask.
PaintRequest batch_job() {
    PaintRequest r;
    r.model = test_model("tiny");
    r.prompt = "a boat";
    r.width = 64;
    r.height = 72;
    r.steps = 4;
    r.seed = 41;
    r.count = 3;
    r.sampler = "euler_a";
    r.strength = 0.75;
    const size_t area = 64 * 72;
    r.init = PixelImage{64, 72, std::vector<uint8_t>(area * 3, 90)};
    r.mask = PixelImage{64, 72, std::vector<uint8_t>(area, 255)};
    for (size_t i = 0; i < area / 2; i++) r.mask->pixels[i] = 0;
    PaintControl c;
    c.model = test_model("tiny") + "/controlnet";
    c.hint = {64, 72, std::vector<uint8_t>(area * 3, 200)};
    r.controls.push_back(c);
    return r;
}

}  // namespace

TEST_CASE("paint: pictures of a batch equal the same painted alone, and share the weights that are sent") {
    const vk::test::TempDir cache;
    const auto device = vk::Device::open("", cache.path.string());
    for (int precision : {1, 2}) {
        if (precision == 2 && !device->traits().fp16) continue;
        CAPTURE(precision);
        PaintRequest request = batch_job();
        request.memory = {uint64_t(precision == 1 ? 24 : 14) << 20, precision};
        const PaintResult batch = paint(*device, cache.path.string(), resources(), request, {});
        REQUIRE(batch.pictures.size() == 3);
        CHECK(batch.step_seconds.size() == 3);
        CHECK(batch.peak_device_bytes <= request.memory.budget);
        uint64_t sent_alone = 0;
        for (size_t k = 0; k < 3; k++) {
            CAPTURE(k);
            PaintRequest one = request;
            one.count = 1;
            one.seed = request.seed + k;
            const PaintResult alone = paint(*device, cache.path.string(), resources(), one, {});
            CHECK(batch.pictures[k].latents == alone.pictures[0].latents);
            CHECK(batch.pictures[k].image.pixels == alone.pictures[0].image.pixels);
            sent_alone += alone.uploaded_bytes;
        }
        CHECK(batch.pictures[0].latents != batch.pictures[1].latents);
        MESSAGE("sent together ", batch.uploaded_bytes, ", alone ", sent_alone);
        CHECK(double(batch.uploaded_bytes) < 0.6 * double(sent_alone));
    }
    // More than eight go in groups; a picture does not know in which it is.
    PaintRequest many = batch_job();
    many.count = 9;
    const PaintResult groups = paint(*device, cache.path.string(), resources(), many, {});
    CHECK(groups.step_seconds.size() == 6);
    many.seed += 7;
    many.count = 2;
    const PaintResult pair = paint(*device, cache.path.string(), resources(), many, {});
    for (size_t k = 0; k < 2; k++) CHECK(groups.pictures[7 + k].image.pixels == pair.pictures[k].image.pixels);
    CHECK(vk::take_validation_messages().empty());
}
