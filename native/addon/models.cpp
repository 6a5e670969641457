// inspect(path, verify), samplers(), resolveSampler({sampler, schedule}), tokenize({resourceDir, model, text}): promises of JSON texts.
#include "domains.h"
#include "stateless.h"

namespace sluice_addon {

static Napi::Value inspect(const Napi::CallbackInfo& info) {
    const Fields fields(info[0], "inspect");
    const std::string path = fields.text("path");
    const bool verify = fields.boolean("verify");
    return TextCall::start(info.Env(), [path, verify](std::string& out, sluice_error& error) {
        char* text = nullptr;
        const sluice_status status = sluice_inspect_json(path.c_str(), verify, &text, &error);
        if (status == SLUICE_OK) out = take(text);
        return status;
    });
}

static Napi::Value samplers(const Napi::CallbackInfo& info) {
    return TextCall::start(info.Env(), [](std::string& out, sluice_error& error) {
        char* text = nullptr;
        const sluice_status status = sluice_samplers_json(&text, &error);
        if (status == SLUICE_OK) out = take(text);
        return status;
    });
}

static Napi::Value resolve_sampler(const Napi::CallbackInfo& info) {
    const Fields fields(info[0], "resolveSampler");
    const std::string sampler = fields.text("sampler"), schedule = fields.text("schedule");
    return TextCall::start(info.Env(), [=](std::string& out, sluice_error& error) {
        char* text = nullptr;
        const sluice_status status = sluice_resolve_sampler_json(sampler.c_str(), schedule.c_str(), &text, &error);
        if (status == SLUICE_OK) out = take(text);
        return status;
    });
}

static Napi::Value tokenize(const Napi::CallbackInfo& info) {
    const Fields fields(info[0], "tokenize");
    const std::string resources = fields.text("resourceDir");
    const std::optional<std::string> model = fields.optional_text("model");
    const std::string prompt = fields.text("text");
    return TextCall::start(info.Env(), [=](std::string& out, sluice_error& error) {
        int32_t ids[77];
        const sluice_status status =
            sluice_tokenize(resources.c_str(), model ? model->c_str() : nullptr, prompt.c_str(), ids, &error);
        if (status != SLUICE_OK) return status;
        for (const int32_t id : ids) {
            out += out.empty() ? '[' : ',';
            out += std::to_string(id);
        }
        out += ']';
        return status;
    });
}

void add_models(Napi::Env env, Napi::Object exports) {
    exports.Set("inspect", Napi::Function::New(env, inspect, "inspect"));
    exports.Set("samplers", Napi::Function::New(env, samplers, "samplers"));
    exports.Set("resolveSampler", Napi::Function::New(env, resolve_sampler, "resolveSampler"));
    exports.Set("tokenize", Napi::Function::New(env, tokenize, "tokenize"));
}

}  // namespace sluice_addon
