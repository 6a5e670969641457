#include "convert.h"

#include <cmath>

namespace sluice_addon {

Fields::Fields(const Napi::Value& value, std::string where) : where_(std::move(where)) {
    if (!value.IsObject()) throw Napi::TypeError::New(value.Env(), where_ + ": expected an object");
    object_ = value.As<Napi::Object>();
}

Napi::Value Fields::value(const char* name) const { return object_.Get(name); }

bool Fields::absent(const char* name) const {
    const Napi::Value v = value(name);
    return v.IsNull() || v.IsUndefined();
}

std::string Fields::text(const char* name) const {
    const Napi::Value v = value(name);
    if (!v.IsString()) throw Napi::TypeError::New(v.Env(), label(name) + ": expected a string");
    std::string text = v.As<Napi::String>().Utf8Value();
    // C strings end at the first 0: a text that holds one would silently lose its rest.
    if (text.find('\0') != std::string::npos) {
        throw Napi::RangeError::New(v.Env(), label(name) + ": a text must not contain the character 0");
    }
    return text;
}

std::optional<std::string> Fields::optional_text(const char* name) const {
    if (absent(name)) return std::nullopt;
    return text(name);
}

double Fields::number(const char* name) const {
    const Napi::Value v = value(name);
    if (!v.IsNumber()) throw Napi::TypeError::New(v.Env(), label(name) + ": expected a number");
    const double d = v.As<Napi::Number>().DoubleValue();
    if (!std::isfinite(d)) throw Napi::RangeError::New(v.Env(), label(name) + ": expected a finite number");
    return d;
}

uint64_t Fields::whole(const char* name, uint64_t max) const {
    const double d = number(name);
    if (d < 0 || d != std::floor(d) || d > 9007199254740991.0 || uint64_t(d) > max) {
        throw Napi::RangeError::New(object_.Env(), label(name) + ": expected an integer from 0 to " +
                                                       std::to_string(max) + ", found " + std::to_string(d));
    }
    return uint64_t(d);
}

bool Fields::boolean(const char* name) const {
    const Napi::Value v = value(name);
    if (!v.IsBoolean()) throw Napi::TypeError::New(v.Env(), label(name) + ": expected true or false");
    return v.As<Napi::Boolean>().Value();
}

Pixels read_pixels(const Napi::Value& value, const std::string& where, uint32_t channels) {
    const Fields fields(value, where);
    Pixels pixels;
    pixels.width = uint32_t(fields.whole("width", 1u << 16));
    pixels.height = uint32_t(fields.whole("height", 1u << 16));
    const Napi::Value bytes = fields.value("pixels");
    if (!bytes.IsTypedArray() || bytes.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
        throw Napi::TypeError::New(value.Env(), where + ".pixels: expected a Uint8Array");
    }
    const auto array = bytes.As<Napi::Uint8Array>();
    const size_t expected = size_t(pixels.width) * pixels.height * channels;
    if (array.ByteLength() != expected || expected == 0) {
        throw Napi::RangeError::New(value.Env(), where + ".pixels: expected " + std::to_string(pixels.width) + " x " +
                                                     std::to_string(pixels.height) + " x " + std::to_string(channels) +
                                                     " bytes, found " + std::to_string(array.ByteLength()));
    }
    pixels.bytes.assign(array.Data(), array.Data() + expected);
    return pixels;
}

sluice_memory read_memory(const Fields& fields) {
    sluice_memory memory{};
    memory.budget_bytes = fields.whole("budgetBytes", 1ull << 50);
    const std::string precision = fields.text("precision");
    if (precision == "auto") {
        memory.precision = SLUICE_PRECISION_AUTO;
    } else if (precision == "fp32") {
        memory.precision = SLUICE_FP32;
    } else if (precision == "fp16") {
        memory.precision = SLUICE_FP16;
    } else {
        throw Napi::RangeError::New(fields.value("precision").Env(),
                                    fields.label("precision") + ": expected auto, fp32 or fp16, found " + precision);
    }
    return memory;
}

Napi::Error to_js(Napi::Env env, const sluice_error& error) {
    const std::string message = error.message[0] ? error.message : "the engine failed without a message";
    Napi::Error js = Napi::Error::New(env, message);
    js.Set("status", Napi::Number::New(env, error.status));
    js.Set("code", Napi::String::New(env, error.code[0] ? error.code : "internal"));
    js.Set("hint", Napi::String::New(env, error.hint));
    return js;
}

std::string take(char* text) {
    std::string copy = text ? text : "";
    sluice_string_free(text);
    return copy;
}

}  // namespace sluice_addon
