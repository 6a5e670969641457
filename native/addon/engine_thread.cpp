#include "engine_thread.h"

namespace sluice_addon {

bool EngineThread::post(Task task) {
    {
        const std::lock_guard lock(mutex_);
        if (closing_) return false;
        tasks_.push_back(std::move(task));
    }
    wake_.notify_one();
    return true;
}

void EngineThread::cancel() {
    const std::lock_guard lock(mutex_);
    cancels_++;
    if (context_) sluice_job_cancel(context_);
}

void EngineThread::adopt(sluice_context* context) {
    const std::lock_guard lock(mutex_);
    context_ = context;
}

void EngineThread::close() {
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
        cancels_++;
        if (context_) sluice_job_cancel(context_);
    }
    wake_.notify_one();
    const std::lock_guard lock(join_mutex_);
    if (thread_.joinable()) thread_.join();
}

void EngineThread::loop() {
    for (;;) {
        Task task;
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return closing_ || !tasks_.empty(); });
            if (tasks_.empty()) break;
            task = std::move(tasks_.front());
            tasks_.pop_front();
        }
        task(context_);
    }
    sluice_context* context = nullptr;
    {
        const std::lock_guard lock(mutex_);
        std::swap(context, context_);
    }
    if (context) sluice_context_destroy(context);
}

}  // namespace sluice_addon
