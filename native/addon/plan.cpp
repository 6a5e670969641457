// plan({job, linkBytesPerSecond, flopsPerSecond, maxStorageBufferRange}): Promise<string>. Needs no device.
#include "domains.h"
#include "paint_job.h"
#include "stateless.h"

namespace sluice_addon {

static Napi::Value plan(const Napi::CallbackInfo& info) {
    const Fields fields(info[0], "plan");
    const auto job = std::make_shared<PaintJob>(fields.value("job"), false);
    sluice_plan_desc desc{};
    desc.size = sizeof desc;
    desc.job = &job->desc();
    desc.link_bytes_per_second = fields.number("linkBytesPerSecond");
    desc.flops_per_second = fields.number("flopsPerSecond");
    desc.max_storage_buffer_range = fields.whole("maxStorageBufferRange", 1ull << 50);
    return TextCall::start(info.Env(), [job, desc](std::string& out, sluice_error& error) {
        char* text = nullptr;
        const sluice_status status = sluice_plan_json(&desc, &text, &error);
        if (status == SLUICE_OK) out = take(text);
        return status;
    });
}

void add_plan(Napi::Env env, Napi::Object exports) {
    exports.Set("plan", Napi::Function::New(env, plan, "plan"));
}

}  // namespace sluice_addon
