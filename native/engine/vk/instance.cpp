#include "vk/instance.h"

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string_view>

#include "core/platform/dynamic_library.h"

namespace sluice::vk {

namespace {

// The one place outside a device: validation messages are for tests, which look at all devices together.
struct Messages {
    std::mutex mutex;
    std::vector<std::string> list;
};

Messages& messages() {
    static Messages m;
    return m;
}

VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT,
                                          VkDebugUtilsMessageTypeFlagsEXT,
                                          const VkDebugUtilsMessengerCallbackDataEXT* data, void*) {
    const std::string id = data->pMessageIdName ? data->pMessageIdName : "";
    // What the layer switches on for its own instruments is no fault of the caller's.
    if (id == "WARNING-GPU-Assisted-Validation" && data->pMessage && std::strstr(data->pMessage, "Internal Warning"))
        return VK_FALSE;
    std::lock_guard lock(messages().mutex);
    if (messages().list.size() < 1000)
        messages().list.push_back(id + ": " + (data->pMessage ? data->pMessage : ""));
    return VK_FALSE;
}

constexpr const char* validation_layer = "VK_LAYER_KHRONOS_validation";

enum class Validation { off, core_and_sync, gpu_assisted };

Validation wanted_validation() {
    const char* value = std::getenv("SLUICE_VALIDATION");
    if (!value || !*value || std::string_view(value) == "0") return Validation::off;
    return std::string_view(value) == "gpu" ? Validation::gpu_assisted : Validation::core_and_sync;
}

bool has_layer(const Api& api, const char* name) {
    uint32_t count = 0;
    SLUICE_VK_CHECK(api, vkEnumerateInstanceLayerProperties, &count, nullptr);
    std::vector<VkLayerProperties> layers(count);
    SLUICE_VK_CHECK(api, vkEnumerateInstanceLayerProperties, &count, layers.data());
    for (uint32_t i = 0; i < count; ++i)
        if (std::strcmp(layers[i].layerName, name) == 0) return true;
    return false;
}

bool has_extension(const Api& api, const char* name) {
    uint32_t count = 0;
    SLUICE_VK_CHECK(api, vkEnumerateInstanceExtensionProperties, nullptr, &count, nullptr);
    std::vector<VkExtensionProperties> extensions(count);
    SLUICE_VK_CHECK(api, vkEnumerateInstanceExtensionProperties, nullptr, &count, extensions.data());
    for (uint32_t i = 0; i < count; ++i)
        if (std::strcmp(extensions[i].extensionName, name) == 0) return true;
    return false;
}

}  // namespace

std::vector<std::string> take_validation_messages() {
    std::lock_guard lock(messages().mutex);
    return std::exchange(messages().list, {});
}

Instance::Instance(Api& api) : api_(api) {
    uint32_t version = 0;
    SLUICE_VK_CHECK(api, vkEnumerateInstanceVersion, &version);
    if (version < VK_API_VERSION_1_2)
        throw Error(Status::device, "no-vulkan",
                    "the Vulkan loader is of version 1." + std::to_string(VK_API_VERSION_MINOR(version)) +
                        ", 1.2 is needed",
                    platform::vulkan_install_hint());

    VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
    application.pApplicationName = application.pEngineName = "sluice";
    // Drivers may look at this to enable what came after 1.2; nothing of 1.3 is used without asking for it.
    application.apiVersion = VK_API_VERSION_1_3;

    std::vector<const char*> layers, extensions;
    VkInstanceCreateInfo create{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
    create.pApplicationInfo = &application;
    if (has_extension(api, "VK_KHR_portability_enumeration")) {
        extensions.push_back("VK_KHR_portability_enumeration");
        create.flags |= 0x1;  // VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR
    }

    const Validation validation = wanted_validation();
    VkDebugUtilsMessengerCreateInfoEXT messenger{VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT};
    messenger.messageSeverity =
        VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
    messenger.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;
    messenger.pfnUserCallback = on_message;
    std::vector<VkValidationFeatureEnableEXT> enables;
    VkValidationFeaturesEXT features{VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT};
    if (validation != Validation::off) {
        if (!has_layer(api, validation_layer))
            throw Error(Status::device, "no-validation-layer",
                        std::string("SLUICE_VALIDATION is set, and there is no ") + validation_layer,
                        "On Debian and Ubuntu: sudo apt-get install vulkan-validationlayers. Or unset "
                        "SLUICE_VALIDATION.");
        layers.push_back(validation_layer);
        extensions.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
        if (validation == Validation::gpu_assisted) {
            enables.push_back(VK_VALIDATION_FEATURE_ENABLE_GPU_ASSISTED_EXT);
            enables.push_back(VK_VALIDATION_FEATURE_ENABLE_GPU_ASSISTED_RESERVE_BINDING_SLOT_EXT);
        } else {
            enables.push_back(VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT);
        }
        extensions.push_back(VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME);
        features.enabledValidationFeatureCount = uint32_t(enables.size());
        features.pEnabledValidationFeatures = enables.data();
        create.pNext = &features;
    }
    create.enabledLayerCount = uint32_t(layers.size());
    create.ppEnabledLayerNames = layers.data();
    create.enabledExtensionCount = uint32_t(extensions.size());
    create.ppEnabledExtensionNames = extensions.data();

    const VkResult result = SLUICE_VK_TRY(api, vkCreateInstance, &create, nullptr, &instance_);
    if (result != VK_SUCCESS) {
        instance_ = VK_NULL_HANDLE;
        if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
            throw Error(Status::device, "no-device", "the Vulkan loader found no driver",
                        platform::vulkan_install_hint());
        throw_result(result, "vkCreateInstance failed");
    }
    try {
        api.load_instance(instance_);
        if (validation != Validation::off && api.vkCreateDebugUtilsMessengerEXT)
            SLUICE_VK_CHECK(api, vkCreateDebugUtilsMessengerEXT, instance_, &messenger, nullptr, &messenger_);
    } catch (...) {
        if (api.vkDestroyInstance) api.vkDestroyInstance(instance_, nullptr);
        throw;
    }
}

Instance::Instance(Api& api, VkInstance host) : api_(api), instance_(host), owned_(false) {
    api.load_instance(host);
}

Instance::~Instance() {
    if (!owned_) return;
    if (messenger_) api_.vkDestroyDebugUtilsMessengerEXT(instance_, messenger_, nullptr);
    api_.vkDestroyInstance(instance_, nullptr);
}

std::vector<VkPhysicalDevice> Instance::physical_devices() const {
    uint32_t count = 0;
    SLUICE_VK_CHECK(api_, vkEnumeratePhysicalDevices, instance_, &count, nullptr);
    std::vector<VkPhysicalDevice> devices(count);
    SLUICE_VK_CHECK(api_, vkEnumeratePhysicalDevices, instance_, &count, devices.data());
    devices.resize(count);
    return devices;
}

}  // namespace sluice::vk
