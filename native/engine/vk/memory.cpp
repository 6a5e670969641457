// Buffers, the choice of their memory, and the count of what is held.
#include <algorithm>
#include <bit>
#include <cstdio>
#include <exception>
#include <vector>

#include "vk/device_impl.h"

namespace sluice::vk {

namespace {

// Memory that needs something special from its user.
constexpr VkMemoryPropertyFlags never =
    VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT | VK_MEMORY_PROPERTY_PROTECTED_BIT |
    VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD | VK_MEMORY_PROPERTY_DEVICE_UNCACHED_BIT_AMD |
    VK_MEMORY_PROPERTY_RDMA_CAPABLE_BIT_NV;

struct Wish {
    VkMemoryPropertyFlags has, has_not;
};

// In order of preference. Never host memory for `device`: it would run, a hundred times slower, and the
// budget would count wrong.
std::span<const Wish> wishes(MemoryKind kind) {
    constexpr VkMemoryPropertyFlags local = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
    constexpr VkMemoryPropertyFlags visible = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;
    constexpr VkMemoryPropertyFlags coherent = VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    constexpr VkMemoryPropertyFlags cached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    static constexpr Wish device[] = {{local, visible}, {local, 0}};
    static constexpr Wish upload[] = {
        {visible | coherent, local | cached}, {visible | coherent, local}, {visible | coherent, 0}};
    static constexpr Wish readback[] = {
        {visible | coherent | cached, local}, {visible | coherent | cached, 0}, {visible | coherent, 0}};
    switch (kind) {
        case MemoryKind::device:
            return device;
        case MemoryKind::upload:
            return upload;
        case MemoryKind::readback:
            return readback;
    }
    return {};
}

std::vector<uint32_t> candidate_types(const VkPhysicalDeviceMemoryProperties& memory, uint32_t allowed,
                                      MemoryKind kind) {
    std::vector<uint32_t> out;
    for (const Wish& wish : wishes(kind)) {
        for (uint32_t i = 0; i < memory.memoryTypeCount; ++i) {
            const VkMemoryPropertyFlags flags = memory.memoryTypes[i].propertyFlags;
            if (!(allowed & (1u << i)) || (flags & never) || (flags & wish.has) != wish.has ||
                (flags & wish.has_not))
                continue;
            if (std::ranges::find(out, i) == out.end()) out.push_back(i);
        }
    }
    return out;
}

constexpr VkBufferUsageFlags usage =
    VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT |
    VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;

const char* kind_name(MemoryKind kind) {
    switch (kind) {
        case MemoryKind::device:
            return "device";
        case MemoryKind::upload:
            return "upload";
        case MemoryKind::readback:
            return "read-back";
    }
    return "";
}

bool is_out_of_memory(VkResult result) {
    return result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY;
}

VkBufferCreateInfo buffer_info(uint64_t size, const uint32_t (&families)[2]) {
    VkBufferCreateInfo create{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
    create.size = size;
    create.usage = usage;
    // Weights are written by the transfer queue and read by the other one, block after block: sharing them
    // spares an ownership transfer a block, and costs nothing for buffers on the hardware there is.
    if (families[0] != families[1]) {
        create.sharingMode = VK_SHARING_MODE_CONCURRENT;
        create.queueFamilyIndexCount = 2;
        create.pQueueFamilyIndices = families;
    }
    return create;
}

}  // namespace

std::string mebibytes(uint64_t bytes) {
    char text[48];
    if (bytes < 1u << 20)
        std::snprintf(text, sizeof text, "%llu bytes", static_cast<unsigned long long>(bytes));
    else
        std::snprintf(text, sizeof text, "%.1f MiB", double(bytes) / (1 << 20));
    return text;
}

Buffer::Buffer(Buffer&& other) noexcept {
    *this = std::move(other);
}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(buffer_, other.buffer_);
    std::swap(memory_, other.memory_);
    std::swap(size_, other.size_);
    std::swap(counted_, other.counted_);
    std::swap(mapped_, other.mapped_);
    return *this;
}

Buffer::~Buffer() {
    if (!device_) return;
    device_->settle();
    const Api& api = device_->api();
    api.vkDestroyBuffer(device_->handle(), buffer_, nullptr);
    api.vkFreeMemory(device_->handle(), memory_, nullptr);  // unmaps as well
    device_->impl().device_bytes -= counted_;
}

Buffer Device::create_buffer(uint64_t size, MemoryKind kind, const char* purpose) {
    const Physical& physical = impl_->physical;
    const std::string what = mebibytes(size) + " of " + kind_name(kind) + " memory for " + purpose;
    const uint64_t limit = std::min(physical.max_allocation, physical.max_buffer);
    if (size == 0)
        throw Error(Status::internal, "empty-buffer", "a buffer of 0 bytes was asked for: " + what);
    if (size > limit)
        throw Error(Status::device, "allocation-too-large",
                    what + ": " + info_.name + " allows at most " + mebibytes(limit) + " in one allocation",
                    "Give a smaller --vram or a smaller picture.");
    Buffer out;
    out.device_ = this;
    const uint32_t families[2] = {impl_->compute.family, impl_->transfer.family};
    VkBufferCreateInfo create = buffer_info(size, families);
    // Mesa's CPU driver compiles a shader twice, for texel buffers in buffers of a power of two and for those in others.
    if (info_.traits.cpu && std::has_single_bit(size) && size < limit) create.size += 64;
    VkResult result = SLUICE_VK_TRY(*api_, vkCreateBuffer, device_, &create, nullptr, &out.buffer_);
    if (result < 0) {
        out.buffer_ = VK_NULL_HANDLE;
        throw_result(result, "creating a buffer, " + what + ", failed");
    }
    VkMemoryRequirements need;
    api_->vkGetBufferMemoryRequirements(device_, out.buffer_, &need);

    result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    bool local = false;
    const auto types = candidate_types(physical.memory, need.memoryTypeBits, kind);
    if (types.empty())
        throw Error(Status::device, "no-memory-type",
                    info_.name + " has no memory of the kind that is needed: " + what);
    for (const uint32_t type : types) {
        VkMemoryAllocateInfo allocate{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
        allocate.allocationSize = need.size;
        allocate.memoryTypeIndex = type;
        result = SLUICE_VK_TRY(*api_, vkAllocateMemory, device_, &allocate, nullptr, &out.memory_);
        if (result == VK_SUCCESS) {
            const uint32_t heap = physical.memory.memoryTypes[type].heapIndex;
            local = physical.memory.memoryHeaps[heap].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT;
            break;
        }
        out.memory_ = VK_NULL_HANDLE;
        if (!is_out_of_memory(result)) break;
    }
    if (result != VK_SUCCESS) {
        std::string message = "allocating " + what + " failed; " + mebibytes(impl_->device_bytes) +
                              " of device memory are held already";
        if (physical.features.memory_budget)
            message += ", and the driver says that " + mebibytes(driver_budget_bytes()) + " are free";
        throw_result(result, message);
    }
    if (local) {
        out.counted_ = need.size;
        const uint64_t now = impl_->device_bytes += need.size;
        uint64_t peak = impl_->peak_bytes;
        while (peak < now && !impl_->peak_bytes.compare_exchange_weak(peak, now)) {
        }
    }
    SLUICE_VK_CHECK(*api_, vkBindBufferMemory, device_, out.buffer_, out.memory_, 0);
    if (kind != MemoryKind::device)
        SLUICE_VK_CHECK(*api_, vkMapMemory, device_, out.memory_, 0, VK_WHOLE_SIZE, 0, &out.mapped_);
    out.size_ = size;
    return out;
}

Buffer Device::import_host(void* address, uint64_t size) {
    const uint64_t alignment = import_alignment();
    if (!alignment || !address || !size || impl_->import_refused) return {};
    if (reinterpret_cast<uintptr_t>(address) % alignment || size % alignment)
        throw Error(Status::internal, "import-misaligned",
                    "host memory to import must be aligned to " + std::to_string(alignment) + " bytes");
    if (size > std::min(impl_->physical.max_allocation, impl_->physical.max_buffer)) return {};

    Buffer out;
    out.device_ = this;
    const uint32_t families[2] = {impl_->compute.family, impl_->transfer.family};
    VkBufferCreateInfo create = buffer_info(size, families);
    VkExternalMemoryBufferCreateInfo external{VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO};
    external.handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;
    create.pNext = &external;
    auto attempt = [&]() -> bool {
        if (SLUICE_VK_TRY(*api_, vkCreateBuffer, device_, &create, nullptr, &out.buffer_) != VK_SUCCESS) {
            out.buffer_ = VK_NULL_HANDLE;
            return false;
        }
        VkMemoryRequirements need;
        api_->vkGetBufferMemoryRequirements(device_, out.buffer_, &need);
        VkMemoryHostPointerPropertiesEXT pointer{VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT};
        if (SLUICE_VK_TRY(*api_, vkGetMemoryHostPointerPropertiesEXT, device_,
                          VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT, address,
                          &pointer) != VK_SUCCESS)
            return false;
        const auto types = candidate_types(impl_->physical.memory,
                                           need.memoryTypeBits & pointer.memoryTypeBits, MemoryKind::upload);
        if (types.empty() || need.size > size) return false;
        VkImportMemoryHostPointerInfoEXT import{VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT};
        import.handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;
        import.pHostPointer = address;
        VkMemoryAllocateInfo allocate{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
        allocate.pNext = &import;
        allocate.allocationSize = size;
        allocate.memoryTypeIndex = types.front();
        if (SLUICE_VK_TRY(*api_, vkAllocateMemory, device_, &allocate, nullptr, &out.memory_) != VK_SUCCESS) {
            out.memory_ = VK_NULL_HANDLE;
            return false;
        }
        return SLUICE_VK_TRY(*api_, vkBindBufferMemory, device_, out.buffer_, out.memory_, 0) == VK_SUCCESS;
    };
    if (!attempt()) {
        impl_->import_refused = true;
        return {};
    }
    out.size_ = size;
    out.mapped_ = address;
    return out;
}

uint64_t Device::import_alignment() const {
    return impl_->can_import ? impl_->physical.import_alignment : 0;
}

uint64_t Device::device_bytes() const {
    return impl_->device_bytes;
}
uint64_t Device::peak_device_bytes() const {
    return impl_->peak_bytes;
}
void Device::reset_peak() {
    impl_->peak_bytes = impl_->device_bytes.load();
}

uint64_t Device::driver_used_bytes() {
    return impl_->physical.features.memory_budget ? memory_budget(*api_, impl_->physical.handle).used : 0;
}

uint64_t Device::driver_budget_bytes() {
    if (impl_->physical.features.memory_budget) return memory_budget(*api_, impl_->physical.handle).available;
    const uint64_t held = impl_->device_bytes;
    return info_.device_heap_bytes > held ? info_.device_heap_bytes - held : 0;
}

}  // namespace sluice::vk
