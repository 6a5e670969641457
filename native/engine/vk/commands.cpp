#include <algorithm>

#include "vk/device_impl.h"

namespace sluice::vk {

namespace {

constexpr uint32_t sets_per_pool = 256;
constexpr uint32_t queries_per_pool = 128;

}  // namespace

// Owns what the commands are recorded with; frees it also when construction stops half-way.
struct Commands::Impl {
    Device& device;
    const Queue& queue;
    VkCommandPool pool = VK_NULL_HANDLE;
    std::vector<VkDescriptorPool> set_pools;
    uint32_t sets = 0;  // used of all pools
    std::vector<VkBufferView> views;
    std::vector<VkQueryPool> query_pools;
    uint32_t queries = 0;
    VkPipeline bound = VK_NULL_HANDLE;
    bool recording = false;

    Impl(Device& d, QueueKind kind) : device(d), queue(d.impl().queue(kind)) {}
    ~Impl() {
        const Api& api = device.api();
        const VkDevice handle = device.handle();
        for (VkQueryPool p : query_pools) api.vkDestroyQueryPool(handle, p, nullptr);
        for (VkDescriptorPool p : set_pools) api.vkDestroyDescriptorPool(handle, p, nullptr);
        destroy_views();
        api.vkDestroyCommandPool(handle, pool, nullptr);
    }

    void destroy_views() {
        for (VkBufferView view : views) device.api().vkDestroyBufferView(device.handle(), view, nullptr);
        views.clear();
    }

    // A range as texels of four channels in the storage precision.
    VkBufferView view(const BoundRange& range, Precision precision) {
        VkBufferViewCreateInfo create{VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO};
        create.buffer = range.buffer;
        create.format = precision == Precision::fp16 ? VK_FORMAT_R16G16B16A16_SFLOAT : VK_FORMAT_R32G32B32A32_SFLOAT;
        create.offset = range.offset;
        // Mesa's CPU driver compiles a shader twice, for views whose size has bits 8 to 15 and for those without: the key of
        // its variants holds a texture's last mip level, which shares these bits. A view of the first sort serves as well.
        const bool doubled = device.traits().cpu && (range.size >> 8 & 0xff) == 0 && range.size + 256 <= range.room;
        create.range = range.size + (doubled ? 256 : 0);
        views.push_back(VK_NULL_HANDLE);  // room first: what was made must be kept
        VkBufferView made = VK_NULL_HANDLE;
        SLUICE_VK_CHECK(device.api(), vkCreateBufferView, device.handle(), &create, nullptr, &made);
        return views.back() = made;
    }

    VkDescriptorSet allocate_set() {
        const Api& api = device.api();
        if (sets == set_pools.size() * sets_per_pool) {
            const VkDescriptorPoolSize sizes[]{
                {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, sets_per_pool * max_bindings},
                {VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, sets_per_pool * max_bindings}};
            VkDescriptorPoolCreateInfo create{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
            create.maxSets = sets_per_pool;
            create.poolSizeCount = 2;
            create.pPoolSizes = sizes;
            VkDescriptorPool p = VK_NULL_HANDLE;
            SLUICE_VK_CHECK(api, vkCreateDescriptorPool, device.handle(), &create, nullptr, &p);
            set_pools.push_back(p);
        }
        const VkDescriptorSetLayout layout = device.impl().pipelines->set_layout();
        VkDescriptorSetAllocateInfo allocate{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO};
        allocate.descriptorPool = set_pools[sets / sets_per_pool];
        allocate.descriptorSetCount = 1;
        allocate.pSetLayouts = &layout;
        VkDescriptorSet set = VK_NULL_HANDLE;
        SLUICE_VK_CHECK(api, vkAllocateDescriptorSets, device.handle(), &allocate, &set);
        ++sets;
        return set;
    }
};

Commands::Commands(Device& device, QueueKind queue)
    : device_(device), queue_(queue), impl_(std::make_unique<Impl>(device, queue)) {
    const Api& api = device.api();
    VkCommandPoolCreateInfo pool{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
    pool.queueFamilyIndex = impl_->queue.family;
    SLUICE_VK_CHECK(api, vkCreateCommandPool, device.handle(), &pool, nullptr, &impl_->pool);
    VkCommandBufferAllocateInfo allocate{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
    allocate.commandPool = impl_->pool;
    allocate.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
    allocate.commandBufferCount = 1;
    SLUICE_VK_CHECK(api, vkAllocateCommandBuffers, device.handle(), &allocate, &commands_);
}

Commands::~Commands() {
    device_.settle();
}

void Commands::begin() {
    const Api& api = device_.api();
    SLUICE_VK_CHECK(api, vkResetCommandPool, device_.handle(), impl_->pool, 0);
    for (VkDescriptorPool p : impl_->set_pools)
        SLUICE_VK_CHECK(api, vkResetDescriptorPool, device_.handle(), p, 0);
    impl_->destroy_views();
    impl_->sets = impl_->queries = 0;
    impl_->bound = VK_NULL_HANDLE;
    VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    begin.flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT;
    SLUICE_VK_CHECK(api, vkBeginCommandBuffer, commands_, &begin);
    impl_->recording = true;
}

void Commands::dispatch(const Dispatch& d, const std::array<BoundRange, max_bindings>& ranges) {
    const Api& api = device_.api();
    Device::Impl& device = device_.impl();
    const DeviceTraits& traits = device_.traits();
    auto refuse = [&](const std::string& why) {
        throw Error(
            Status::internal, "bad-dispatch",
            "a dispatch of shader " + std::to_string(d.pipeline.shader) + " cannot be recorded: " + why);
    };
    for (int i = 0; i < 3; ++i)
        if (d.groups[i] == 0 || d.groups[i] > traits.max_workgroup_count[i])
            refuse("it has " + std::to_string(d.groups[i]) + " workgroups in dimension " + std::to_string(i) +
                   ", allowed are 1 to " + std::to_string(traits.max_workgroup_count[i]));
    if (d.push_bytes > sizeof d.push || d.push_bytes % 4)
        refuse("it has " + std::to_string(d.push_bytes) + " bytes of push constants");

    VkDescriptorBufferInfo infos[max_bindings];
    for (int i = 0; i < max_bindings; ++i) {
        const BoundRange& r = ranges[size_t(i)];
        if (!r.buffer) {
            infos[i] = {device.dummy.handle(), 0, VK_WHOLE_SIZE};
            continue;
        }
        if (r.offset % traits.storage_alignment || r.size == 0 || r.size > traits.max_storage_range)
            refuse("binding " + std::to_string(i) + " has offset " + std::to_string(r.offset) + " and size " +
                   std::to_string(r.size) + "; the device wants multiples of " +
                   std::to_string(traits.storage_alignment) + " and at most " +
                   std::to_string(traits.max_storage_range));
        infos[i] = {r.buffer, r.offset, r.size};
    }

    const VkPipeline pipeline = device.pipelines->get(d.pipeline);
    const VkDescriptorSet set = impl_->allocate_set();
    VkBufferView views[max_bindings];
    for (uint32_t i = 0; i < max_bindings; ++i)
        views[i] = d.texels >> i & 1 ? impl_->view(ranges[i], d.pipeline.precision) : device.dummy_view;
    // Each runs on over the consecutive bindings.
    VkWriteDescriptorSet writes[2]{{VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET},
                                   {VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET}};
    for (VkWriteDescriptorSet& write : writes) {
        write.dstSet = set;
        write.descriptorCount = max_bindings;
    }
    writes[0].descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    writes[0].pBufferInfo = infos;
    writes[1].descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER;
    writes[1].dstBinding = max_bindings;
    writes[1].pTexelBufferView = views;
    api.vkUpdateDescriptorSets(device_.handle(), 2, writes, 0, nullptr);

    if (pipeline != impl_->bound) {
        api.vkCmdBindPipeline(commands_, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
        impl_->bound = pipeline;
    }
    api.vkCmdBindDescriptorSets(commands_, VK_PIPELINE_BIND_POINT_COMPUTE, device.pipelines->layout(), 0, 1,
                                &set, 0, nullptr);
    if (d.push_bytes)
        api.vkCmdPushConstants(commands_, device.pipelines->layout(), VK_SHADER_STAGE_COMPUTE_BIT, 0,
                               d.push_bytes, d.push.data());
    api.vkCmdDispatch(commands_, d.groups[0], d.groups[1], d.groups[2]);
}

void Commands::copy(const CopyRegion& region) {
    if (region.size == 0) return;
    const VkBufferCopy copy{region.source_offset, region.destination_offset, region.size};
    device_.api().vkCmdCopyBuffer(commands_, region.source, region.destination, 1, &copy);
}

void Commands::barrier() {
    const bool compute =
        device_.impl().physical.families[impl_->queue.family].queueFlags & VK_QUEUE_COMPUTE_BIT;
    VkPipelineStageFlags stages = VK_PIPELINE_STAGE_TRANSFER_BIT;
    VkMemoryBarrier memory{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
    memory.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
    memory.dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
    if (compute) {
        stages |= VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
        memory.srcAccessMask |= VK_ACCESS_SHADER_WRITE_BIT;
        memory.dstAccessMask |= VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT;
    }
    device_.api().vkCmdPipelineBarrier(commands_, stages, stages, 0, 1, &memory, 0, nullptr, 0, nullptr);
}

void Commands::host_barrier() {
    const bool compute =
        device_.impl().physical.families[impl_->queue.family].queueFlags & VK_QUEUE_COMPUTE_BIT;
    VkPipelineStageFlags stages = VK_PIPELINE_STAGE_TRANSFER_BIT;
    VkMemoryBarrier memory{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
    memory.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
    memory.dstAccessMask = VK_ACCESS_HOST_READ_BIT;
    if (compute) {
        stages |= VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
        memory.srcAccessMask |= VK_ACCESS_SHADER_WRITE_BIT;
    }
    device_.api().vkCmdPipelineBarrier(commands_, stages, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &memory, 0,
                                       nullptr, 0, nullptr);
}

int Commands::timestamp() {
    const Queue& queue = impl_->queue;
    if (!queue.timestamp_bits || (queue.host_reset && !device_.impl().physical.features.host_query_reset))
        return -1;
    const Api& api = device_.api();
    const uint32_t pool = impl_->queries / queries_per_pool, index = impl_->queries % queries_per_pool;
    if (pool == impl_->query_pools.size()) {
        VkQueryPoolCreateInfo create{VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO};
        create.queryType = VK_QUERY_TYPE_TIMESTAMP;
        create.queryCount = queries_per_pool;
        VkQueryPool made = VK_NULL_HANDLE;
        SLUICE_VK_CHECK(api, vkCreateQueryPool, device_.handle(), &create, nullptr, &made);
        impl_->query_pools.push_back(made);
    }
    if (index == 0 && !queue.host_reset)
        api.vkCmdResetQueryPool(commands_, impl_->query_pools[pool], 0, queries_per_pool);
    api.vkCmdWriteTimestamp(commands_, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, impl_->query_pools[pool], index);
    return int(impl_->queries++);
}

void Commands::end() {
    impl_->recording = false;
    SLUICE_VK_CHECK(device_.api(), vkEndCommandBuffer, commands_);
}

void Commands::reset_host_queries() const {
    if (!impl_->queue.host_reset) return;
    for (uint32_t first = 0, pool = 0; first < impl_->queries; first += queries_per_pool, ++pool)
        device_.api().vkResetQueryPool(device_.handle(), impl_->query_pools[pool], 0, queries_per_pool);
}

std::vector<double> Commands::read_timestamps() const {
    const uint32_t count = impl_->queries;
    if (!count) return {};
    const Api& api = device_.api();
    std::vector<uint64_t> ticks(count);
    for (uint32_t first = 0; first < count; first += queries_per_pool) {
        const uint32_t n = std::min(queries_per_pool, count - first);
        const VkResult result = SLUICE_VK_CHECK(
            api, vkGetQueryPoolResults, device_.handle(), impl_->query_pools[first / queries_per_pool], 0, n,
            n * sizeof(uint64_t), &ticks[first], sizeof(uint64_t), VK_QUERY_RESULT_64_BIT);
        if (result == VK_NOT_READY)
            throw Error(Status::internal, "timestamps-not-ready",
                        "timestamps were read before the work was done");
    }
    Device::Impl& device = device_.impl();
    const uint32_t bits = impl_->queue.timestamp_bits;
    const uint64_t mask = bits >= 64 ? ~uint64_t(0) : (uint64_t(1) << bits) - 1;
    std::call_once(device.clock_once, [&] { device.clock_start = ticks[0] & mask; });
    const double period = device.physical.limits.timestampPeriod;  // nanoseconds a tick
    std::vector<double> out;
    // Signed: what ran before the first read lies before the clock's start.
    for (uint64_t t : ticks) out.push_back(double(int64_t((t & mask) - device.clock_start)) * period);
    return out;
}

}  // namespace sluice::vk
