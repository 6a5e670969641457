// A whole picture through the C interface on a VkDevice that the host made, with what include/sluice.h asks of it and
// nothing more: under the validation layers, a feature that is used and was not asked for would be told.
#include <doctest/doctest.h>
#include <sluice.h>

#include <string>

#include "pipeline/test_requests.h"
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

std::string paint_with(sluice_context_desc desc, sluice_precision precision, const std::string& cache) {
    const std::string resources = testing::resources(), model = test_model("tiny");
    desc.size = sizeof desc;
    desc.cache_dir = cache.c_str();
    desc.resource_dir = resources.c_str();
    sluice_paint_desc job{};
    job.size = sizeof job;
    job.model = model.c_str();
    job.prompt = "a boat";
    job.width = job.height = 64;
    job.steps = 1;
    job.cfg = 7.5f;
    job.sampler = "euler";
    job.schedule = "normal";
    job.seed = 5;
    job.count = job.clip_skip = 1;
    job.memory = {uint64_t(12) << 20, precision};
    sluice_error error{};
    sluice_context* context = nullptr;
    REQUIRE_MESSAGE(sluice_context_create(&desc, &context, &error) == SLUICE_OK, error.message);
    sluice_result* result = nullptr;
    const sluice_status status = sluice_paint(context, &job, nullptr, &result, &error);
    std::string pixels;
    if (sluice_image image{}; status == SLUICE_OK && sluice_result_image(result, 0, &image) == SLUICE_OK)
        pixels.assign(reinterpret_cast<const char*>(image.pixels), size_t(image.width) * image.height * 3);
    sluice_result_destroy(result);
    sluice_context_destroy(context);
    REQUIRE_MESSAGE(status == SLUICE_OK, error.message);
    return pixels;
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
    sluice_context_desc desc{};
    desc.vk_instance = ours->impl().instance->handle();
    desc.vk_physical_device = ours->impl().physical.handle;
    desc.vk_device = host.device();
    desc.vk_queue = host.queue();
    desc.vk_queue_family = host.family();
    desc.vk_get_instance_proc_addr = reinterpret_cast<void*>(ours->api().vkGetInstanceProcAddr);
    desc.vk_fp16 = fp16;
    CHECK(paint_with(desc, precision, folder) == expected);
    CHECK(paint_with(desc, precision, folder) == expected);  // the device outlives a context
    CHECK(vk::take_validation_messages().empty());
}
