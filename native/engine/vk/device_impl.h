// What a Device is made of. For the files of vk/ only.
#pragma once
#include <atomic>
#include <mutex>
#include <set>

#include "vk/instance.h"
#include "vk/pipelines.h"

namespace sluice::vk {

// Two handles of the same queue where there is no transfer queue: `mutex` is then shared.
struct Queue {
    VkQueue handle = VK_NULL_HANDLE;
    uint32_t family = 0;
    uint32_t timestamp_bits = 0;
    bool host_reset = false;  // queries must be reset from the host: a transfer queue cannot
    std::mutex* mutex = nullptr;
};

struct Device::Impl {
    std::unique_ptr<Instance> instance;
    Physical physical;
    bool owns_device = true;
    bool can_import = false;
    std::atomic<bool> import_refused{false};
    Queue compute, transfer;
    std::mutex compute_mutex, transfer_mutex;
    std::unique_ptr<Pipelines> pipelines;
    Buffer dummy;  // behind unused bindings
    VkBufferView dummy_view = VK_NULL_HANDLE;

    std::atomic<uint64_t> device_bytes{0}, peak_bytes{0}, host_bytes{0};
    std::atomic<bool> busy{false};  // something was submitted since the device was last idle

    std::mutex timelines_mutex;
    std::set<const Timeline*> timelines;

    std::once_flag clock_once;
    uint64_t clock_start = 0;  // ticks

    const Queue& queue(QueueKind kind) const { return kind == QueueKind::compute ? compute : transfer; }
};

std::string mebibytes(uint64_t bytes);

}  // namespace sluice::vk
