// Making a VkInstance, with the validation layers when SLUICE_VALIDATION asks for them, and describing the
// devices it has. Opens no device.
#pragma once
#include <vector>

#include "vk/api.h"
#include "vk/device.h"

namespace sluice::vk {

// A VkInstance that is destroyed with this object, unless it is a host's. The Api must outlive it.
class Instance {
  public:
    explicit Instance(Api& api);          // makes one; throws "no-device" without drivers
    Instance(Api& api, VkInstance host);  // borrows a host's
    ~Instance();
    Instance(const Instance&) = delete;
    VkInstance handle() const { return instance_; }
    std::vector<VkPhysicalDevice> physical_devices() const;  // in the loader's order

  private:
    Api& api_;
    VkInstance instance_ = VK_NULL_HANDLE;
    VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
    bool owned_ = true;
};

// What is enabled at device creation, as far as the device has it.
struct Features {
    bool timeline = false, storage16 = false, float16 = false, storage8 = false, int8 = false;
    bool host_query_reset = false, memory_model = false, memory_model_device_scope = false;
    bool maintenance4 = false, subgroup_size_control = false, full_subgroups = false;
    bool integer_dot = false, cooperative_matrix = false;
    bool external_memory_host = false, memory_budget = false, portability_subset = false;
};

// A physical device with all that opening it needs.
struct Physical {
    VkPhysicalDevice handle = VK_NULL_HANDLE;
    DeviceInfo info;
    Features features;
    uint32_t api_version = 0, vendor = 0, device = 0, driver_version = 0;
    uint8_t cache_uuid[VK_UUID_SIZE] = {};
    VkPhysicalDeviceMemoryProperties memory{};
    VkPhysicalDeviceLimits limits{};
    uint64_t max_allocation = 0, max_buffer = 0, import_alignment = 0;
    uint32_t min_subgroup = 0, max_subgroup = 0;
    bool subgroup_vote = false;
    VkShaderStageFlags required_subgroup_stages = 0;
    uint32_t compute_family = VK_QUEUE_FAMILY_IGNORED, transfer_family = VK_QUEUE_FAMILY_IGNORED;
    std::vector<VkQueueFamilyProperties> families;
};

Physical describe(const Api& api, VkPhysicalDevice handle, int index);

// Used and budget of device-local heaps by the driver's count (VK_EXT_memory_budget). `available` is that of
// the largest device-local heap.
struct MemoryBudget {
    uint64_t used = 0, available = 0;
};
MemoryBudget memory_budget(const Api& api, VkPhysicalDevice handle);

}  // namespace sluice::vk
