// plan({job, linkBytesPerSecond, flopsPerSecond, maxStorageBufferRange, device}): Promise<string>. Needs no device;
// `device` null asks none.
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
    const std::optional<std::string> device = fields.optional_text("device");
    return TextCall::start(info.Env(), [job, device, desc](std::string& out, sluice_error& error) {
        sluice_plan_desc asked = desc;
        asked.device = device ? device->c_str() : nullptr;
        char* text = nullptr;
        const sluice_status status = sluice_plan_json(&asked, &text, &error);
        if (status == SLUICE_OK) out = take(text);
        return status;
    });
}

void add_plan(Napi::Env env, Napi::Object exports) {
    exports.Set("plan", Napi::Function::New(env, plan, "plan"));
}

}  // namespace sluice_addon
