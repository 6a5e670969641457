// devices(): Promise<string>, a JSON array.
#include "domains.h"
#include "stateless.h"

namespace sluice_addon {

static Napi::Value devices(const Napi::CallbackInfo& info) {
    return TextCall::start(info.Env(), [](std::string& out, sluice_error& error) {
        char* text = nullptr;
        const sluice_status status = sluice_devices_json(&text, &error);
        if (status == SLUICE_OK) out = take(text);
        return status;
    });
}

void add_devices(Napi::Env env, Napi::Object exports) {
    exports.Set("devices", Napi::Function::New(env, devices, "devices"));
}

}  // namespace sluice_addon
