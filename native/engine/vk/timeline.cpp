#include <algorithm>
#include <chrono>
#include <exception>
#include <thread>

#include "vk/device_impl.h"

namespace sluice::vk {

Timeline::Timeline(Device& device) : device_(device) {
    VkSemaphoreTypeCreateInfo type{VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO};
    type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
    VkSemaphoreCreateInfo create{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
    create.pNext = &type;
    SLUICE_VK_CHECK(device.api(), vkCreateSemaphore, device.handle(), &create, nullptr, &semaphore_);
    std::lock_guard lock(device.impl().timelines_mutex);
    device.impl().timelines.insert(this);
}

Timeline::~Timeline() {
    device_.settle();
    {
        std::lock_guard lock(device_.impl().timelines_mutex);
        device_.impl().timelines.erase(this);
    }
    device_.api().vkDestroySemaphore(device_.handle(), semaphore_, nullptr);
}

uint64_t Timeline::value() const {
    uint64_t value = 0;
    SLUICE_VK_CHECK(device_.api(), vkGetSemaphoreCounterValue, device_.handle(), semaphore_, &value);
    return value;
}

bool Timeline::wait(uint64_t value, uint64_t timeout_ns) const {
    VkSemaphoreWaitInfo wait{VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO};
    wait.semaphoreCount = 1;
    wait.pSemaphores = &semaphore_;
    wait.pValues = &value;
    return SLUICE_VK_CHECK(device_.api(), vkWaitSemaphores, device_.handle(), &wait, timeout_ns) ==
           VK_SUCCESS;
}

void Timeline::signal(uint64_t value) {
    VkSemaphoreSignalInfo signal{VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO};
    signal.semaphore = semaphore_;
    signal.value = value;
    SLUICE_VK_CHECK(device_.api(), vkSignalSemaphore, device_.handle(), &signal);
    std::lock_guard lock(device_.impl().timelines_mutex);
    signalled_ = std::max(signalled_, value);
}

void submit_and_wait(Device& device, const Commands& commands) {
    Timeline done(device);
    const Commands* list[] = {&commands};
    const TimelinePoint signal[] = {{&done, 1}};
    device.submit(commands.queue(), list, {}, signal);
    while (!done.wait(1, 1'000'000'000)) {
    }
}

void Device::settle() noexcept {
    // In the ordinary course their owner has waited; on the way out of a failure nobody has.
    if (impl_ && impl_->busy && std::uncaught_exceptions() > 0) wait_idle();
}

void Device::wait_idle() noexcept {
    if (!impl_ || !device_ || !impl_->busy) return;
    {
        // A timeline is stuck when submitted work waits for more than submitted work signals. It may be let
        // go once its own pending signals are through, so that its value never goes back.
        std::lock_guard lock(impl_->timelines_mutex);
        using clock = std::chrono::steady_clock;
        const auto deadline = clock::now() + std::chrono::seconds(10);
        bool stuck = true;
        while (stuck && clock::now() < deadline) {
            stuck = false;
            for (const Timeline* t : impl_->timelines) {
                if (t->waited_ <= t->signalled_) continue;
                uint64_t now = 0;
                // Plain calls: this runs while another failure is being cleaned up.
                if (api_->vkGetSemaphoreCounterValue(device_, t->semaphore_, &now) != VK_SUCCESS) continue;
                if (now < t->signalled_) {
                    stuck = true;
                    continue;
                }
                VkSemaphoreSignalInfo signal{VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO};
                signal.semaphore = t->semaphore_;
                signal.value = t->waited_;
                if (now < t->waited_) api_->vkSignalSemaphore(device_, &signal);
                t->signalled_ = t->waited_;
            }
            if (stuck) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }
    std::scoped_lock locks(impl_->compute_mutex, impl_->transfer_mutex);
    api_->vkDeviceWaitIdle(device_);
    impl_->busy = false;
}

}  // namespace sluice::vk
