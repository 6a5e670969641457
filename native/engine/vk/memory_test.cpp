#include <doctest/doctest.h>

#include <cstdlib>

#include "core/failpoint.h"
#include "vk/device_impl.h"
#include "vk/test_device.h"

using namespace sluice;
using namespace sluice::vk;
using namespace sluice::vk::test;

TEST_CASE("vk: device memory is counted as it is held, with its peak") {
    auto device = Device::open("auto", "");
    const uint64_t base = device->device_bytes();
    CHECK(device->peak_device_bytes() == base);
    {
        Buffer a = device->create_buffer(1 << 20, MemoryKind::device, "test");
        CHECK(device->device_bytes() >= base + (1 << 20));
        Buffer b = std::move(a);
        CHECK(!a);
        CHECK(b.size() == 1 << 20);
        CHECK(device->device_bytes() < base + (2 << 20));
        b = device->create_buffer(2 << 20, MemoryKind::device, "test");
    }
    CHECK(device->device_bytes() == base);
    CHECK(device->peak_device_bytes() >= base + (3 << 20));
    device->reset_peak();
    CHECK(device->peak_device_bytes() == base);
    Buffer staging = device->create_buffer(1 << 20, MemoryKind::upload, "test");
    if (device->traits().unified_memory) CHECK(device->device_bytes() >= base + (1 << 20));
    CHECK(device->driver_budget_bytes() > 0);
}

TEST_CASE("vk: memory that cannot be had is refused with how much, for what, and what is held") {
    auto device = Device::open("auto", "");
    Buffer held = device->create_buffer(1 << 20, MemoryKind::device, "test");
    const uint64_t before = device->device_bytes();
    try {
        device->create_buffer(~uint64_t(0) / 2, MemoryKind::device, "a far too large arena");
        FAIL("allocated");
    } catch (const Error& e) {
        CHECK(e.status == Status::device);
        CHECK(e.code == "allocation-too-large");
        CHECK(std::string(e.what()).find("a far too large arena") != std::string::npos);
    }
    CHECK_THROWS_AS(device->create_buffer(0, MemoryKind::device, "nothing"), Error);

    failpoint::arm_count();
    device->create_buffer(1 << 20, MemoryKind::device, "test");
    std::string site;
    for (const auto& [name, n] : failpoint::state().seen)
        if (name.starts_with("vkAllocateMemory")) site = name;
    REQUIRE(!site.empty());
    size_t types = 0;  // every type that might serve has to refuse
    try {
        // The device's other types would take over after one refusal; a device with several is not failed
        // here.
        const auto& memory = device->impl().physical.memory;
        for (uint32_t i = 0; i < memory.memoryTypeCount; ++i)
            types += (memory.memoryTypes[i].propertyFlags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT) != 0;
        failpoint::arm_fail(site, 0);
        device->create_buffer(5 << 20, MemoryKind::device, "the arena");
        CHECK(types > 1);
    } catch (const Error& e) {
        CHECK(e.code == "out-of-device-memory");
        const std::string what = e.what();
        CHECK(what.find("5.0 MiB") != std::string::npos);
        CHECK(what.find("the arena") != std::string::npos);
        CHECK(what.find("held already") != std::string::npos);
        CHECK(!e.hint.empty());
    }
    failpoint::disarm();
    CHECK(device->device_bytes() == before);
}

TEST_CASE("vk: host memory is imported in place and not counted") {
    auto device = Device::open("auto", "");
    const uint64_t alignment = device->import_alignment();
    if (!alignment) return;
    const uint64_t size = 16 * std::max<uint64_t>(alignment, 4096);
    void* memory = std::aligned_alloc(alignment, size);
    REQUIRE(memory);
    for (uint64_t i = 0; i < size / 4; ++i) static_cast<float*>(memory)[i] = float(i % 1000);
    {
        CHECK_THROWS_AS(device->import_host(static_cast<char*>(memory) + 1, size), Error);
        CHECK_THROWS_AS(device->import_host(memory, size - 1), Error);
        const uint64_t before = device->device_bytes();
        Buffer imported = device->import_host(memory, size);
        REQUIRE(imported);
        CHECK(device->device_bytes() == before);
        Buffer out = device->create_buffer(size, MemoryKind::readback, "test output");
        fill(out, 1.f);
        Commands commands(*device, QueueKind::compute);
        commands.begin();
        commands.dispatch(axpy(uint32_t(size / 4), 2.f), bind(imported, out));
        commands.host_barrier();
        commands.end();
        submit_and_wait(*device, commands);
        for (uint64_t i = 0; i < size / 4; i += 321) CHECK(at(out, i) == 2.f * float(i % 1000) + 1.f);
    }
    {
        // After one refusal nothing is tried again: drivers were seen to fail every later import.
        failpoint::arm_count();
        device->import_host(memory, size);
        std::string site;
        for (const auto& [name, n] : failpoint::state().seen)
            if (name.starts_with("vkAllocateMemory")) site = name;
        failpoint::arm_fail(site, 0);
        CHECK(!device->import_host(memory, size));
        CHECK(failpoint::state().fired);
        failpoint::disarm();
        CHECK(!device->import_host(memory, size));
    }
    std::free(memory);
}
