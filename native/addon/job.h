// One asynchronous call on a context: events to a JavaScript function while it runs, then a promise settled once.
#pragma once
#include <napi.h>
#include <sluice.h>

#include <atomic>
#include <functional>
#include <memory>

#include "convert.h"
#include "engine_thread.h"

namespace sluice_addon {

class Job : public std::enable_shared_from_this<Job> {
  public:
    // What runs on the engine's thread. It fills `error` on failure; on success it returns the maker of the result.
    using MakeResult = std::function<Napi::Value(Napi::Env)>;
    using Work = std::function<sluice_status(Job& job, sluice_context* context, MakeResult& result, sluice_error& error)>;
    using Event = std::function<void(Napi::Env, Napi::Function)>;

    // Posts the work; `on_event` may be undefined. `needs_context` false: the call that makes the context.
    static Napi::Value start(Napi::Env env, std::shared_ptr<EngineThread> thread, const Napi::Value& on_event,
                             bool needs_context, Work work);

    // From the engine's thread. Events after the environment's end are dropped.
    void emit(Event event);
    // Repeats a cancel that came before the engine call had begun. Called from the progress callback.
    void repeat_cancel(sluice_context* context) const;
    EngineThread& thread() { return *thread_; }

  private:
    Job(Napi::Env env, std::shared_ptr<EngineThread> thread)
        : thread_(std::move(thread)), deferred_(Napi::Promise::Deferred::New(env)) {}
    void run(sluice_context* context, bool needs_context, const Work& work);
    bool cancelled() const { return thread_->cancels() != cancels_at_start_; }

    std::shared_ptr<EngineThread> thread_;
    Napi::Promise::Deferred deferred_;
    Napi::ThreadSafeFunction function_;
    // The environment must not end while the thread can still use function_: this hook waits for the thread.
    std::unique_ptr<Napi::Env::CleanupHook<void (*)(EngineThread*), EngineThread>> hook_;
    uint64_t cancels_at_start_ = 0;
};

}  // namespace sluice_addon
