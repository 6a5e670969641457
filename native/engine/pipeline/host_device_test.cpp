// A whole picture through the C interface on a VkDevice that the host made, with what include/sluice.h asks of it and
// nothing more: under the validation layers, a feature that is used and was not asked for would be told.
#include <doctest/doctest.h>
#include <sluice.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "core/failpoint.h"
#include "pipeline/test_c_job.h"
#include "vk/device_impl.h"
#include "vk/test_device.h"

using namespace sluice;

namespace {

template <typename F>
F function(vk::Device& device, const char* name) {
    const F found = reinterpret_cast<F>(device.api().vkGetInstanceProcAddr(device.impl().instance->handle(), name));
    REQUIRE(bool(found));
    return found;
}

// A device with one queue of the family that the engine would choose.
class HostMade {
  public:
    HostMade(vk::Device& other, bool fp16) : other_(other) {
        VkPhysicalDeviceVulkan12Features features12{};
        features12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
        features12.timelineSemaphore = VK_TRUE;
        features12.shaderFloat16 = fp16;
        VkPhysicalDeviceVulkan11Features features11{};
        features11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES;
        features11.pNext = &features12;
        features11.storageBuffer16BitAccess = fp16;
        const float priority = 1.f;
        VkDeviceQueueCreateInfo queue{};
        queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
        queue.queueFamilyIndex = family();
        queue.queueCount = 1;
        queue.pQueuePriorities = &priority;
        VkDeviceCreateInfo info{};
        info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
        info.pNext = &features11;
        info.queueCreateInfoCount = 1;
        info.pQueueCreateInfos = &queue;
        REQUIRE(function<PFN_vkCreateDevice>(other, "vkCreateDevice")(other.impl().physical.handle, &info, nullptr,
                                                                      &device_) == VK_SUCCESS);
        function<PFN_vkGetDeviceQueue>(other, "vkGetDeviceQueue")(device_, family(), 0, &queue_);
    }
    HostMade(const HostMade&) = delete;
    HostMade& operator=(const HostMade&) = delete;
    ~HostMade() { function<PFN_vkDestroyDevice>(other_, "vkDestroyDevice")(device_, nullptr); }

    uint32_t family() const { return other_.impl().compute.family; }
    VkDevice device() const { return device_; }
    VkQueue queue() const { return queue_; }

  private:
    vk::Device& other_;
    VkDevice device_ = VK_NULL_HANDLE;
    VkQueue queue_ = VK_NULL_HANDLE;
};

std::string paint_with(const sluice_context_desc& desc, sluice_precision precision, const std::string& cache) {
    const testing::CContext context(desc, cache);
    sluice_error error{};
    const std::string pixels = testing::paint_through_c(context, {uint64_t(12) << 20, precision}, &error);
    REQUIRE_MESSAGE(!pixels.empty(), error.message);
    return pixels;
}

sluice_context_desc description(vk::Device& ours, const HostMade& host, bool fp16) {
    sluice_context_desc desc{};
    desc.vk_instance = ours.impl().instance->handle();
    desc.vk_physical_device = ours.impl().physical.handle;
    desc.vk_device = host.device();
    desc.vk_queue = host.queue();
    desc.vk_queue_family = host.family();
    desc.vk_get_instance_proc_addr = reinterpret_cast<void*>(ours.api().vkGetInstanceProcAddr);
    desc.vk_fp16 = fp16;
    return desc;
}

int farthest(const std::string& a, const std::string& b) {
    REQUIRE(a.size() == b.size());
    int most = 0;
    for (size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(int(uint8_t(a[i])) - int(uint8_t(b[i]))));
    return most;
}

}  // namespace

TEST_CASE("host: a picture on the host's own device is the picture of ours") {
    const auto ours = vk::Device::open("", "");
    const bool fp16 = ours->traits().fp16;
    const sluice_precision precision = fp16 ? SLUICE_FP16 : SLUICE_FP32;
    const vk::test::TempDir cache;
    const std::string folder = cache.path.string();
    const std::string expected = paint_with({}, precision, folder);
    CHECK(expected.size() == 64 * 64 * 3);
    const HostMade host(*ours, fp16);
    const sluice_context_desc desc = description(*ours, host, fp16);
    const std::string own = paint_with(desc, precision, folder);
    // A host promises no matrix units: where ours has them, other kernels add up in another order.
    if (ours->info().matrix_shapes.empty())
        CHECK(own == expected);
    else
        CHECK(farthest(own, expected) <= 3);
    CHECK(paint_with(desc, precision, folder) == own);  // the device outlives a context
    CHECK(vk::take_validation_messages().empty());
}

TEST_CASE("host: when the host's own device is lost, the context asks for a new one") {
    const auto ours = vk::Device::open("", "");
    const HostMade host(*ours, false);
    const sluice_context_desc desc = description(*ours, host, false);
    const vk::test::TempDir cache;
    const sluice_memory memory{uint64_t(12) << 20, SLUICE_FP32};
    std::string expected;
    {
        const testing::CContext context(desc, cache.path.string());
        sluice_error error{};
        failpoint::arm_count();
        expected = testing::paint_through_c(context, memory, &error);
        REQUIRE_MESSAGE(!expected.empty(), error.message);
        const std::string submit = testing::counted_site("vkQueueSubmit");
        failpoint::arm_fail(submit, 0);
        CHECK(testing::paint_through_c(context, memory, &error).empty());
        failpoint::disarm();
        CHECK(std::string(error.code) == "device-lost");
        CHECK(testing::paint_through_c(context, memory, &error).empty());
        CHECK(std::string(error.code) == "device-lost");
        CHECK(std::string(error.hint).find("new context") != std::string::npos);
    }
    CHECK(paint_with(desc, SLUICE_FP32, cache.path.string()) == expected);
    CHECK(vk::take_validation_messages().empty());
}
