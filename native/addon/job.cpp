#include "job.h"

#include <cstdio>
#include <exception>

namespace sluice_addon {

static void close_thread(EngineThread* thread) { thread->close(); }

static void set_error(sluice_error& error, sluice_status status, const char* code, const char* message) {
    error.status = status;
    std::snprintf(error.code, sizeof error.code, "%s", code);
    std::snprintf(error.message, sizeof error.message, "%s", message);
    error.hint[0] = 0;
}

Napi::Value Job::start(Napi::Env env, std::shared_ptr<EngineThread> thread, const Napi::Value& on_event,
                       bool needs_context, Work work) {
    const std::shared_ptr<Job> job(new Job(env, thread));
    const Napi::Function target =
        on_event.IsFunction() ? on_event.As<Napi::Function>()
                              : Napi::Function::New(env, [](const Napi::CallbackInfo&) {}, "ignore");
    job->function_ = Napi::ThreadSafeFunction::New(env, target, "sluice job", 0, 1);
    job->hook_ = std::make_unique<Napi::Env::CleanupHook<void (*)(EngineThread*), EngineThread>>(
        env.AddCleanupHook(close_thread, thread.get()));
    job->cancels_at_start_ = thread->cancels();
    const Napi::Promise promise = job->deferred_.Promise();
    const bool posted = thread->post(
        [job, needs_context, work](sluice_context* context) { job->run(context, needs_context, work); });
    if (!posted) job->run(nullptr, true, work);  // settles with "context-closed"
    return promise;
}

void Job::emit(Event event) {
    auto* held = new Event(std::move(event));
    const napi_status status = function_.NonBlockingCall(held, [](Napi::Env env, Napi::Function f, Event* e) {
        const std::unique_ptr<Event> owned(e);
        if (env == nullptr) return;  // the environment ends
        const Napi::HandleScope scope(env);
        (*owned)(env, f);
    });
    if (status != napi_ok) delete held;
}

void Job::repeat_cancel(sluice_context* context) const {
    if (cancelled()) sluice_job_cancel(context);
}

void Job::run(sluice_context* context, bool needs_context, const Work& work) {
    sluice_error error{};
    MakeResult result;
    sluice_status status = SLUICE_INTERNAL;
    if (cancelled()) {
        status = SLUICE_CANCELLED;
        set_error(error, status, "cancelled", "stopped before it began");
    } else if (needs_context && context == nullptr) {
        set_error(error, status, "context-closed", "the context was closed, or could not be opened");
    } else {
        try {
            status = work(*this, context, result, error);
        } catch (const std::exception& e) {  // out of memory in the glue itself
            status = SLUICE_INTERNAL;
            set_error(error, status, "internal", e.what());
        }
    }
    emit([self = shared_from_this(), status, error, result = std::move(result)](Napi::Env env, Napi::Function) {
        self->hook_->Remove(env);
        if (status != SLUICE_OK) {
            self->deferred_.Reject(to_js(env, error).Value());
            return;
        }
        try {
            self->deferred_.Resolve(result(env));
        } catch (const Napi::Error& e) {
            self->deferred_.Reject(e.Value());
        }
    });
    function_.Release();
}

}  // namespace sluice_addon
