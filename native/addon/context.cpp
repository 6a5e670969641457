// openContext({device, cacheDir, resourceDir, keepWarm}): Promise<Context>; a Context paints and probes on its own thread.
#include <memory>

#include "domains.h"
#include "job.h"
#include "paint_job.h"
#include "paint_result.h"

namespace sluice_addon {

class Context : public Napi::ObjectWrap<Context> {
  public:
    static Napi::Function define(Napi::Env env) {
        return DefineClass(env, "Context",
                           {InstanceMethod<&Context::paint>("paint"), InstanceMethod<&Context::probe>("probe"),
                            InstanceMethod<&Context::trim>("trim"), InstanceMethod<&Context::cancel>("cancel"),
                            InstanceMethod<&Context::close>("close")});
    }
    // Only openContext makes one, with its thread as an external value.
    explicit Context(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Context>(info) {
        if (info.Length() != 1 || !info[0].IsExternal()) {
            throw Napi::TypeError::New(info.Env(), "a Context comes from openContext");
        }
        thread_ = *info[0].As<Napi::External<std::shared_ptr<EngineThread>>>().Data();
    }

  private:
    Napi::Value paint(const Napi::CallbackInfo& info);
    Napi::Value probe(const Napi::CallbackInfo& info);
    Napi::Value trim(const Napi::CallbackInfo& info);
    void cancel(const Napi::CallbackInfo&) { thread_->cancel(); }
    Napi::Value close(const Napi::CallbackInfo& info);

    std::shared_ptr<EngineThread> thread_;
};

struct Running {
    Job* job;
    sluice_context* context;
};

static void on_progress(void* user, const sluice_progress* progress) {
    const auto* running = static_cast<Running*>(user);
    running->job->repeat_cancel(running->context);
    const std::string stage = progress->stage ? progress->stage : "";
    running->job->emit([stage, step = progress->step, steps = progress->steps, seconds = progress->seconds](
                           Napi::Env env, Napi::Function f) {
        Napi::Object event = Napi::Object::New(env);
        event.Set("type", "progress");
        event.Set("stage", stage);
        event.Set("step", step);
        event.Set("steps", steps);
        event.Set("seconds", seconds);
        f.Call({event});
    });
}

static void on_preview(void* user, uint32_t step, const sluice_image* image) {
    const size_t bytes = size_t(image->width) * image->height * 3;
    auto pixels = std::make_shared<std::vector<uint8_t>>(image->pixels, image->pixels + bytes);
    static_cast<Running*>(user)->job->emit(
        [step, width = image->width, height = image->height, pixels](Napi::Env env, Napi::Function f) {
            Napi::Object event = Napi::Object::New(env);
            event.Set("type", "preview");
            event.Set("step", step);
            event.Set("width", width);
            event.Set("height", height);
            event.Set("pixels", copy_bytes(env, pixels->data(), pixels->size()));
            f.Call({event});
        });
}

static void on_notice(void* user, const char* text) {
    static_cast<Running*>(user)->job->emit([text = std::string(text)](Napi::Env env, Napi::Function f) {
        Napi::Object event = Napi::Object::New(env);
        event.Set("type", "notice");
        event.Set("text", text);
        f.Call({event});
    });
}

Napi::Value Context::paint(const Napi::CallbackInfo& info) {
    const auto paint = std::make_shared<PaintJob>(info[0], true);
    return Job::start(info.Env(), thread_, info[1], true,
                      [paint](Job& job, sluice_context* context, Job::MakeResult& make, sluice_error& error) {
                          Running running{&job, context};
                          sluice_callbacks callbacks{};
                          callbacks.user = &running;
                          callbacks.progress = on_progress;
                          callbacks.preview = on_preview;
                          callbacks.notice = on_notice;
                          sluice_result* result = nullptr;
                          const sluice_status status =
                              sluice_paint(context, &paint->desc(), &callbacks, &result, &error);
                          if (status == SLUICE_OK) make = paint_result(result);
                          return status;
                      });
}

Napi::Value Context::probe(const Napi::CallbackInfo& info) {
    const Fields fields(info[0], "probe");
    const std::string network = fields.text("network");
    const std::string model = fields.text("model");
    const std::string in = fields.text("in");
    const std::string out = fields.text("out");
    const sluice_memory memory = read_memory(fields);
    return Job::start(info.Env(), thread_, info.Env().Undefined(), true,
                      [=](Job&, sluice_context* context, Job::MakeResult& make, sluice_error& error) {
                          sluice_probe_desc desc{};
                          desc.size = sizeof desc;
                          desc.network = network.c_str();
                          desc.model = model.c_str();
                          desc.in_path = in.c_str();
                          desc.out_path = out.c_str();
                          desc.memory = memory;
                          char* text = nullptr;
                          const sluice_status status = sluice_probe(context, &desc, &text, &error);
                          if (status == SLUICE_OK) {
                              make = [json = take(text)](Napi::Env env) { return Napi::String::New(env, json); };
                          }
                          return status;
                      });
}

Napi::Value Context::trim(const Napi::CallbackInfo& info) {
    return Job::start(info.Env(), thread_, info.Env().Undefined(), true,
                      [](Job&, sluice_context* context, Job::MakeResult& make, sluice_error&) {
                          sluice_context_trim(context);
                          make = [](Napi::Env env) { return env.Undefined(); };
                          return SLUICE_OK;
                      });
}

// Waits for the thread on the pool, so that the event loop goes on.
class CloseCall : public Napi::AsyncWorker {
  public:
    CloseCall(Napi::Env env, std::shared_ptr<EngineThread> thread)
        : Napi::AsyncWorker(env), deferred(Napi::Promise::Deferred::New(env)), thread_(std::move(thread)) {}
    Napi::Promise::Deferred deferred;

  private:
    void Execute() override { thread_->close(); }
    void OnOK() override { deferred.Resolve(Env().Undefined()); }
    void OnError(const Napi::Error& error) override { deferred.Reject(error.Value()); }
    std::shared_ptr<EngineThread> thread_;
};

Napi::Value Context::close(const Napi::CallbackInfo& info) {
    auto* call = new CloseCall(info.Env(), thread_);
    const Napi::Promise promise = call->deferred.Promise();
    call->Queue();
    return promise;
}

static Napi::Value open_context(const Napi::CallbackInfo& info) {
    const Fields fields(info[0], "openContext");
    const std::string device = fields.text("device");
    const std::string cache = fields.text("cacheDir");
    const std::string resources = fields.text("resourceDir");
    const bool keep_warm = fields.boolean("keepWarm");
    auto thread = std::make_shared<EngineThread>();
    return Job::start(info.Env(), thread, info.Env().Undefined(), false,
                      [=](Job& job, sluice_context*, Job::MakeResult& make, sluice_error& error) {
                          sluice_context_desc desc{};
                          desc.size = sizeof desc;
                          desc.device = device.c_str();
                          desc.cache_dir = cache.c_str();
                          desc.resource_dir = resources.c_str();
                          desc.keep_warm = keep_warm;
                          sluice_context* context = nullptr;
                          const sluice_status status = sluice_context_create(&desc, &context, &error);
                          if (status != SLUICE_OK) return status;
                          job.thread().adopt(context);
                          make = [thread](Napi::Env env) -> Napi::Value {
                              auto held = thread;
                              return env.GetInstanceData<Napi::FunctionReference>()->New(
                                  {Napi::External<std::shared_ptr<EngineThread>>::New(env, &held)});
                          };
                          return status;
                      });
}

void add_context(Napi::Env env, Napi::Object exports) {
    auto* constructor = new Napi::FunctionReference(Napi::Persistent(Context::define(env)));
    env.SetInstanceData(constructor);
    exports.Set("openContext", Napi::Function::New(env, open_context, "openContext"));
}

}  // namespace sluice_addon
