// A warm context: the second job takes over what the first left, sends no resident weight again, and paints the same.
#include <doctest/doctest.h>

#include <filesystem>

#include "core/error.h"
#include "pipeline/paint.h"
#include "pipeline/test_requests.h"
#include "vk/test_device.h"

using namespace sluice;
using testing::resources;

namespace {

PaintRequest warm_job() {
    PaintRequest r = testing::tiny_request(2, 3);
    r.memory.budget = uint64_t(1) << 30;
    return r;
}

}  // namespace

TEST_CASE("paint: a warm context sends no resident weights again and paints what a cold one paints") {
    const vk::test::TempDir cache;
    const auto device = vk::Device::open("", cache.path.string());
    const uint64_t empty = device->device_bytes();
    Warm warm;
    const auto both = [&](const PaintRequest& request) {
        const PaintResult hot = paint(*device, cache.path.string(), resources(), request, {}, &warm);
        const PaintResult cold = [&] {
            const vk::test::TempDir other;
            const auto apart = vk::Device::open("", other.path.string());
            return paint(*apart, other.path.string(), resources(), request, {});
        }();
        for (size_t k = 0; k < cold.pictures.size(); k++) {
            CHECK(hot.pictures[k].latents == cold.pictures[k].latents);
            CHECK(hot.pictures[k].image.pixels == cold.pictures[k].image.pixels);
        }
        CHECK(hot.peak_device_bytes <= hot.budget_bytes);
        CHECK(double(hot.peak_device_bytes) <= double(hot.predicted_peak_bytes) * 1.01);
        CHECK(double(hot.peak_device_bytes) >= double(hot.predicted_peak_bytes) * 0.99);
        CHECK(device->device_bytes() == empty + warm.device_bytes());
        return hot.uploaded_bytes;
    };
    PaintRequest request = warm_job();
    CHECK(both(request) > 1'000'000);
    CHECK(warm.device_bytes() > 1'000'000);
    CHECK(both(request) == 0);

    // Another seed, prompt and drawing need no other stage; another size, batch or strength does.
    request.seed = 9;
    request.prompt = "a lighthouse";
    std::fill(request.controls[0].hint.pixels.begin(), request.controls[0].hint.pixels.end(), uint8_t(20));
    CHECK(both(request) == 0);
    request.controls[0].strength = 0.5f;
    const uint64_t step_alone = both(request);
    CHECK(step_alone > 0);
    request.count = 2;
    CHECK(both(request) > 0);
    CHECK(both(request) == 0);
    request = warm_job();
    request.height = 72;
    request.controls[0].hint = testing::plain_picture(64, 72, 100);
    CHECK(both(request) > 0);

    // Another strength of a LoRA makes other weights of the same shapes: they take the place of those before.
    request.loras = {{std::string(SLUICE_TEST_DATA) + "/goldens/paint/inputs/lora-kohya.safetensors", 1}};
    CHECK(both(request) > 0);
    const uint64_t with_lora = warm.device_bytes();
    request.loras[0].strength = 0.5f;
    CHECK(both(request) > 0);
    CHECK(warm.device_bytes() == with_lora);
    CHECK(both(request) == 0);
    request.loras.clear();
    CHECK(both(request) > 0);

    // A budget that holds one stage at a time keeps nothing on the device, one that does again keeps all.
    request.memory.budget = uint64_t(8) << 20;
    CHECK(both(request) > 0);
    CHECK(warm.device_bytes() == 0);
    request.memory.budget = uint64_t(1) << 30;
    CHECK(both(request) > 0);
    CHECK(both(request) == 0);

    // A stopped job takes what it was using with it; the next one is as good as any.
    PaintHooks stopping;
    int reports = 0;
    stopping.progress = [&](const char*, int, int) { reports++; };
    stopping.cancelled = [&] { return reports >= 5; };
    CHECK_THROWS_AS(paint(*device, cache.path.string(), resources(), request, stopping, &warm), Error);
    CHECK(device->device_bytes() == empty + warm.device_bytes());
    both(request);
    warm.clear();
    CHECK(device->device_bytes() == empty);
    CHECK(vk::take_validation_messages().empty());
}
