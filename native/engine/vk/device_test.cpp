#include "vk/device.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/failpoint.h"
#include "vk/device_impl.h"
#include "vk/test_device.h"

using namespace sluice;
using namespace sluice::vk;
using namespace sluice::vk::test;

TEST_CASE("vk: devices are listed with what the engine uses") {
    const auto devices = enumerate();
    REQUIRE(!devices.empty());
    for (const DeviceInfo& d : devices) {
        const auto row = nlohmann::json::parse(d.json);
        CHECK(row.at("index") == d.index);
        CHECK(row.at("name") == d.name);
        CHECK(row.at("driver") == d.driver);
        CHECK(!row.at("heaps").empty());
        CHECK(row.at("budget_bytes").get<uint64_t>() > 0);
        CHECK(row.at("subgroup_size").get<uint32_t>() >= 1);
        for (const char* feature : {"storage_16bit", "float16", "integer_dot_product", "timeline_semaphores",
                                    "host_memory_import", "transfer_queue"})
            CHECK(row.at("features").at(feature).is_boolean());
        CHECK(row.at("features").at("cooperative_matrix").is_array());
        CHECK(d.traits.max_storage_range >= 128u << 20);
        CHECK(d.traits.storage_alignment >= 16);
    }
}

TEST_CASE("vk: a device is chosen by index, by part of its name, or by itself") {
    const auto devices = enumerate();
    CHECK(Device::open("0", "")->info().name == devices[0].name);
    std::string upper = devices[0].name.substr(0, 6);
    for (char& c : upper) c = char(std::toupper(static_cast<unsigned char>(c)));
    CHECK(Device::open(upper, "")->info().index == devices[0].index);
    CHECK(Device::open("", "")->info().name == Device::open("auto", "")->info().name);
    for (const char* wrong : {"99", "no such thing"}) {
        try {
            Device::open(wrong, "");
            FAIL("opened");
        } catch (const Error& e) {
            CHECK(e.status == Status::device);
            CHECK(e.code == "no-such-device");
            CHECK(std::string(e.what()).find(wrong) != std::string::npos);
            CHECK(e.hint.find(devices[0].name) != std::string::npos);
        }
    }
}

TEST_CASE("vk: without a loader or a driver the error says what to install") {
    failpoint::arm_count();
    enumerate();
    std::string site;
    for (const auto& [name, n] : failpoint::state().seen)
        if (name.starts_with("open-vulkan-loader")) site = name;
    REQUIRE(!site.empty());
    failpoint::arm_fail(site, 0);
    try {
        enumerate();
        FAIL("listed");
    } catch (const Error& e) {
        CHECK(e.code == "no-vulkan");
        CHECK(e.hint.find("nstall") != std::string::npos);
    }
    failpoint::disarm();

#if !defined(_WIN32)
    std::vector<std::pair<const char*, std::string>> before;
    for (const char* name : {"VK_DRIVER_FILES", "VK_ICD_FILENAMES"}) {
        const char* value = std::getenv(name);
        before.emplace_back(name, value ? value : "");
        setenv(name, "/nonexistent/driver.json", 1);
    }
    try {
        Device::open("auto", "");
        FAIL_CHECK("opened");
    } catch (const Error& e) {
        CHECK(e.code == "no-device");
        CHECK(e.hint.find("nstall") != std::string::npos);
    }
    for (const auto& [name, value] : before)
        if (value.empty())
            unsetenv(name);
        else
            setenv(name, value.c_str(), 1);
#endif
}

TEST_CASE("vk: copies, dispatches, constants and barriers") {
    TempDir cache;
    auto device = Device::open("auto", cache.path.string());
    constexpr uint32_t n = 1000;
    Buffer in = device->create_buffer(n * 4, MemoryKind::upload, "test input");
    Buffer x = device->create_buffer(n * 4, MemoryKind::device, "test x");
    Buffer y = device->create_buffer(n * 4, MemoryKind::device, "test y");
    Buffer out = device->create_buffer(n * 4, MemoryKind::readback, "test output");
    CHECK(x.mapped() == nullptr);
    fill(in, 3.f);

    Commands commands(*device, QueueKind::compute);
    commands.begin();
    commands.timestamp();
    commands.copy({in.handle(), x.handle(), 0, 0, n * 4});
    commands.copy({in.handle(), y.handle(), 0, 0, n * 4});
    commands.barrier();
    commands.dispatch(axpy(n, 2.f), bind(x, y));  // y = 2*3 + 3 = 9
    commands.barrier();
    commands.dispatch(axpy(n - 1, 1.f, 10), bind(x, y));  // y = 10*(3 + 9) = 120, all but the last
    commands.barrier();
    commands.copy({y.handle(), out.handle(), 0, 0, n * 4});
    commands.host_barrier();
    commands.timestamp();
    commands.end();

    for (int replay = 0; replay < 2; ++replay) {
        fill(out, 0.f);
        submit_and_wait(*device, commands);
        CHECK(at(out, 0) == 120.f);
        CHECK(at(out, n - 2) == 120.f);
        CHECK(at(out, n - 1) == 9.f);
        const auto stamps = commands.read_timestamps();
        if (!stamps.empty()) {
            REQUIRE(stamps.size() == 2);
            CHECK(stamps[1] > stamps[0]);
            CHECK(stamps[1] - stamps[0] < 60e9);
        }
    }
}

TEST_CASE("vk: fp16 storage where the device has it") {
    auto device = Device::open("auto", "");
    if (!device->traits().fp16) return;
    Buffer x = device->create_buffer(8, MemoryKind::upload, "test x");
    Buffer y = device->create_buffer(8, MemoryKind::upload, "test y");
    const uint16_t one = 0x3c00, two = 0x4000, five = 0x4500;
    for (int i = 0; i < 4; ++i)
        static_cast<uint16_t*>(x.mapped())[i] = two, static_cast<uint16_t*>(y.mapped())[i] = one;
    Commands commands(*device, QueueKind::compute);
    commands.begin();
    Dispatch d = axpy(4, 2.f);
    d.pipeline.precision = Precision::fp16;
    commands.dispatch(d, bind(x, y));
    commands.host_barrier();
    commands.end();
    submit_and_wait(*device, commands);
    for (int i = 0; i < 4; ++i) CHECK(static_cast<uint16_t*>(y.mapped())[i] == five);
}

TEST_CASE("vk: thousands of dispatches in one recording, recorded twice") {
    auto device = Device::open("auto", "");
    Buffer x = device->create_buffer(256, MemoryKind::upload, "test x");
    Buffer y = device->create_buffer(256, MemoryKind::upload, "test y");
    Commands commands(*device, QueueKind::compute);
    for (int recording = 1; recording <= 2; ++recording) {
        fill(x, 1.f);
        fill(y, 0.f);
        commands.begin();
        for (int i = 0; i < 2000; ++i) {
            commands.dispatch(axpy(64, float(recording)), bind(x, y));
            commands.barrier();
        }
        commands.host_barrier();
        commands.end();
        submit_and_wait(*device, commands);
        CHECK(at(y, 63) == 2000.f * float(recording));
    }
}

TEST_CASE("vk: dispatches that a device cannot take are refused when they are recorded") {
    auto device = Device::open("auto", "");
    Buffer x = device->create_buffer(1024, MemoryKind::upload, "test x");
    Commands commands(*device, QueueKind::compute);
    commands.begin();
    Dispatch none_at_all = axpy(64, 1.f);
    none_at_all.groups[1] = 0;
    CHECK_THROWS_AS(commands.dispatch(none_at_all, bind(x, x)), Error);
    Dispatch too_many = axpy(64, 1.f);
    too_many.groups[1] = device->traits().max_workgroup_count[1] + 1;
    if (too_many.groups[1]) CHECK_THROWS_AS(commands.dispatch(too_many, bind(x, x)), Error);
    auto ranges = bind(x, x);
    ranges[0].offset = 4;
    CHECK_THROWS_AS(commands.dispatch(axpy(64, 1.f), ranges), Error);
    ranges = bind(x, x);
    ranges[1].size = device->traits().max_storage_range + 1;
    CHECK_THROWS_AS(commands.dispatch(axpy(64, 1.f), ranges), Error);
    Dispatch unknown = axpy(64, 1.f);
    unknown.pipeline.shader = 0xfff0;
    try {
        commands.dispatch(unknown, bind(x, x));
        FAIL("recorded");
    } catch (const Error& e) {
        CHECK(e.code == "no-shader");
    }
    commands.end();
}

TEST_CASE("vk: timelines between the two queues, and waits that give up") {
    auto device = Device::open("auto", "");
    constexpr uint32_t n = 1 << 16;
    constexpr int rounds = 6;
    // A ring of two, as weights are streamed: the copy of a block waits for the compute that read its place.
    Buffer source = device->create_buffer(rounds * n * 4, MemoryKind::upload, "test source");
    for (uint64_t i = 0; i < rounds * uint64_t(n); ++i)
        static_cast<float*>(source.mapped())[i] = float(1 + i / n);
    Buffer ring[2] = {device->create_buffer(n * 4, MemoryKind::device, "test ring"),
                      device->create_buffer(n * 4, MemoryKind::device, "test ring")};
    Buffer sum = device->create_buffer(n * 4, MemoryKind::readback, "test sum");
    fill(sum, 0.f);
    Timeline copied(*device), computed(*device);
    std::vector<std::unique_ptr<Commands>> recorded;
    for (int i = 0; i < rounds; ++i) {
        auto& copy = recorded.emplace_back(std::make_unique<Commands>(*device, QueueKind::transfer));
        copy->begin();
        copy->timestamp();
        copy->copy({source.handle(), ring[i % 2].handle(), uint64_t(i) * n * 4, 0, n * 4});
        copy->timestamp();
        copy->end();
        auto& compute = recorded.emplace_back(std::make_unique<Commands>(*device, QueueKind::compute));
        compute->begin();
        compute->barrier();
        compute->dispatch(axpy(n, 1.f), bind(ring[i % 2], sum));
        compute->host_barrier();
        compute->end();
    }
    for (int i = 0; i < rounds; ++i) {
        const uint64_t step = uint64_t(i) + 1;
        const Commands* copy[] = {recorded[size_t(i) * 2].get()};
        const Commands* compute[] = {recorded[size_t(i) * 2 + 1].get()};
        const TimelinePoint free_again[] = {{&computed, step > 2 ? step - 2 : 0}};
        const TimelinePoint is_copied[] = {{&copied, step}};
        const TimelinePoint is_computed[] = {{&computed, step}};
        device->submit(QueueKind::transfer, copy, free_again, is_copied);
        device->submit(QueueKind::compute, compute, is_copied, is_computed);
    }
    while (!computed.wait(rounds, 100'000'000)) {
    }
    CHECK(computed.value() == rounds);
    CHECK(at(sum, 0) == 21.f);
    CHECK(at(sum, n - 1) == 21.f);
    CHECK_FALSE(computed.wait(rounds + 1, 1'000'000));
    computed.signal(rounds + 1);
    CHECK(computed.wait(rounds + 1, 0));
}

TEST_CASE("vk: work that waits for a submission that never came does not hang the way out") {
    // GPU-assisted validation waits inside vkQueueSubmit until the batch is done: this one never would be.
    const char* validation = std::getenv("SLUICE_VALIDATION");
    if (validation && std::string(validation) == "gpu") return;
    auto device = Device::open("auto", "");
    Buffer x = device->create_buffer(256, MemoryKind::upload, "test x");
    Buffer y = device->create_buffer(256, MemoryKind::upload, "test y");
    try {
        Timeline never(*device), after(*device);
        Commands commands(*device, QueueKind::compute);
        commands.begin();
        commands.dispatch(axpy(64, 1.f), bind(x, y));
        commands.end();
        const Commands* list[] = {&commands};
        const TimelinePoint wait[] = {{&never, 1}};
        const TimelinePoint signal[] = {{&after, 1}};
        device->submit(QueueKind::compute, list, wait, signal);
        CHECK_FALSE(after.wait(1, 1'000'000));
        throw Error(Status::cancelled, "cancelled", "the job was cancelled");
    } catch (const Error& e) {
        CHECK(e.code == "cancelled");
    }
    Commands again(*device, QueueKind::compute);
    fill(x, 1.f);
    fill(y, 1.f);
    again.begin();
    again.dispatch(axpy(64, 1.f), bind(x, y));
    again.host_barrier();
    again.end();
    submit_and_wait(*device, again);
    CHECK(at(y, 0) == 2.f);
}
