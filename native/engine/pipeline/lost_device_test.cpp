// A device that is lost in the middle of a job: the job says so, and the next one on the same context works.
#include <doctest/doctest.h>
#include <sluice.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "core/failpoint.h"
#include "pipeline/test_c_job.h"
#include "vk/api.h"
#include "vk/test_device.h"

using namespace sluice;

namespace {

constexpr sluice_memory streamed = {uint64_t(12) << 20, SLUICE_PRECISION_AUTO};
constexpr sluice_memory resident = {uint64_t(1) << 30, SLUICE_PRECISION_AUTO};

// From that pass of the site on, all that tells of a lost device does, until another device is made.
void lose_at(const std::string& site, uint64_t occurrence, const char* until) {
    std::vector<std::string> followers;
    for (const char* function : vk::lost_device_functions) followers.push_back(std::string(function) + "@");
    failpoint::arm_fail_until(site, occurrence, followers, until);
}

struct Disarm {
    ~Disarm() { failpoint::disarm(); }
};

}  // namespace

TEST_CASE("failures: a lost device is reported, and the next job opens another") {
    const vk::test::TempDir cache;
    for (const bool warm : {false, true}) {
        CAPTURE(warm);
        const sluice_memory memory = warm ? resident : streamed;
        sluice_context_desc desc{};
        desc.keep_warm = warm;
        const testing::CContext context(desc, cache.path.string());
        sluice_error error{};
        failpoint::arm_count();
        const std::string expected = testing::paint_through_c(context, memory, &error);
        failpoint::disarm();
        const std::map<std::string, uint64_t> sites = failpoint::state().seen;
        REQUIRE_MESSAGE(!expected.empty(), error.message);
        int lost = 0;
        for (const auto& [site, count] : sites) {
            const bool tells = std::any_of(std::begin(vk::lost_device_functions), std::end(vk::lost_device_functions),
                                           [&](const char* f) { return site.starts_with(std::string(f) + "@"); });
            if (!tells) continue;
            CAPTURE(site);
            lost++;
            const Disarm disarm;
            lose_at(site, 0, "vkCreateDevice@");  // a warm job passes fewer than the first did
            CHECK(testing::paint_through_c(context, memory, &error).empty());
            CHECK(failpoint::state().fired);
            CHECK(error.status == SLUICE_DEVICE);
            CHECK(std::string(error.code) == "device-lost");
            CHECK(std::string(error.message).find("VK_ERROR_DEVICE_LOST") != std::string::npos);
            CHECK(std::string(error.hint).find("run the job again") != std::string::npos);
            // The old device is lost all the while: only another one can paint this.
            CHECK(testing::paint_through_c(context, memory, &error) == expected);
            CHECK(failpoint::state().followers.empty());
        }
        CHECK(lost >= 2);  // submitting and waiting
    }
    CHECK(vk::take_validation_messages().empty());
}

TEST_CASE("failures: a device that cannot be opened again is an error of each job, until it can") {
    const vk::test::TempDir cache;
    const testing::CContext context({}, cache.path.string());
    sluice_error error{};
    const std::string expected = testing::paint_through_c(context, streamed, &error);
    REQUIRE_MESSAGE(!expected.empty(), error.message);
    const Disarm disarm;
    failpoint::arm_count();
    CHECK(testing::paint_through_c(context, streamed, &error) == expected);
    const std::string submit = testing::counted_site("vkQueueSubmit");
    failpoint::arm_fail_until(submit, 0, {"vkCreateDevice@"}, "never passed");
    CHECK(testing::paint_through_c(context, streamed, &error).empty());
    CHECK(std::string(error.code) == "device-lost");
    for (int again = 0; again < 2; again++) {
        CHECK(testing::paint_through_c(context, streamed, &error).empty());
        CHECK(error.status == SLUICE_DEVICE);
        CHECK(std::string(error.message).find("opening device") != std::string::npos);
    }
    failpoint::disarm();
    CHECK(testing::paint_through_c(context, streamed, &error) == expected);
    CHECK(vk::take_validation_messages().empty());
}
