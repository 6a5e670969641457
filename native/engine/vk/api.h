// The one table of Vulkan functions, loaded at run time: the library does not link against a Vulkan loader,
// so hosts without one still start. Every call that returns a VkResult goes through SLUICE_VK_TRY or
// SLUICE_VK_CHECK, which name the function and the call site and let a test make that very call fail
// (core/failpoint.h).
#pragma once
#ifndef VK_NO_PROTOTYPES
#define VK_NO_PROTOTYPES
#endif
#include <vulkan/vulkan.h>

#include <string>

#include "core/error.h"
#include "core/failpoint.h"

// VK_KHR_cooperative_matrix came with header 1.3.255; older headers (Debian 12's) get the few names used
// here.
#ifndef VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME
#define VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME "VK_KHR_cooperative_matrix"
using VkComponentTypeKHR = int32_t;
using VkScopeKHR = int32_t;
inline constexpr VkStructureType VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR =
    static_cast<VkStructureType>(1000506000);
inline constexpr VkStructureType VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR =
    static_cast<VkStructureType>(1000506001);
struct VkPhysicalDeviceCooperativeMatrixFeaturesKHR {
    VkStructureType sType;
    void* pNext;
    VkBool32 cooperativeMatrix;
    VkBool32 cooperativeMatrixRobustBufferAccess;
};
struct VkCooperativeMatrixPropertiesKHR {
    VkStructureType sType;
    void* pNext;
    uint32_t MSize, NSize, KSize;
    VkComponentTypeKHR AType, BType, CType, ResultType;
    VkBool32 saturatingAccumulation;
    VkScopeKHR scope;
};
using PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR =
    VkResult(VKAPI_PTR*)(VkPhysicalDevice, uint32_t*, VkCooperativeMatrixPropertiesKHR*);
#endif

#define SLUICE_VK_GLOBAL_FUNCTIONS(X)         \
    X(vkEnumerateInstanceVersion)             \
    X(vkEnumerateInstanceLayerProperties)     \
    X(vkEnumerateInstanceExtensionProperties) \
    X(vkCreateInstance)

#define SLUICE_VK_INSTANCE_FUNCTIONS(X)          \
    X(vkDestroyInstance)                         \
    X(vkEnumeratePhysicalDevices)                \
    X(vkGetPhysicalDeviceProperties)             \
    X(vkGetPhysicalDeviceProperties2)            \
    X(vkGetPhysicalDeviceFeatures2)              \
    X(vkGetPhysicalDeviceMemoryProperties2)      \
    X(vkGetPhysicalDeviceQueueFamilyProperties2) \
    X(vkEnumerateDeviceExtensionProperties)      \
    X(vkCreateDevice)                            \
    X(vkGetDeviceProcAddr)

// Null where the extension is missing.
#define SLUICE_VK_OPTIONAL_INSTANCE_FUNCTIONS(X) \
    X(vkCreateDebugUtilsMessengerEXT)            \
    X(vkDestroyDebugUtilsMessengerEXT)           \
    X(vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR)

#define SLUICE_VK_DEVICE_FUNCTIONS(X) \
    X(vkDestroyDevice)                \
    X(vkGetDeviceQueue)               \
    X(vkDeviceWaitIdle)               \
    X(vkQueueSubmit)                  \
    X(vkCreateBuffer)                 \
    X(vkDestroyBuffer)                \
    X(vkGetBufferMemoryRequirements)  \
    X(vkAllocateMemory)               \
    X(vkFreeMemory)                   \
    X(vkBindBufferMemory)             \
    X(vkMapMemory)                    \
    X(vkCreateSemaphore)              \
    X(vkDestroySemaphore)             \
    X(vkGetSemaphoreCounterValue)     \
    X(vkWaitSemaphores)               \
    X(vkSignalSemaphore)              \
    X(vkCreateShaderModule)           \
    X(vkDestroyShaderModule)          \
    X(vkCreateDescriptorSetLayout)    \
    X(vkDestroyDescriptorSetLayout)   \
    X(vkCreatePipelineLayout)         \
    X(vkDestroyPipelineLayout)        \
    X(vkCreatePipelineCache)          \
    X(vkDestroyPipelineCache)         \
    X(vkGetPipelineCacheData)         \
    X(vkCreateComputePipelines)       \
    X(vkDestroyPipeline)              \
    X(vkCreateCommandPool)            \
    X(vkDestroyCommandPool)           \
    X(vkResetCommandPool)             \
    X(vkAllocateCommandBuffers)       \
    X(vkBeginCommandBuffer)           \
    X(vkEndCommandBuffer)             \
    X(vkCreateDescriptorPool)         \
    X(vkDestroyDescriptorPool)        \
    X(vkResetDescriptorPool)          \
    X(vkAllocateDescriptorSets)       \
    X(vkUpdateDescriptorSets)         \
    X(vkCreateBufferView)             \
    X(vkDestroyBufferView)            \
    X(vkCreateQueryPool)              \
    X(vkDestroyQueryPool)             \
    X(vkResetQueryPool)               \
    X(vkGetQueryPoolResults)          \
    X(vkCmdResetQueryPool)            \
    X(vkCmdWriteTimestamp)            \
    X(vkCmdBindPipeline)              \
    X(vkCmdBindDescriptorSets)        \
    X(vkCmdPushConstants)             \
    X(vkCmdDispatch)                  \
    X(vkCmdCopyBuffer)                \
    X(vkCmdPipelineBarrier)

#define SLUICE_VK_OPTIONAL_DEVICE_FUNCTIONS(X) X(vkGetMemoryHostPointerPropertiesEXT)

namespace sluice::vk {

struct Api {
    PFN_vkGetInstanceProcAddr vkGetInstanceProcAddr = nullptr;
#define SLUICE_VK_MEMBER(name) PFN_##name name = nullptr;
    SLUICE_VK_GLOBAL_FUNCTIONS(SLUICE_VK_MEMBER)
    SLUICE_VK_INSTANCE_FUNCTIONS(SLUICE_VK_MEMBER)
    SLUICE_VK_OPTIONAL_INSTANCE_FUNCTIONS(SLUICE_VK_MEMBER)
    SLUICE_VK_DEVICE_FUNCTIONS(SLUICE_VK_MEMBER)
    SLUICE_VK_OPTIONAL_DEVICE_FUNCTIONS(SLUICE_VK_MEMBER)
#undef SLUICE_VK_MEMBER

    // From the system's loader, or from a host's vkGetInstanceProcAddr. Throws Error(device, "no-vulkan").
    void load_global();
    void load_global(PFN_vkGetInstanceProcAddr get);
    void load_instance(VkInstance instance);
    void load_device(VkDevice device);
};

// "VK_ERROR_DEVICE_LOST"
const char* result_name(VkResult result);

// What tells of a lost device.
inline constexpr const char* lost_device_functions[] = {"vkQueueSubmit",     "vkWaitSemaphores", "vkGetSemaphoreCounterValue",
                                                        "vkSignalSemaphore", "vkDeviceWaitIdle", "vkGetQueryPoolResults"};

// What an injected failure of this function looks like: device lost for submissions and waits, no memory for
// allocations, else a failed initialisation.
VkResult injected_result(const char* function);

// Throws for errors (negative results): code "device-lost", "out-of-device-memory", "out-of-host-memory" or
// "vulkan-failed". `site` is "function@file:line".
VkResult check(VkResult result, const char* function, const char* site);

[[noreturn]] void throw_result(VkResult result, const std::string& what, const std::string& hint = {});

}  // namespace sluice::vk

#define SLUICE_VK_SITE(function) #function "@" __FILE_NAME__ ":" SLUICE_STRINGIZE(__LINE__)

// The VkResult, or an injected one without making the call.
#define SLUICE_VK_TRY(api, function, ...)                                                          \
    (::sluice::failpoint::hit(SLUICE_VK_SITE(function)) ? ::sluice::vk::injected_result(#function) \
                                                        : (api).function(__VA_ARGS__))

// The same, throwing on errors.
#define SLUICE_VK_CHECK(api, function, ...) \
    ::sluice::vk::check(SLUICE_VK_TRY(api, function, __VA_ARGS__), #function, SLUICE_VK_SITE(function))
