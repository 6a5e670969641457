// Pictures that share a pass of the weights: each must be, byte for byte, what it is when it is painted alone.
#include <doctest/doctest.h>

#include <filesystem>

#include "core/error.h"
#include "core/test_models.h"
#include "pipeline/paint.h"
#include "pipeline/test_requests.h"
#include "vk/test_device.h"

using namespace sluice;
using testing::resources;

namespace {

// Every source of randomness: a VAE sample, starting noise, ancestral noise; with a ControlNet and a mask.
PaintRequest batch_job() {
    PaintRequest r = testing::tiny_request(4, 41);
    r.height = 72;
    r.count = 3;
    r.sampler = "euler_a";
    r.strength = 0.75;
    r.init = testing::plain_picture(64, 72, 90);
    r.mask = testing::plain_picture(64, 72, 255, 1);
    for (size_t i = 0; i < r.mask->pixels.size() / 2; i++) r.mask->pixels[i] = 0;
    r.controls[0].hint = testing::plain_picture(64, 72, 200);
    return r;
}

// tiny with some of its UNet's weights `factor` times as large.
std::string enlarged_model(const std::filesystem::path& folder, double factor, const std::vector<std::string>& names) {
    SeededModel model = read_seeded_model(std::string(SLUICE_TEST_DATA) + "/models/tiny.json");
    for (SeededComponent& component : model.components) {
        if (component.name != "unet") continue;
        for (SeededTensor& tensor : component.tensors)
            for (const std::string& name : names)
                if (tensor.shape.size() > 1 && tensor.name.find(name) != std::string::npos)
                    tensor.half_width = int64_t(double(tensor.half_width) * factor);
    }
    write_seeded_folder(model, folder.string(), SeededFormat::f16);
    return folder.string();
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

TEST_CASE("paint: one picture of a batch overflows in fp16: it goes on in fp32, the others stay as they are") {
    const vk::test::TempDir cache, folder;
    const auto device = vk::Device::open("", cache.path.string());
    if (!device->traits().fp16) return;
    // At this factor the largest activation of seed 1 is beyond fp16's end, by a few percent, and others' are not.
    PaintRequest request = testing::tiny_request(2, 0);
    request.controls.clear();
    request.model = enlarged_model(folder.path / "near", 1075, {"conv_in."});
    request.memory.precision = 2;
    std::vector<std::string> notices;
    PaintHooks hooks;
    hooks.notice = [&](const std::string& text) { notices.push_back(text); };
    const auto run = [&](uint64_t seed, int count) {
        notices.clear();
        request.seed = seed;
        request.count = count;
        return paint(*device, cache.path.string(), resources(), request, hooks);
    };
    std::vector<PaintResult> alone;
    for (uint64_t seed : {0, 1, 2}) {
        CAPTURE(seed);
        alone.push_back(run(seed, 1));
        CHECK(notices.size() == (seed == 1 ? 1 : 0));
    }
    const PaintResult batch = run(0, 3);
    REQUIRE(notices.size() == 2);
    CHECK(notices[0].find("a picture of the batch overflowed in fp16") == 0);
    CHECK(notices[1] == "picture 2 of 3 (seed 1): stage sample overflowed in fp16 and goes on in fp32");
    REQUIRE(batch.pictures.size() == 3);
    for (size_t k = 0; k < 3; k++) {
        CAPTURE(k);
        CHECK(batch.pictures[k].latents == alone[k].pictures[0].latents);
        CHECK(batch.pictures[k].image.pixels == alone[k].pictures[0].image.pixels);
    }
    CHECK(vk::take_validation_messages().empty());
}

TEST_CASE("paint: a picture that is not finite in fp32 either is named") {
    const vk::test::TempDir cache, folder;
    const auto device = vk::Device::open("", cache.path.string());
    // Nothing normalises this path: after eight factors of 60000 it has left fp32.
    PaintRequest request = testing::tiny_request(2, 7);
    request.controls.clear();
    request.model = enlarged_model(folder.path / "beyond", 6e4, {"conv_in.", "conv_shortcut.", "samplers."});
    for (int count : {1, 2}) {
        CAPTURE(count);
        request.count = count;
        try {
            paint(*device, cache.path.string(), resources(), request, {});
            FAIL("infinity was painted");
        } catch (const Error& error) {
            CHECK(error.code == "not-finite");
            CHECK(error.status == Status::input);
            const std::string text = error.what();
            CHECK(text.starts_with("picture 1 of 2 (seed 7): ") == (count == 2));
            CHECK(text.ends_with("the UNet gave NaN or infinity in fp32"));
        }
    }
    CHECK(vk::take_validation_messages().empty());
}
