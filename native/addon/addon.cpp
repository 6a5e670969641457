// The Node addon: converts and forwards, nothing else. What the values mean is said in include/sluice.h.
#include "domains.h"

#include <sluice.h>

namespace sluice_addon {

static Napi::Object init(Napi::Env env, Napi::Object exports) {
    exports.Set("apiVersion", Napi::Number::New(env, SLUICE_API_VERSION));
    add_devices(env, exports);
    add_models(env, exports);
    add_plan(env, exports);
    add_grammars(env, exports);
    add_context(env, exports);
    add_midi_tokens(env, exports);
    add_midi_session(env, exports);
    return exports;
}

}  // namespace sluice_addon

static Napi::Object Init(Napi::Env env, Napi::Object exports) { return sluice_addon::init(env, exports); }
NODE_API_MODULE(sluice, Init)
