// A picture's whole job for instruments that make each shader cost seconds (the validation layers' GPU-assisted checks):
// on the least model that has everything, streamed and resident, at both storages or, under those, at the smaller one.
#include <doctest/doctest.h>

#include <vector>

#include "pipeline/paint.h"
#include "pipeline/test_least_model.h"
#include "pipeline/test_requests.h"
#include "vk/test_device.h"

using namespace sluice;
using testing::resources;

TEST_CASE("least: a whole picture, streamed and resident, draws no message") {
    const vk::test::TempDir cache, model;
    testing::write_least_model(model.path.string());
    const auto device = vk::Device::open("", cache.path.string());
    PaintRequest request = testing::tiny_request(1, 7, model.path.string());
    request.init = testing::plain_picture(64, 64, 90);
    request.strength = 1.f;
    for (int precision : {1, 2}) {
        const bool has = precision == 1 || device->traits().fp16;
        if (!has || (precision == 1 && device->traits().fp16 && vk::test::instrumented())) continue;
        CAPTURE(precision);
        request.memory = {0, precision};
        const auto painted = [&] { return paint(*device, cache.path.string(), resources(), request, {}); };
        const std::vector<uint8_t> resident = painted().pictures[0].image.pixels;
        CHECK(resident.size() == 64 * 64 * 3);
        request.memory.budget = uint64_t(2) << 20;
        const PaintResult streamed = painted();
        CHECK(streamed.uploaded_bytes > 0);
        CHECK(streamed.peak_device_bytes <= request.memory.budget);
        CHECK(streamed.pictures[0].image.pixels == resident);
    }
    CHECK(vk::take_validation_messages().empty());
}
