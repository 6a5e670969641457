// What a physical device can do, and the row that `sluice devices` shows of it.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>

#include "vk/instance.h"

namespace sluice::vk {

namespace {

std::string version_text(uint32_t v) {
    return std::to_string(VK_API_VERSION_MAJOR(v)) + "." + std::to_string(VK_API_VERSION_MINOR(v)) + "." +
           std::to_string(VK_API_VERSION_PATCH(v));
}

const char* type_name(VkPhysicalDeviceType type) {
    switch (type) {
        case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
            return "discrete";
        case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
            return "integrated";
        case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
            return "virtual";
        case VK_PHYSICAL_DEVICE_TYPE_CPU:
            return "cpu";
        default:
            return "other";
    }
}

// Values of VkComponentTypeKHR.
const char* component_name(int32_t type) {
    static constexpr const char* names[] = {"f16", "f32", "f64", "s8",  "s16", "s32",
                                            "s64", "u8",  "u16", "u32", "u64"};
    if (type >= 0 && type < int32_t(std::size(names))) return names[type];
    return type == 1000141000 ? "bf16" : "other";
}

std::vector<std::string> extensions_of(const Api& api, VkPhysicalDevice handle) {
    uint32_t count = 0;
    SLUICE_VK_CHECK(api, vkEnumerateDeviceExtensionProperties, handle, nullptr, &count, nullptr);
    std::vector<VkExtensionProperties> list(count);
    SLUICE_VK_CHECK(api, vkEnumerateDeviceExtensionProperties, handle, nullptr, &count, list.data());
    std::vector<std::string> names;
    for (uint32_t i = 0; i < count; ++i) names.push_back(list[i].extensionName);
    return names;
}

// Chains `next` in front of what `head` points to.
template <typename Head, typename Next>
void chain(Head& head, Next& next) {
    next.pNext = head.pNext;
    head.pNext = &next;
}

void read_properties(const Api& api, Physical& p, const std::vector<std::string>& extensions) {
    auto has = [&](const char* name) { return std::ranges::find(extensions, name) != extensions.end(); };
    VkPhysicalDeviceProperties2 properties{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
    VkPhysicalDeviceVulkan11Properties v11{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES};
    VkPhysicalDeviceVulkan12Properties v12{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES};
    VkPhysicalDeviceSubgroupSizeControlProperties subgroup{
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES};
    VkPhysicalDeviceMaintenance4Properties maintenance4{
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES};
    VkPhysicalDeviceExternalMemoryHostPropertiesEXT external{
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT};
    VkPhysicalDeviceShaderSMBuiltinsPropertiesNV multiprocessors{
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SM_BUILTINS_PROPERTIES_NV};
    const bool v13 = p.api_version >= VK_API_VERSION_1_3;
    chain(properties, v11);
    chain(properties, v12);
    if (v13 || has(VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME)) chain(properties, subgroup);
    if (v13 || has(VK_KHR_MAINTENANCE_4_EXTENSION_NAME)) chain(properties, maintenance4);
    if (p.features.external_memory_host) chain(properties, external);
    if (has(VK_NV_SHADER_SM_BUILTINS_EXTENSION_NAME)) chain(properties, multiprocessors);
    api.vkGetPhysicalDeviceProperties2(p.handle, &properties);

    const VkPhysicalDeviceLimits& limits = p.limits = properties.properties.limits;
    p.max_allocation = v11.maxMemoryAllocationSize;
    p.max_buffer = maintenance4.maxBufferSize ? maintenance4.maxBufferSize : v11.maxMemoryAllocationSize;
    p.import_alignment = external.minImportedHostPointerAlignment;
    p.min_subgroup = subgroup.minSubgroupSize ? subgroup.minSubgroupSize : v11.subgroupSize;
    p.max_subgroup = subgroup.maxSubgroupSize ? subgroup.maxSubgroupSize : v11.subgroupSize;
    p.subgroup_vote = v11.subgroupSupportedOperations & VK_SUBGROUP_FEATURE_VOTE_BIT;
    p.required_subgroup_stages = subgroup.requiredSubgroupSizeStages;
    std::memcpy(p.cache_uuid, properties.properties.pipelineCacheUUID, VK_UUID_SIZE);

    DeviceTraits& t = p.info.traits;
    t.subgroup_size = v11.subgroupSize;
    t.max_shared_bytes = limits.maxComputeSharedMemorySize;
    t.max_workgroup_invocations = limits.maxComputeWorkGroupInvocations;
    for (int i = 0; i < 3; ++i) t.max_workgroup_count[i] = limits.maxComputeWorkGroupCount[i];
    t.max_storage_range = limits.maxStorageBufferRange;
    // Copies and 128-bit loads want 16 bytes, whatever the device allows.
    t.storage_alignment = std::max<uint64_t>(limits.minStorageBufferOffsetAlignment, 16);
    if (t.cpu) {
        t.max_texels = limits.maxTexelBufferElements;
        t.storage_alignment = std::max<uint64_t>(t.storage_alignment, limits.minTexelBufferOffsetAlignment);
        constexpr VkSubgroupFeatureFlags needed = VK_SUBGROUP_FEATURE_ARITHMETIC_BIT | VK_SUBGROUP_FEATURE_SHUFFLE_BIT;
        if ((v11.subgroupSupportedOperations & needed) != needed)
            p.info.unusable = "its driver has no arithmetic and shuffles of subgroups";
    }
    t.vendor_id = p.vendor;
    t.multiprocessors = multiprocessors.shaderSMCount;
    p.info.driver =
        std::string(v12.driverName) + (v12.driverInfo[0] ? std::string(" ") + v12.driverInfo : "");
}

void read_features(const Api& api, Physical& p, const std::vector<std::string>& extensions) {
    auto has = [&](const char* name) { return std::ranges::find(extensions, name) != extensions.end(); };
    const bool v13 = p.api_version >= VK_API_VERSION_1_3;
    VkPhysicalDeviceFeatures2 features{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
    VkPhysicalDeviceVulkan11Features v11{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES};
    VkPhysicalDeviceVulkan12Features v12{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
    VkPhysicalDeviceSubgroupSizeControlFeatures subgroup{
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES};
    VkPhysicalDeviceMaintenance4Features maintenance4{
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_FEATURES};
    VkPhysicalDeviceShaderIntegerDotProductFeatures dot{
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES};
    VkPhysicalDeviceCooperativeMatrixFeaturesKHR matrix{
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR, nullptr, VK_FALSE, VK_FALSE};
    chain(features, v11);
    chain(features, v12);
    if (v13 || has(VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME)) chain(features, subgroup);
    if (v13 || has(VK_KHR_MAINTENANCE_4_EXTENSION_NAME)) chain(features, maintenance4);
    if (v13 || has(VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME)) chain(features, dot);
    if (has(VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME)) chain(features, matrix);
    api.vkGetPhysicalDeviceFeatures2(p.handle, &features);

    Features& f = p.features;
    f.timeline = v12.timelineSemaphore;
    f.storage16 = v11.storageBuffer16BitAccess;
    f.float16 = v12.shaderFloat16;
    f.storage8 = v12.storageBuffer8BitAccess;
    f.int8 = v12.shaderInt8;
    f.host_query_reset = v12.hostQueryReset;
    f.memory_model = v12.vulkanMemoryModel;
    f.memory_model_device_scope = v12.vulkanMemoryModelDeviceScope;
    f.subgroup_size_control = subgroup.subgroupSizeControl;
    f.full_subgroups = subgroup.computeFullSubgroups;
    f.maintenance4 = maintenance4.maintenance4;
    f.integer_dot = dot.shaderIntegerDotProduct;
    f.cooperative_matrix = matrix.cooperativeMatrix;
    f.external_memory_host = has(VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
    f.memory_budget = has(VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
    f.portability_subset = has("VK_KHR_portability_subset");
    p.info.traits.fp16 = f.storage16 && f.float16;
}

void read_queues(const Api& api, Physical& p) {
    uint32_t count = 0;
    api.vkGetPhysicalDeviceQueueFamilyProperties2(p.handle, &count, nullptr);
    std::vector<VkQueueFamilyProperties2> list(count, {VK_STRUCTURE_TYPE_QUEUE_FAMILY_PROPERTIES_2});
    api.vkGetPhysicalDeviceQueueFamilyProperties2(p.handle, &count, list.data());
    for (uint32_t i = 0; i < count; ++i) {
        const VkQueueFamilyProperties& family = list[i].queueFamilyProperties;
        p.families.push_back(family);
        const bool graphics = family.queueFlags & VK_QUEUE_GRAPHICS_BIT;
        const bool compute = family.queueFlags & VK_QUEUE_COMPUTE_BIT;
        const bool transfer = family.queueFlags & VK_QUEUE_TRANSFER_BIT;
        if (family.queueCount == 0) continue;
        // The first family with compute: on every known driver the general queue, which runs compute at full
        // width.
        if (compute && p.compute_family == VK_QUEUE_FAMILY_IGNORED) p.compute_family = i;
        if (transfer && !graphics && !compute && p.transfer_family == VK_QUEUE_FAMILY_IGNORED) {
            p.transfer_family = i;
        }
    }
}

void read_matrices(const Api& api, Physical& p) {
    if (!p.features.cooperative_matrix || !api.vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR) return;
    uint32_t count = 0;
    SLUICE_VK_CHECK(api, vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR, p.handle, &count, nullptr);
    std::vector<VkCooperativeMatrixPropertiesKHR> list(
        count,
        {VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR, nullptr, 0, 0, 0, {}, {}, {}, {}, 0, {}});
    SLUICE_VK_CHECK(api, vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR, p.handle, &count, list.data());
    for (uint32_t i = 0; i < count; ++i) {
        const auto& m = list[i];
        if (m.scope != 3) continue;  // VK_SCOPE_SUBGROUP_KHR: the only scope that our shaders use
        p.info.matrix_shapes.push_back({m.MSize, m.NSize, m.KSize, component_name(m.AType),
                                        component_name(m.BType), component_name(m.CType),
                                        component_name(m.ResultType)});
    }
    // Proven by the op suite on NVIDIA's driver and on a CPU driver. On another maker's card they are asked for, so that
    // nobody's picture depends on what was never tried.
    constexpr uint32_t nvidia = 0x10de;
    const char* asked = std::getenv("SLUICE_MATRIX_UNITS");
    const bool wanted = asked ? std::string_view(asked) == "1" : p.info.type == "cpu" || p.vendor == nvidia;
    if (!wanted || !p.subgroup_vote) return;
    // The shape with the most work that fits a tile of 16: what all makers' units are built for.
    if (!p.info.traits.fp16 || !p.features.memory_model) return;
    DeviceTraits& t = p.info.traits;
    for (const MatrixShape& m : p.info.matrix_shapes) {
        if (m.a != "f16" || m.b != "f16" || m.c != "f32" || m.result != "f32") continue;
        if (m.m > 16 || m.n > 16 || m.k > 16 || m.m % 8 || m.n % 8 || m.k % 8) continue;
        if (m.m * m.n * m.k <= t.matrix_m * t.matrix_n * t.matrix_k) continue;
        t.matrix_m = m.m;
        t.matrix_n = m.n;
        t.matrix_k = m.k;
    }
}

nlohmann::json row(const Physical& p, const MemoryBudget& budget) {
    using nlohmann::json;
    const DeviceInfo& d = p.info;
    json heaps = json::array();
    for (uint32_t i = 0; i < p.memory.memoryHeapCount; ++i)
        heaps.push_back(
            {{"bytes", p.memory.memoryHeaps[i].size},
             {"device_local", bool(p.memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)}});
    json shapes = json::array();
    for (const MatrixShape& m : d.matrix_shapes)
        shapes.push_back(
            {{"m", m.m}, {"n", m.n}, {"k", m.k}, {"a", m.a}, {"b", m.b}, {"c", m.c}, {"result", m.result}});
    json result = {
        {"index", d.index},
        {"name", d.name},
        {"type", d.type},
        {"driver", d.driver},
        {"api_version", d.api_version},
        {"heaps", heaps},
        {"heap_bytes", d.device_heap_bytes},
        {"budget_bytes", d.budget_bytes},
        {"subgroup_size", d.traits.subgroup_size},
        {"usable", d.unusable.empty()},
        {"features",
         {{"storage_16bit", p.features.storage16},
          {"float16", p.features.float16},
          {"cooperative_matrix", shapes},
          {"integer_dot_product", p.features.integer_dot},
          {"timeline_semaphores", p.features.timeline},
          {"host_memory_import", p.features.external_memory_host},
          {"memory_budget", p.features.memory_budget},
          {"transfer_queue", p.transfer_family != VK_QUEUE_FAMILY_IGNORED}}},
    };
    if (p.features.memory_budget) result["used_bytes"] = budget.used;
    if (!d.unusable.empty()) result["unusable"] = d.unusable;
    return result;
}

}  // namespace

MemoryBudget memory_budget(const Api& api, VkPhysicalDevice handle) {
    VkPhysicalDeviceMemoryProperties2 memory{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2};
    VkPhysicalDeviceMemoryBudgetPropertiesEXT budget{
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT};
    memory.pNext = &budget;
    api.vkGetPhysicalDeviceMemoryProperties2(handle, &memory);
    MemoryBudget out;
    uint64_t largest = 0;
    for (uint32_t i = 0; i < memory.memoryProperties.memoryHeapCount; ++i) {
        const VkMemoryHeap& heap = memory.memoryProperties.memoryHeaps[i];
        if (!(heap.flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)) continue;
        out.used += budget.heapUsage[i];
        if (heap.size <= largest) continue;
        largest = heap.size;
        out.available =
            budget.heapBudget[i] > budget.heapUsage[i] ? budget.heapBudget[i] - budget.heapUsage[i] : 0;
    }
    return out;
}

Physical describe(const Api& api, VkPhysicalDevice handle, int index) {
    Physical p;
    p.handle = handle;
    VkPhysicalDeviceProperties properties;
    api.vkGetPhysicalDeviceProperties(handle, &properties);
    p.api_version = properties.apiVersion;
    p.vendor = properties.vendorID;
    p.device = properties.deviceID;
    p.driver_version = properties.driverVersion;
    p.info.index = index;
    p.info.name = properties.deviceName;
    p.info.type = type_name(properties.deviceType);
    p.info.api_version = version_text(properties.apiVersion);
    p.info.traits.cpu = properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;

    VkPhysicalDeviceMemoryProperties2 memory{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2};
    if (p.api_version >= VK_API_VERSION_1_1) {
        api.vkGetPhysicalDeviceMemoryProperties2(handle, &memory);
        p.memory = memory.memoryProperties;
    }
    bool all_local = p.memory.memoryHeapCount > 0;
    for (uint32_t i = 0; i < p.memory.memoryHeapCount; ++i) {
        const bool local = p.memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT;
        all_local = all_local && local;
        if (local)
            p.info.device_heap_bytes =
                std::max<uint64_t>(p.info.device_heap_bytes, p.memory.memoryHeaps[i].size);
    }
    p.info.traits.unified_memory =
        all_local || p.info.traits.cpu || properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU;

    MemoryBudget budget;
    if (p.api_version < VK_API_VERSION_1_2) {
        p.info.unusable = "its driver has Vulkan " + p.info.api_version + ", 1.2 is needed";
        p.info.driver = version_text(p.driver_version);
    } else {
        const std::vector<std::string> extensions = extensions_of(api, handle);
        read_features(api, p, extensions);
        read_properties(api, p, extensions);
        read_queues(api, p);
        read_matrices(api, p);
        if (p.features.memory_budget) budget = memory_budget(api, handle);
        if (!p.features.timeline) p.info.unusable = "its driver has no timeline semaphores";
        if (p.compute_family == VK_QUEUE_FAMILY_IGNORED) p.info.unusable = "it has no compute queue";
    }
    p.info.budget_bytes = p.features.memory_budget ? budget.available : p.info.device_heap_bytes;
    p.info.json = row(p, budget).dump();
    return p;
}

std::vector<DeviceInfo> enumerate() {
    Api api;
    api.load_global();
    Instance instance(api);
    std::vector<DeviceInfo> out;
    int index = 0;
    for (VkPhysicalDevice handle : instance.physical_devices())
        out.push_back(describe(api, handle, index++).info);
    return out;
}

}  // namespace sluice::vk
