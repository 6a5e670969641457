// Every device allocation, file access and call that returns a VkResult fails in turn while a one-step picture is
// painted: an Error each time, nothing left on the device, and the next job is fine. Each call site fails at its first
// pass in a host's life and at its last; with SLUICE_FAIL_EVERY=K/N (scripts/fail-everything.mjs) at all its passes in
// every place, of which a process takes the Kth of N parts.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "core/failpoint.h"
#include "core/platform/file.h"
#include "pipeline/paint.h"
#include "pipeline/test_least_model.h"
#include "pipeline/test_requests.h"
#include "pipeline/warm.h"
#include "vk/test_device.h"

using namespace sluice;
using testing::resources;

namespace {

PaintRequest small_job(const std::string& model, uint64_t budget) {
    PaintRequest r = testing::tiny_request(1, 7, model);
    r.init = testing::plain_picture(64, 64, 90);
    r.strength = 1.f;
    r.memory.budget = budget;
    return r;
}

PaintRequest small_job() { return small_job(test_model("tiny"), uint64_t(12) << 20); }

// Where a call is passed, in the order of a host's life. A failure costs the place that it is in, and no more.
enum Place { opening, first_job, later_job, warm_job, resident_job, places };
const std::string place_names[] = {"opening", "first job", "later job", "warm job", "resident job"};

// A host's life: it opens a device with nothing in its caches, paints, and paints again, at last from a warm context,
// first with weights that stream and then with all that a job needs on the device.
class Life {
  public:
    Life(const std::string& model, uint64_t budget) : request_(small_job(model, budget)) {
        request_.cfg = 1.f;  // guidance would pass no other call
        request_.trace = (cache_.path / "trace.json").string();
    }
    const std::string& trace_path() const { return request_.trace; }

    void open() {
        device_ = vk::Device::open("", cache_.path.string());
        before_ = device_->device_bytes();
    }

    // The picture that is painted there. Whether or not it comes to be, nothing but the warm context's is left.
    std::vector<uint8_t> paint(Place place) {
        if (!device_) open();
        const struct Check {
            const Life& life;
            ~Check() { CHECK(life.device_->device_bytes() == life.before_ + life.warm_.device_bytes()); }
        } check{*this};
        PaintRequest request = request_;
        if (place == resident_job) request.memory.budget = uint64_t(1) << 30;
        Warm* warm = place >= warm_job ? &warm_ : nullptr;
        PaintResult result = sluice::paint(*device_, cache_.path.string(), resources(), request, {}, warm);
        return std::move(result.pictures.at(0).image.pixels);
    }

    // As it is just before that place, which is a later one than the first job.
    void live_up_to(Place place) {
        warm_.clear();
        if (!device_) paint(first_job);
        if (place >= warm_job) paint(place);
    }

  private:
    const vk::test::TempDir cache_;
    PaintRequest request_;
    std::unique_ptr<vk::Device> device_;
    uint64_t before_ = 0;
    Warm warm_;
};

// How often a wait times out differs from run to run; a later pass may not come.
bool varies(const std::string& site) { return site.starts_with("vkWaitSemaphores@"); }

}  // namespace

TEST_CASE("failures: every call site of a job, first and last") {
    unsigned part = 0, parts = 0;
    if (const char* every = std::getenv("SLUICE_FAIL_EVERY"))
        REQUIRE_MESSAGE((std::sscanf(every, "%u/%u", &part, &parts) == 2 && part < parts), "SLUICE_FAIL_EVERY is K/N");
    const vk::test::TempDir folder;
    const std::string model = folder.path.string();
    testing::write_least_model(model);

    // Each site's passes, place by place.
    std::map<std::string, std::array<uint64_t, places>> sites;
    const auto count = [&](Place place, const auto& action) {
        failpoint::arm_count();
        action();
        failpoint::disarm();
        for (const auto& [site, passes] : failpoint::state().seen) sites[site][place] = passes;
    };
    // With so little memory that weights go through the ring and work is cut; a card's kernels may need more.
    uint64_t budget = uint64_t(1) << 20;
    std::unique_ptr<Life> shared;
    std::vector<uint8_t> expected;
    while (expected.empty()) {
        sites.clear();
        shared = std::make_unique<Life>(model, budget);
        try {
            count(opening, [&] { shared->open(); });
            count(first_job, [&] { expected = shared->paint(first_job); });
        } catch (const Error& error) {
            if (error.code != "budget-too-small") throw;
            budget += uint64_t(1) << 18;
        }
    }
    CHECK(read_text_file(shared->trace_path(), 1 << 24).find("unet upload") != std::string::npos);
    for (const Place place : {later_job, warm_job, resident_job}) {
        shared->live_up_to(place);
        std::vector<uint8_t> picture;
        count(place, [&] { picture = shared->paint(place); });
        CHECK(picture == expected);
    }
    CHECK(sites.size() > 40);

    // The passes of a site at which it fails in that place.
    const auto passes_of = [&](const std::array<uint64_t, places>& passes, Place place) {
        const auto passed = [](uint64_t n) { return n > 0; };
        const bool begins = std::none_of(passes.begin(), passes.begin() + place, passed);
        const bool ends = std::none_of(passes.begin() + place + 1, passes.end(), passed);
        std::vector<uint64_t> list;
        for (uint64_t i = 0; i < passes[place]; i++)
            if (parts || (begins && i == 0) || (ends && i + 1 == passes[place])) list.push_back(i);
        return list;
    };
    std::vector<std::pair<std::string, uint64_t>> openings;
    for (const auto& [site, passes] : sites)
        for (const uint64_t pass : passes_of(passes, opening)) openings.emplace_back(site, pass);
    size_t opened = 0;
    int failed = 0, survived = 0;

    // True where the failure had no consequence.
    const auto fail = [&](Place place, const std::string& site, uint64_t pass, bool has_to, const auto& action) {
        if (parts) {  // the last such line names the failure that took the process down
            std::printf("%s: %s, pass %llu\n", place_names[place].c_str(), site.c_str(), (unsigned long long)pass);
            std::fflush(stdout);
        }
        failpoint::arm_fail(site, pass);
        bool threw = false;
        try {
            action();
        } catch (const Error& error) {
            threw = true;
            CHECK(std::string(error.what()).size() > 10);
        }
        const bool fired = failpoint::state().fired;
        failpoint::disarm();
        if (has_to) CHECK(fired);
        return fired && !threw;
    };
    unsigned shift = 0;
    for (const Place place : {first_job, later_job, warm_job, resident_job}) {
        CAPTURE(place_names[place]);
        shared->live_up_to(place);
        for (const auto& [site, passes] : sites) {
            CAPTURE(site);
            shift++;  // a part's share is spread over all sites, and the same in each process
            for (const uint64_t pass : passes_of(passes, place)) {
                if (parts && (pass + shift) % parts != part) continue;
                CAPTURE(pass);
                std::unique_ptr<Life> fresh;
                if (place == first_job) {
                    // It begins with an opening that fails, of which nothing may be seen in what follows.
                    fresh = std::make_unique<Life>(model, budget);
                    const auto& [opening_site, opening_pass] = openings[(part + opened++) % openings.size()];
                    CAPTURE(opening_site);
                    fail(opening, opening_site, opening_pass, true, [&] { fresh->open(); });
                    fresh->open();
                }
                Life& life = fresh ? *fresh : *shared;
                std::vector<uint8_t> picture;
                const bool harmless =
                    fail(place, site, pass, pass == 0 || !varies(site), [&] { picture = life.paint(place); });
                // What is optional (a pipeline cache on disk, host-memory import) may fail without consequence: then
                // the picture must be the same. What any other failure left behind does no harm to the next job, on
                // the very device.
                if (picture.empty()) {
                    failed++;
                    picture = life.paint(place);
                }
                CHECK(picture == expected);
                survived += harmless;
                if (harmless && !fresh) {  // the device does without from now on
                    shared = std::make_unique<Life>(model, budget);
                    shared->live_up_to(place);
                }
            }
        }
    }
    if (!parts) {
        CHECK(opened >= openings.size());
        CHECK(failed > 40);
    }
    MESSAGE(sites.size(), " call sites: ", failed, " failures became errors, ", survived, " had no consequence; ",
            opened, " openings failed before");
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
