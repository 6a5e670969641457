#include "paint_result.h"

#include <cstring>

namespace sluice_addon {

Napi::Uint8Array copy_bytes(Napi::Env env, const uint8_t* data, size_t size) {
    Napi::Uint8Array array = Napi::Uint8Array::New(env, size);
    if (size > 0) std::memcpy(array.Data(), data, size);
    return array;
}

static Napi::Object figures_to_js(Napi::Env env, const sluice_figures& f) {
    Napi::Object o = Napi::Object::New(env);
    const auto set = [&](const char* name, double value) { o.Set(name, Napi::Number::New(env, value)); };
    set("seconds", f.seconds);
    set("loadSeconds", f.load_seconds);
    set("encodeSeconds", f.encode_seconds);
    set("decodeSeconds", f.decode_seconds);
    Napi::Array steps = Napi::Array::New(env, f.step_count);
    for (uint32_t i = 0; i < f.step_count; i++) steps.Set(i, Napi::Number::New(env, f.step_seconds[i]));
    o.Set("stepSeconds", steps);
    set("peakDeviceBytes", double(f.peak_device_bytes));
    o.Set("driverPeakBytes", f.driver_peak_bytes ? Napi::Value(Napi::Number::New(env, double(f.driver_peak_bytes)))
                                                 : Napi::Value(env.Null()));
    set("inPlaceBytes", double(f.in_place_bytes));
    set("budgetBytes", double(f.budget_bytes));
    set("uploadedBytes", double(f.uploaded_bytes));
    set("predictedPeakBytes", double(f.predicted_peak_bytes));
    o.Set("cold", Napi::Boolean::New(env, f.cold != 0));
    o.Set("device", Napi::String::New(env, f.device));
    o.Set("precision", Napi::String::New(env, f.precision));
    return o;
}

static Napi::Value result_to_js(Napi::Env env, const sluice_result* result) {
    Napi::Array images = Napi::Array::New(env);
    Napi::Array latents = Napi::Array::New(env);
    const uint32_t count = sluice_result_count(result);
    for (uint32_t i = 0; i < count; i++) {
        sluice_image image{};
        if (sluice_result_image(result, i, &image) != SLUICE_OK || image.pixels == nullptr) {
            throw Napi::Error::New(env, "the engine gave no picture " + std::to_string(i));
        }
        Napi::Object picture = Napi::Object::New(env);
        picture.Set("width", image.width);
        picture.Set("height", image.height);
        picture.Set("pixels", copy_bytes(env, image.pixels, size_t(image.width) * image.height * 3));
        images.Set(i, picture);

        size_t elements = 0;
        const float* values = sluice_result_latents(result, i, &elements);
        Napi::Float32Array array = Napi::Float32Array::New(env, values ? elements : 0);
        if (values) std::memcpy(array.Data(), values, elements * sizeof(float));
        latents.Set(i, array);
    }
    sluice_figures figures{};
    sluice_result_figures(result, &figures);
    Napi::Object out = Napi::Object::New(env);
    out.Set("images", images);
    out.Set("latents", latents);
    out.Set("figures", figures_to_js(env, figures));
    return out;
}

Job::MakeResult paint_result(sluice_result* result) {
    const std::shared_ptr<sluice_result> owned(result, sluice_result_destroy);
    return [owned](Napi::Env env) { return result_to_js(env, owned.get()); };
}

}  // namespace sluice_addon
