// Every call that returns a VkResult fails once; and a host's own device.
#include <doctest/doctest.h>

#include "core/failpoint.h"
#include "vk/device_impl.h"
#include "vk/test_device.h"

using namespace sluice;
using namespace sluice::vk;
using namespace sluice::vk::test;

namespace {

// Opens a device and uses all of it once. Returns what came out: 3 * (2*5 + 1) = 33 everywhere.
float scenario(const std::string& cache_dir) {
    auto device = Device::open("auto", cache_dir);
    constexpr uint32_t n = 256;
    const PipelineKey keys[] = {axpy(n, 1.f, 2).pipeline, axpy(n, 1.f, 3).pipeline};
    device->prepare(keys);
    Buffer in = device->create_buffer(n * 4, MemoryKind::upload, "test input");
    Buffer x = device->create_buffer(n * 4, MemoryKind::device, "test x");
    Buffer out = device->create_buffer(n * 4, MemoryKind::readback, "test output");
    fill(in, 5.f);
    fill(out, 1.f);
    if (const uint64_t alignment = device->import_alignment()) {
        void* memory = std::aligned_alloc(alignment, alignment);
        { Buffer imported = device->import_host(memory, alignment); }
        std::free(memory);
    }
    Timeline copied(*device), done(*device);
    Commands copy(*device, QueueKind::transfer);
    copy.begin();
    copy.copy({in.handle(), x.handle(), 0, 0, n * 4});
    copy.end();
    Commands compute(*device, QueueKind::compute);
    compute.begin();  // twice, so that pools are reset
    compute.dispatch(axpy(n, 1.f, 2), bind(x, out));
    compute.end();
    compute.begin();
    compute.timestamp();
    compute.dispatch(axpy(n, 2.f, 3), bind(x, out));
    compute.timestamp();
    compute.host_barrier();
    compute.end();
    const Commands* copies[] = {&copy};
    const Commands* computes[] = {&compute};
    const TimelinePoint after_copy[] = {{&copied, 1}};
    const TimelinePoint after_all[] = {{&done, 1}};
    device->submit(QueueKind::transfer, copies, {}, after_copy);
    device->submit(QueueKind::compute, computes, after_copy, after_all);
    while (!done.wait(1, 1'000'000'000)) {
    }
    if (done.value() != 1) return -1.f;
    compute.read_timestamps();
    done.signal(2);
    for (uint64_t i = 1; i < n; ++i)
        if (at(out, i) != at(out, 0)) return -1.f;
    return at(out, 0);
}

}  // namespace

TEST_CASE("vk: every Vulkan call fails once: an Error, no crash, and the next run is right") {
    std::map<std::string, uint64_t> sites;
    {
        TempDir cache;
        failpoint::arm_count();
        REQUIRE(scenario(cache.path.string()) == 33.f);
        sites = failpoint::state().seen;
        failpoint::disarm();
    }
    CHECK(sites.size() > 35);
    // What has another way, or only costs time: importing host memory, the pipeline cache on disk.
    const auto may_succeed = [](const std::string& site) {
        return site.find("memory.cpp") != std::string::npos || site.starts_with("rename-pipeline-cache") ||
               site.starts_with("vkGetPipelineCacheData");
    };
    for (const auto& [site, count] : sites) {
        for (uint64_t occurrence = 0; occurrence < std::min<uint64_t>(count, 4); ++occurrence) {
            CAPTURE(site);
            CAPTURE(occurrence);
            TempDir cache;
            failpoint::arm_fail(site, occurrence);
            try {
                const float result = scenario(cache.path.string());
                CHECK(result == 33.f);
                CHECK(may_succeed(site));
            } catch (const Error& e) {
                CHECK(e.status == Status::device);
                CHECK(!e.code.empty());
                CHECK(std::string(e.what()).size() > 20);
            }
            const bool fired = failpoint::state().fired;
            failpoint::disarm();
            CHECK(fired);
        }
    }
    TempDir cache;
    CHECK(scenario(cache.path.string()) == 33.f);
}

TEST_CASE("vk: a host's own device is used and left alone") {
    auto host = Device::open("auto", "");
    const Physical& p = host->impl().physical;
    HostDevice handles{};
    handles.instance = host->impl().instance->handle();
    handles.physical = p.handle;
    handles.device = host->handle();
    handles.queue = host->impl().compute.handle;
    handles.family = host->impl().compute.family;
    handles.get_instance_proc_addr = host->api().vkGetInstanceProcAddr;
    {
        auto adopted = Device::adopt(handles, "");
        CHECK(adopted->info().name == host->info().name);
        CHECK_FALSE(adopted->traits().fp16);  // not promised
        CHECK_FALSE(adopted->has_transfer_queue());
        CHECK(adopted->import_alignment() == 0);
        Buffer x = adopted->create_buffer(256, MemoryKind::upload, "test x");
        Buffer y = adopted->create_buffer(256, MemoryKind::readback, "test y");
        fill(x, 1.f);
        fill(y, 1.f);
        Commands commands(*adopted, QueueKind::transfer);
        commands.begin();
        commands.dispatch(axpy(64, 2.f), bind(x, y));
        commands.host_barrier();
        commands.end();
        submit_and_wait(*adopted, commands);
        CHECK(at(y, 63) == 3.f);
    }
    handles.fp16 = true;
    CHECK(Device::adopt(handles, "")->traits().fp16 == host->traits().fp16);
    handles.family = 1000;
    CHECK_THROWS_AS(Device::adopt(handles, ""), Error);
    handles.queue = VK_NULL_HANDLE;
    CHECK_THROWS_AS(Device::adopt(handles, ""), Error);
    // The host's device still works.
    CHECK(host->create_buffer(256, MemoryKind::device, "test").size() == 256);
}
