#include "engine_thread.h"

namespace sluice_addon {

EngineThread::EngineThread() : thread_([state = state_] { loop(state); }) {}

bool EngineThread::post(Task task) {
    {
        const std::lock_guard lock(state_->mutex);
        if (state_->closing) return false;
        state_->tasks.push_back(std::move(task));
    }
    state_->wake.notify_one();
    return true;
}

void EngineThread::cancel() {
    const std::lock_guard lock(state_->mutex);
    state_->cancels++;
    if (state_->context) sluice_job_cancel(state_->context);
}

void EngineThread::adopt(sluice_context* context) {
    const std::lock_guard lock(state_->mutex);
    state_->context = context;
}

void EngineThread::close() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->closing = true;
        state_->cancels++;
        if (state_->context) sluice_job_cancel(state_->context);
    }
    state_->wake.notify_one();
    const std::lock_guard lock(join_mutex_);
    if (!thread_.joinable()) return;
    if (thread_.get_id() == std::this_thread::get_id()) {
        thread_.detach();
    } else {
        thread_.join();
    }
}

void EngineThread::loop(const std::shared_ptr<State>& state) {
    for (;;) {
        Task task;
        {
            std::unique_lock lock(state->mutex);
            state->wake.wait(lock, [&] { return state->closing || !state->tasks.empty(); });
            if (state->tasks.empty()) break;
            task = std::move(state->tasks.front());
            state->tasks.pop_front();
        }
        task(state->context);
    }
    sluice_context* context = nullptr;
    {
        const std::lock_guard lock(state->mutex);
        std::swap(context, state->context);
    }
    if (context) sluice_context_destroy(context);
}

}  // namespace sluice_addon
