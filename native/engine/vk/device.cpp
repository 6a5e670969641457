// Opening a device, and handing it work.
#include <algorithm>
#include <cctype>

#include "core/platform/dynamic_library.h"
#include "vk/device_impl.h"
#include "vk/pipeline_file.h"

namespace sluice::vk {

namespace {

std::string lower_case(std::string text) {
    for (char& c : text) c = char(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

std::string listing(const std::vector<Physical>& devices) {
    std::string out;
    for (const Physical& p : devices) {
        if (!out.empty()) out += ", ";
        out += std::to_string(p.info.index) + " \"" + p.info.name + "\" (" + p.info.type;
        if (!p.info.unusable.empty()) out += "; cannot be used: " + p.info.unusable;
        out += ")";
    }
    return out;
}

// Smaller is better for `auto`.
int rank(const Physical& p) {
    if (!p.info.unusable.empty()) return 100;
    if (p.info.type == "discrete") return 0;
    if (p.info.type == "integrated") return 1;
    if (p.info.type == "virtual") return 2;
    if (p.info.type == "cpu") return 3;
    return 4;
}

const Physical& choose(const std::vector<Physical>& devices, const std::string& selector) {
    const std::string hint = "Devices: " + listing(devices) + ".";
    const Physical* found = nullptr;
    const bool is_index = !selector.empty() && selector.size() < 6 &&
                          std::ranges::all_of(selector, [](unsigned char c) { return std::isdigit(c); });
    for (const Physical& p : devices) {
        const bool matches =
            selector.empty() || selector == "auto"
                ? true
                : (is_index ? p.info.index == std::stoi(selector)
                            : lower_case(p.info.name).find(lower_case(selector)) != std::string::npos);
        if (matches && (!found || rank(p) < rank(*found))) found = &p;
    }
    if (!found) throw Error(Status::device, "no-such-device", "no device matches \"" + selector + "\"", hint);
    if (!found->info.unusable.empty())
        throw Error(Status::device, "device-unusable",
                    "device " + std::to_string(found->info.index) + ", " + found->info.name +
                        ", cannot be used: " + found->info.unusable,
                    hint + " " + platform::vulkan_install_hint());
    return *found;
}

VkDevice create_device(const Api& api, const Physical& p) {
    std::vector<const char*> extensions;
    const Features& f = p.features;
    const bool v13 = p.api_version >= VK_API_VERSION_1_3;
    void* next = nullptr;
    auto enable = [&](auto& features, bool wanted, const char* extension = nullptr) {
        if (!wanted) return;
        features.pNext = next;
        next = &features;
        if (extension) extensions.push_back(extension);
    };
    VkPhysicalDeviceVulkan11Features v11{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES};
    v11.storageBuffer16BitAccess = f.storage16;
    enable(v11, true);
    VkPhysicalDeviceVulkan12Features v12{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
    v12.timelineSemaphore = VK_TRUE;
    v12.shaderFloat16 = f.float16;
    v12.storageBuffer8BitAccess = f.storage8;
    v12.shaderInt8 = f.int8;
    v12.hostQueryReset = f.host_query_reset;
    v12.vulkanMemoryModel = f.memory_model;
    v12.vulkanMemoryModelDeviceScope = f.memory_model_device_scope;
    enable(v12, true);
    VkPhysicalDeviceSubgroupSizeControlFeatures subgroup{
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES};
    subgroup.subgroupSizeControl = f.subgroup_size_control;
    subgroup.computeFullSubgroups = f.full_subgroups;
    enable(subgroup, f.subgroup_size_control, v13 ? nullptr : VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME);
    VkPhysicalDeviceMaintenance4Features maintenance4{
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_FEATURES};
    maintenance4.maintenance4 = VK_TRUE;
    enable(maintenance4, f.maintenance4, v13 ? nullptr : VK_KHR_MAINTENANCE_4_EXTENSION_NAME);
    VkPhysicalDeviceShaderIntegerDotProductFeatures dot{
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES};
    dot.shaderIntegerDotProduct = VK_TRUE;
    enable(dot, f.integer_dot, v13 ? nullptr : VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME);
    VkPhysicalDeviceCooperativeMatrixFeaturesKHR matrix{
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR, nullptr, VK_TRUE, VK_FALSE};
    enable(matrix, f.cooperative_matrix && f.memory_model, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME);
    if (f.external_memory_host) extensions.push_back(VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
    if (f.memory_budget) extensions.push_back(VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
    if (f.portability_subset) extensions.push_back("VK_KHR_portability_subset");
    // Robust buffer access stays off: it costs a comparison a load, and every range is checked when it is
    // bound.
    VkPhysicalDeviceFeatures2 features{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
    features.pNext = next;

    const float priority = 1.f;
    std::vector<VkDeviceQueueCreateInfo> queues;
    for (uint32_t family : {p.compute_family, p.transfer_family}) {
        if (family == VK_QUEUE_FAMILY_IGNORED) continue;
        VkDeviceQueueCreateInfo queue{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
        queue.queueFamilyIndex = family;
        queue.queueCount = 1;
        queue.pQueuePriorities = &priority;
        queues.push_back(queue);
    }
    VkDeviceCreateInfo create{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO};
    create.pNext = &features;
    create.queueCreateInfoCount = uint32_t(queues.size());
    create.pQueueCreateInfos = queues.data();
    create.enabledExtensionCount = uint32_t(extensions.size());
    create.ppEnabledExtensionNames = extensions.data();
    VkDevice device = VK_NULL_HANDLE;
    const VkResult result = SLUICE_VK_TRY(api, vkCreateDevice, p.handle, &create, nullptr, &device);
    if (result < 0) throw_result(result, "opening device " + p.info.name + " failed");
    return device;
}

}  // namespace

Device::Device() : api_(std::make_unique<Api>()), impl_(std::make_unique<Impl>()) {}

Device::~Device() {
    if (device_ && api_->vkDestroyDevice) {
        wait_idle();
        if (impl_->dummy_view) api_->vkDestroyBufferView(device_, impl_->dummy_view, nullptr);
        impl_->dummy = Buffer();
        impl_->pipelines.reset();
        if (impl_->owns_device) api_->vkDestroyDevice(device_, nullptr);
    }
    device_ = VK_NULL_HANDLE;
}

void Device::finish_opening(const std::string& cache_dir) {
    info_ = impl_->physical.info;
    impl_->pipelines = std::make_unique<Pipelines>(*api_, device_, impl_->physical, cache_dir);
    impl_->dummy = create_buffer(256, MemoryKind::device, "unused shader bindings");
    VkBufferViewCreateInfo view{VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO};
    view.buffer = impl_->dummy.handle();
    view.format = VK_FORMAT_R32G32B32A32_SFLOAT;
    view.range = VK_WHOLE_SIZE;
    SLUICE_VK_CHECK(*api_, vkCreateBufferView, device_, &view, nullptr, &impl_->dummy_view);
    reset_peak();
}

std::unique_ptr<Device> Device::open(const std::string& selector, const std::string& cache_dir) {
    std::unique_ptr<Device> d(new Device());
    Impl& impl = *d->impl_;
    d->api_->load_global();
    impl.instance = std::make_unique<Instance>(*d->api_);
    std::vector<Physical> devices;
    for (VkPhysicalDevice handle : impl.instance->physical_devices())
        devices.push_back(describe(*d->api_, handle, int(devices.size())));
    if (devices.empty())
        throw Error(Status::device, "no-device", "there is no Vulkan device",
                    platform::vulkan_install_hint());
    impl.physical = choose(devices, selector);
    const Physical& p = impl.physical;
    d->device_ = create_device(*d->api_, p);
    d->api_->load_device(d->device_);
    auto queue = [&](uint32_t family, std::mutex& mutex) {
        Queue q;
        d->api_->vkGetDeviceQueue(d->device_, family, 0, &q.handle);
        q.family = family;
        q.timestamp_bits = p.families[family].timestampValidBits;
        q.host_reset = !(p.families[family].queueFlags & (VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT));
        q.mutex = &mutex;
        return q;
    };
    impl.compute = queue(p.compute_family, impl.compute_mutex);
    impl.transfer = p.transfer_family == VK_QUEUE_FAMILY_IGNORED
                        ? impl.compute
                        : queue(p.transfer_family, impl.transfer_mutex);
    impl.can_import = p.features.external_memory_host && d->api_->vkGetMemoryHostPointerPropertiesEXT;
    d->finish_opening(cache_dir);
    return d;
}

std::unique_ptr<Device> Device::adopt(const HostDevice& host, const std::string& cache_dir) {
    std::unique_ptr<Device> d(new Device());
    Impl& impl = *d->impl_;
    if (!host.instance || !host.physical || !host.device || !host.queue)
        throw Error(Status::usage, "host-device-incomplete",
                    "a host's device needs instance, physical device, device and queue");
    if (host.get_instance_proc_addr)
        d->api_->vkGetInstanceProcAddr = host.get_instance_proc_addr;
    else
        d->api_->load_global();
    impl.owns_device = false;
    impl.instance = std::make_unique<Instance>(*d->api_, host.instance);
    impl.physical = describe(*d->api_, host.physical, 0);
    Physical& p = impl.physical;
    if (!p.info.unusable.empty())
        throw Error(Status::device, "device-unusable", p.info.name + " cannot be used: " + p.info.unusable);
    if (host.family >= p.families.size() || !(p.families[host.family].queueFlags & VK_QUEUE_COMPUTE_BIT))
        throw Error(Status::usage, "host-queue-without-compute",
                    "queue family " + std::to_string(host.family) + " of " + p.info.name + " has no compute");
    // What the host did not promise to have enabled counts as missing.
    p.info.traits.fp16 = p.info.traits.fp16 && host.fp16;
    p.info.matrix_shapes.clear();
    p.info.traits.matrix_m = p.info.traits.matrix_n = p.info.traits.matrix_k = 0;
    p.features.storage8 = p.features.int8 = p.features.integer_dot = p.features.cooperative_matrix = false;
    p.features.subgroup_size_control = p.features.host_query_reset = false;
    p.compute_family = host.family;
    p.transfer_family = VK_QUEUE_FAMILY_IGNORED;
    d->device_ = host.device;
    d->api_->load_device(d->device_);
    impl.compute = {host.queue, host.family, p.families[host.family].timestampValidBits, false,
                    &impl.compute_mutex};
    impl.transfer = impl.compute;
    d->finish_opening(cache_dir);
    return d;
}

bool Device::has_transfer_queue() const {
    return impl_->transfer.handle != impl_->compute.handle;
}

std::string Device::driver_key() const {
    return vk::driver_key(impl_->physical);
}

bool Device::prepare(std::span<const PipelineKey> keys) {
    return impl_->pipelines->prepare(keys);
}

void Device::submit(QueueKind kind, std::span<const Commands* const> commands,
                    std::span<const TimelinePoint> waits, std::span<const TimelinePoint> signals) {
    std::vector<VkCommandBuffer> buffers;
    std::vector<VkSemaphore> wait_semaphores, signal_semaphores;
    std::vector<uint64_t> wait_values, signal_values;
    for (const Commands* c : commands) {
        if (impl_->queue(c->queue()).family != impl_->queue(kind).family)
            throw Error(Status::internal, "wrong-queue", "commands were recorded for the other queue");
        c->reset_host_queries();
        buffers.push_back(c->handle());
    }
    for (const TimelinePoint& p : waits) {
        wait_semaphores.push_back(p.timeline->handle());
        wait_values.push_back(p.value);
    }
    for (const TimelinePoint& p : signals) {
        signal_semaphores.push_back(p.timeline->handle());
        signal_values.push_back(p.value);
    }
    const std::vector<VkPipelineStageFlags> stages(waits.size(), VK_PIPELINE_STAGE_ALL_COMMANDS_BIT);

    VkTimelineSemaphoreSubmitInfo timeline{VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO};
    timeline.waitSemaphoreValueCount = uint32_t(wait_values.size());
    timeline.pWaitSemaphoreValues = wait_values.data();
    timeline.signalSemaphoreValueCount = uint32_t(signal_values.size());
    timeline.pSignalSemaphoreValues = signal_values.data();
    VkSubmitInfo submit{VK_STRUCTURE_TYPE_SUBMIT_INFO};
    submit.pNext = &timeline;
    submit.waitSemaphoreCount = uint32_t(wait_semaphores.size());
    submit.pWaitSemaphores = wait_semaphores.data();
    submit.pWaitDstStageMask = stages.data();
    submit.commandBufferCount = uint32_t(buffers.size());
    submit.pCommandBuffers = buffers.data();
    submit.signalSemaphoreCount = uint32_t(signal_semaphores.size());
    submit.pSignalSemaphores = signal_semaphores.data();
    {
        std::lock_guard lock(*impl_->queue(kind).mutex);
        SLUICE_VK_CHECK(*api_, vkQueueSubmit, impl_->queue(kind).handle, 1, &submit, VK_NULL_HANDLE);
        impl_->busy = true;
    }
    std::lock_guard lock(impl_->timelines_mutex);
    for (const TimelinePoint& p : waits) p.timeline->waited_ = std::max(p.timeline->waited_, p.value);
    for (const TimelinePoint& p : signals) p.timeline->signalled_ = std::max(p.timeline->signalled_, p.value);
}

}  // namespace sluice::vk
