// Every device allocation, file access and call that returns a VkResult fails in turn while a one-step picture is
// painted: an Error each time, nothing left on the device, and the next job is fine. Each call site fails at its first
// and its last pass here; with SLUICE_FAIL_EVERY=K/N (scripts/fail-everything.mjs) at the Kth of every N passes.
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "core/failpoint.h"
#include "pipeline/paint.h"
#include "pipeline/test_requests.h"
#include "vk/test_device.h"

using namespace sluice;
using testing::resources;

namespace {

PaintRequest small_job() {
    PaintRequest r = testing::tiny_request(1, 7);
    r.init = testing::plain_picture(64, 64, 90);
    r.strength = 1.f;
    r.memory.budget = uint64_t(12) << 20;  // streams: the ring and its copies fail too
    return r;
}

// A whole life: device, cold caches, job.
std::vector<uint8_t> live(const PaintRequest& request, const std::filesystem::path& cache) {
    const auto device = vk::Device::open("", cache.string());
    const uint64_t before = device->device_bytes();
    struct Check {
        vk::Device& device;
        uint64_t before;
        ~Check() { CHECK(device.device_bytes() == before); }
    } check{*device, before};
    return paint(*device, cache.string(), resources(), request, {}).pictures.at(0).image.pixels;
}

}  // namespace

TEST_CASE("failures: every call site of a job, first and last") {
    const PaintRequest request = small_job();
    unsigned part = 0, parts = 0;
    if (const char* every = std::getenv("SLUICE_FAIL_EVERY"))
        REQUIRE_MESSAGE((std::sscanf(every, "%u/%u", &part, &parts) == 2 && part < parts), "SLUICE_FAIL_EVERY is K/N");
    uint64_t passes = 0;
    std::map<std::string, uint64_t> sites;
    std::vector<uint8_t> expected;
    {
        const vk::test::TempDir cache;
        failpoint::arm_count();
        expected = live(request, cache.path);
        failpoint::disarm();
        sites = failpoint::state().seen;
    }
    CHECK(sites.size() > 30);
    int failed = 0, survived = 0;
    for (const auto& [site, count] : sites) {
        CAPTURE(site);
        std::vector<uint64_t> occurrences;
        if (parts)
            for (uint64_t i = 0; i < count; i++) {
                if (passes++ % parts == part) occurrences.push_back(i);
            }
        else
            occurrences = count > 1 ? std::vector<uint64_t>{0, count - 1} : std::vector<uint64_t>{0};
        for (uint64_t occurrence : occurrences) {
            CAPTURE(occurrence);
            const vk::test::TempDir cache;
            failpoint::arm_fail(site, occurrence);
            bool threw = false;
            try {
                // What is optional (a pipeline cache on disk, host-memory import) may fail without consequence: then
                // the picture must be the same.
                const std::vector<uint8_t> picture = live(request, cache.path);
                CHECK(picture == expected);
                survived++;
            } catch (const Error& error) {
                threw = true;
                CHECK(std::string(error.what()).size() > 10);
            }
            const bool fired = failpoint::state().fired;
            failpoint::disarm();
            // How often a wait times out differs from run to run; a later pass may not come.
            if (occurrence == 0) CHECK(fired);
            survived -= !fired;
            failed += threw;
            if (threw) {  // what the failure left behind does no harm
                const std::vector<uint8_t> again = live(request, cache.path);
                CHECK(again == expected);
            }
        }
    }
    if (!parts) CHECK(failed > 30);
    MESSAGE(sites.size(), " call sites: ", failed, " failures became errors, ", survived, " had no consequence");
    CHECK(vk::take_validation_messages().empty());
}

TEST_CASE("failures: cancelling anywhere frees everything") {
    PaintRequest request = small_job();
    request.steps = 3;
    const vk::test::TempDir cache;
    const auto device = vk::Device::open("", cache.path.string());
    const uint64_t before = device->device_bytes();
    // Counted in reports of progress, which are the same in every run.
    int reports = 0;
    PaintHooks counting;
    counting.progress = [&](const char*, int, int) { reports++; };
    paint(*device, cache.path.string(), resources(), request, counting);
    const int all = reports;
    CHECK(all >= 10);
    for (int stop = 1; stop < all; stop++) {  // after the last there is nothing left to stop
        CAPTURE(stop);
        reports = 0;
        PaintHooks hooks;
        hooks.progress = counting.progress;
        hooks.cancelled = [&] { return reports >= stop; };
        try {
            paint(*device, cache.path.string(), resources(), request, hooks);
            FAIL("the job was not stopped");
        } catch (const Error& error) {
            CHECK(error.status == Status::cancelled);
        }
        CHECK(device->device_bytes() == before);
    }
    CHECK(vk::take_validation_messages().empty());
}

TEST_CASE("paint: the picture's bytes do not depend on the budget") {
    PaintRequest request = small_job();
    request.steps = 2;
    request.height = 96;
    for (PixelImage* image : {&request.controls[0].hint, &*request.init}) {
        image->height = 96;
        image->pixels.resize(64 * 96 * 3, 128);
    }
    const vk::test::TempDir cache;
    const auto device = vk::Device::open("", cache.path.string());
    std::vector<uint8_t> expected;
    for (uint64_t mib : {0, 512, 24, 12, 6}) {
        CAPTURE(mib);
        request.memory.budget = mib << 20;
        const PaintResult result = paint(*device, cache.path.string(), resources(), request, {});
        if (mib) CHECK(result.peak_device_bytes <= request.memory.budget);
        if (mib) CHECK(result.in_place_bytes == 0);
        if (expected.empty()) expected = result.pictures[0].image.pixels;
        CHECK(result.pictures[0].image.pixels == expected);
    }
    request.memory.budget = 100'000;
    try {
        paint(*device, cache.path.string(), resources(), request, {});
        FAIL("a budget of 100 kB worked");
    } catch (const Error& error) {
        CHECK(error.code == "budget-too-small");
        CHECK(std::string(error.what()).find("smallest that works") != std::string::npos);
    }
}
