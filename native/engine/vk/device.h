// The Vulkan device: loading, choosing, memory with accounting, pipelines, command buffers, timelines.
// Knows nothing of networks, plans or files. Everything throws sluice::Error (Status::device) on failure,
// every VkResult goes through one dispatch table and can be made to fail by core/failpoint.h.
#pragma once
#ifndef VK_NO_PROTOTYPES
#define VK_NO_PROTOTYPES
#endif
#include <vulkan/vulkan.h>

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "ops/lower.h"

namespace sluice::vk {

struct Api;  // vk/api.h: the dispatch table

// A subgroup-wide cooperative matrix product of the device: A is m x k, B k x n; types "f16", "f32", "s8",
// "bf16", …
struct MatrixShape {
    uint32_t m = 0, n = 0, k = 0;
    std::string a, b, c, result;
};

struct DeviceInfo {
    int index = 0;
    std::string name, type;  // discrete | integrated | cpu | virtual | other
    std::string driver, api_version;
    DeviceTraits traits;
    // The largest device-local heap, and what may still be allocated there by the driver's count (the heap's
    // size where the driver does not count).
    uint64_t device_heap_bytes = 0, budget_bytes = 0;
    std::vector<MatrixShape> matrix_shapes;
    std::string unusable;  // why open() refuses it; empty: usable
    std::string json;      // the full row of `sluice devices`
};

std::vector<DeviceInfo>
enumerate();  // throws Error(device, "no-vulkan") naming what to install without a loader

struct HostDevice {  // handed in by a host application
    VkInstance instance;
    VkPhysicalDevice physical;
    VkDevice device;
    VkQueue queue;
    uint32_t family;
    PFN_vkGetInstanceProcAddr get_instance_proc_addr;  // null: the system's loader
    // storageBuffer16BitAccess and shaderFloat16 were enabled. Vulkan cannot be asked what a device was made
    // with.
    bool fp16 = false;
};

enum class MemoryKind {
    device,    // device-local; not mapped
    upload,    // host-visible, coherent: the source of copies and small inputs shaders read
    readback,  // host-visible, cached: what the host reads after a pass
};

class Device;

// A buffer range bound to a descriptor.
struct BoundRange {
    VkBuffer buffer = VK_NULL_HANDLE;
    uint64_t offset = 0, size = 0;  // offset is a multiple of traits().storage_alignment
    uint64_t room = 0;              // bytes of the buffer from offset on
};

// A buffer and the memory behind it, freed on destruction.
class Buffer {
  public:
    Buffer() = default;
    Buffer(Buffer&& other) noexcept;
    Buffer& operator=(Buffer&& other) noexcept;
    ~Buffer();
    VkBuffer handle() const { return buffer_; }
    BoundRange range(uint64_t offset, uint64_t size) const { return {buffer_, offset, size, size_ - offset}; }
    uint64_t size() const { return size_; }
    uint64_t device_bytes() const { return counted_; }  // its share of Device::device_bytes()
    void* mapped() const { return mapped_; }  // null for MemoryKind::device
    explicit operator bool() const { return buffer_ != VK_NULL_HANDLE; }

  private:
    friend class Device;
    Device* device_ = nullptr;
    VkBuffer buffer_ = VK_NULL_HANDLE;
    VkDeviceMemory memory_ = VK_NULL_HANDLE;
    uint64_t size_ = 0, counted_ = 0;
    void* mapped_ = nullptr;
};

// A monotonic counter that queues and the host wait for and signal (VK_SEMAPHORE_TYPE_TIMELINE). On a device
// with one queue, batches run in the order of submission: submit what signals a value before what waits for
// it.
class Timeline {
  public:
    explicit Timeline(Device& device);
    ~Timeline();
    Timeline(const Timeline&) = delete;
    VkSemaphore handle() const { return semaphore_; }
    uint64_t value() const;  // counter now; throws when the device is lost
    // True when reached, false at the time-out. Throws when the device is lost.
    bool wait(uint64_t value, uint64_t timeout_ns) const;
    void signal(uint64_t value);  // from the host; more than the value now and any pending signal

  private:
    friend class Device;
    Device& device_;
    mutable uint64_t waited_ = 0, signalled_ = 0;  // the highest that submitted batches wait for and signal
    VkSemaphore semaphore_ = VK_NULL_HANDLE;
};

struct CopyRegion {
    VkBuffer source, destination;
    uint64_t source_offset, destination_offset, size;
};

enum class QueueKind { compute, transfer };

// Pre-recorded commands, replayed any number of times, also while an earlier submission is in flight.
class Commands {
  public:
    Commands(Device& device, QueueKind queue);
    ~Commands();
    Commands(const Commands&) = delete;
    void begin();
    // Binds pipeline, a descriptor set made of `ranges` (unused bindings get a dummy), pushes constants,
    // dispatches.
    void dispatch(const Dispatch& d, const std::array<BoundRange, max_bindings>& ranges);
    void copy(const CopyRegion& region);
    // Makes all earlier writes of shaders and copies visible to all later shaders, copies (and, at the end,
    // the host).
    void barrier();
    void host_barrier();
    // Timestamps around work, when the queue supports them; index into the results of read_timestamps.
    int timestamp();  // -1 where there are none
    void end();
    // Nanoseconds for each timestamp() of this recording, on one clock for all queues that starts with the
    // device's first read; valid after completion; empty where the queue has none. A recording for the
    // transfer queue that has timestamps must be complete before it is submitted again (they are reset from
    // the host).
    std::vector<double> read_timestamps() const;
    VkCommandBuffer handle() const { return commands_; }
    QueueKind queue() const { return queue_; }

  private:
    friend class Device;
    struct Impl;
    void reset_host_queries() const;
    Device& device_;
    QueueKind queue_;
    VkCommandBuffer commands_ = VK_NULL_HANDLE;
    std::unique_ptr<Impl> impl_;
};

struct TimelinePoint {
    const Timeline* timeline;
    uint64_t value;
};

class Device {
  public:
    // selector: "" or "auto", an index, part of a name. Errors list the devices there are.
    static std::unique_ptr<Device> open(const std::string& selector, const std::string& cache_dir);
    static std::unique_ptr<Device> adopt(const HostDevice& host, const std::string& cache_dir);
    ~Device();

    const DeviceInfo& info() const { return info_; }
    const DeviceTraits& traits() const { return info_.traits; }
    void set_tiles(std::shared_ptr<const TileTable> tiles) { info_.traits.tiles = std::move(tiles); }
    std::string driver_key() const;  // names device and driver, for files of what was measured on them

    Buffer create_buffer(uint64_t size, MemoryKind kind, const char* purpose);
    // Wraps host memory (address and size multiples of import_alignment()) without a copy. Empty Buffer where
    // the driver refuses or lacks VK_EXT_external_memory_host; after one refusal never tries again (a driver
    // was seen to fail every later import). Not counted as device memory.
    Buffer import_host(void* address, uint64_t size);
    uint64_t import_alignment() const;  // 0: not supported

    // Bytes that vkAllocateMemory holds on device-local heaps now, and the most since reset_peak(). On a CPU
    // or integrated device, where every heap is device-local, staging counts too.
    uint64_t device_bytes() const;
    uint64_t peak_device_bytes() const;
    void reset_peak();
    uint64_t driver_used_bytes();    // VK_EXT_memory_budget's own count, 0 without
    uint64_t driver_budget_bytes();  // what may still be allocated now

    bool has_transfer_queue() const;

    // Compiles ahead (disk cache under cache_dir); also done on demand by Commands::dispatch. True when any
    // pipeline was not in the cache.
    bool prepare(std::span<const PipelineKey> keys);

    // One batch: waits, commands, signals. Many batches may be queued ahead.
    void submit(QueueKind queue, std::span<const Commands* const> commands,
                std::span<const TimelinePoint> waits, std::span<const TimelinePoint> signals);
    // Until nothing runs. Batches that wait for a value nobody is going to signal any more (the submission
    // that would have failed) are let go first, so that this ends; what they compute is lost.
    void wait_idle() noexcept;

    const Api& api() const { return *api_; }
    VkDevice handle() const { return device_; }

    struct Impl;
    Impl& impl() { return *impl_; }

  private:
    Device();
    friend class Buffer;
    friend class Timeline;
    friend class Commands;
    // Called by destructors of what the device may still be using: waits when an exception is on its way.
    void settle() noexcept;
    void finish_opening(const std::string& cache_dir);
    DeviceInfo info_;
    std::unique_ptr<Api> api_;
    VkDevice device_ = VK_NULL_HANDLE;
    std::unique_ptr<Impl> impl_;
};

// One batch of its own, and waits until it is done.
void submit_and_wait(Device& device, const Commands& commands);

// Messages of the validation layers since the last call (tests; layers are enabled by SLUICE_VALIDATION=1 in
// the environment: core + synchronisation, =gpu: core + GPU-assisted).
std::vector<std::string> take_validation_messages();

}  // namespace sluice::vk
