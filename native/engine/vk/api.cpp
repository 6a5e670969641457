#include "vk/api.h"

#include <string_view>

#include "core/platform/dynamic_library.h"

namespace sluice::vk {

namespace {

template <typename Function>
void required(Function& slot, PFN_vkVoidFunction found, const char* name) {
    slot = reinterpret_cast<Function>(found);
    if (!slot)
        throw Error(Status::device, "no-vulkan",
                    std::string("the Vulkan driver has no ") + name + "; version 1.2 is needed",
                    platform::vulkan_install_hint());
}

}  // namespace

void Api::load_global() {
    void* library =
        SLUICE_FAILS("open-vulkan-loader") ? nullptr : platform::open_library(platform::vulkan_loader_name());
    if (!library)
        throw Error(Status::device, "no-vulkan",
                    std::string("there is no Vulkan loader (") + platform::vulkan_loader_name() + ") to open",
                    platform::vulkan_install_hint());
    auto* get = reinterpret_cast<PFN_vkGetInstanceProcAddr>(
        platform::library_symbol(library, "vkGetInstanceProcAddr"));
    if (!get)
        throw Error(Status::device, "no-vulkan",
                    std::string(platform::vulkan_loader_name()) +
                        " has no vkGetInstanceProcAddr: it is no Vulkan loader",
                    platform::vulkan_install_hint());
    load_global(get);
}

void Api::load_global(PFN_vkGetInstanceProcAddr get) {
    vkGetInstanceProcAddr = get;
#define SLUICE_VK_LOAD(name) required(name, get(nullptr, #name), #name);
    SLUICE_VK_GLOBAL_FUNCTIONS(SLUICE_VK_LOAD)
#undef SLUICE_VK_LOAD
}

void Api::load_instance(VkInstance instance) {
#define SLUICE_VK_LOAD(name) required(name, vkGetInstanceProcAddr(instance, #name), #name);
    SLUICE_VK_INSTANCE_FUNCTIONS(SLUICE_VK_LOAD)
#undef SLUICE_VK_LOAD
#define SLUICE_VK_LOAD(name) name = reinterpret_cast<PFN_##name>(vkGetInstanceProcAddr(instance, #name));
    SLUICE_VK_OPTIONAL_INSTANCE_FUNCTIONS(SLUICE_VK_LOAD)
#undef SLUICE_VK_LOAD
}

void Api::load_device(VkDevice device) {
#define SLUICE_VK_LOAD(name) required(name, vkGetDeviceProcAddr(device, #name), #name);
    SLUICE_VK_DEVICE_FUNCTIONS(SLUICE_VK_LOAD)
#undef SLUICE_VK_LOAD
#define SLUICE_VK_LOAD(name) name = reinterpret_cast<PFN_##name>(vkGetDeviceProcAddr(device, #name));
    SLUICE_VK_OPTIONAL_DEVICE_FUNCTIONS(SLUICE_VK_LOAD)
#undef SLUICE_VK_LOAD
}

const char* result_name(VkResult result) {
    switch (result) {
#define SLUICE_VK_NAME(name) \
    case name:               \
        return #name;
        SLUICE_VK_NAME(VK_SUCCESS)
        SLUICE_VK_NAME(VK_NOT_READY)
        SLUICE_VK_NAME(VK_TIMEOUT)
        SLUICE_VK_NAME(VK_INCOMPLETE)
        SLUICE_VK_NAME(VK_ERROR_OUT_OF_HOST_MEMORY)
        SLUICE_VK_NAME(VK_ERROR_OUT_OF_DEVICE_MEMORY)
        SLUICE_VK_NAME(VK_ERROR_INITIALIZATION_FAILED)
        SLUICE_VK_NAME(VK_ERROR_DEVICE_LOST)
        SLUICE_VK_NAME(VK_ERROR_MEMORY_MAP_FAILED)
        SLUICE_VK_NAME(VK_ERROR_LAYER_NOT_PRESENT)
        SLUICE_VK_NAME(VK_ERROR_EXTENSION_NOT_PRESENT)
        SLUICE_VK_NAME(VK_ERROR_FEATURE_NOT_PRESENT)
        SLUICE_VK_NAME(VK_ERROR_INCOMPATIBLE_DRIVER)
        SLUICE_VK_NAME(VK_ERROR_TOO_MANY_OBJECTS)
        SLUICE_VK_NAME(VK_ERROR_FRAGMENTED_POOL)
        SLUICE_VK_NAME(VK_ERROR_OUT_OF_POOL_MEMORY)
        SLUICE_VK_NAME(VK_ERROR_INVALID_EXTERNAL_HANDLE)
        SLUICE_VK_NAME(VK_ERROR_FRAGMENTATION)
        SLUICE_VK_NAME(VK_ERROR_UNKNOWN)
#undef SLUICE_VK_NAME
        default:
            return "an unknown VkResult";
    }
}

VkResult injected_result(const char* function) {
    const std::string_view name = function;
    if (name == "vkAllocateMemory") return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    for (const char* lost : lost_device_functions)
        if (name == lost) return VK_ERROR_DEVICE_LOST;
    return VK_ERROR_INITIALIZATION_FAILED;
}

void throw_result(VkResult result, const std::string& what, const std::string& hint) {
    const std::string message = what + ": " + result_name(result) + " (" + std::to_string(int(result)) + ")";
    switch (result) {
        case VK_ERROR_DEVICE_LOST:
            throw Error(Status::device, "device-lost", message,
                        hint.empty()
                            ? "The GPU's driver gave up on our work: run the job again; if it happens "
                              "again, update the driver or choose another --device."
                            : hint);
        case VK_ERROR_OUT_OF_DEVICE_MEMORY:
            throw Error(
                Status::device, "out-of-device-memory", message,
                hint.empty() ? "Close other programs that use the GPU, or give a smaller --vram." : hint);
        case VK_ERROR_OUT_OF_HOST_MEMORY:
            throw Error(Status::device, "out-of-host-memory", message,
                        hint.empty() ? "Close other programs: the machine's own memory is full." : hint);
        default:
            throw Error(Status::device, "vulkan-failed", message, hint);
    }
}

VkResult check(VkResult result, const char* function, const char* site) {
    if (result >= 0) return result;
    const std::string_view place = site;
    throw_result(result,
                 std::string(function) + " failed at " + std::string(place.substr(place.find('@') + 1)));
}

}  // namespace sluice::vk
