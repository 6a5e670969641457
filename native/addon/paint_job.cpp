#include "paint_job.h"

namespace sluice_addon {

static const char* c_str(const std::optional<std::string>& text) { return text ? text->c_str() : nullptr; }

PaintJob::PaintJob(const Napi::Value& value, bool with_pixels) {
    const Fields fields(value, "paint");
    model_ = fields.text("model");
    vae_ = fields.optional_text("vae");
    prompt_ = fields.text("prompt");
    negative_ = fields.text("negative");
    sampler_ = fields.text("sampler");
    schedule_ = fields.text("schedule");
    trace_ = fields.optional_text("trace");

    desc_.size = sizeof desc_;
    desc_.model = model_.c_str();
    desc_.vae = c_str(vae_);
    desc_.prompt = prompt_.c_str();
    desc_.negative = negative_.c_str();
    desc_.sampler = sampler_.c_str();
    desc_.schedule = schedule_.c_str();
    desc_.trace = c_str(trace_);
    desc_.width = uint32_t(fields.whole("width", 1u << 16));
    desc_.height = uint32_t(fields.whole("height", 1u << 16));
    desc_.steps = uint32_t(fields.whole("steps", 100000));
    desc_.cfg = float(fields.number("cfg"));
    desc_.seed = fields.whole("seed", UINT64_MAX);
    desc_.count = uint32_t(fields.whole("count", 4096));
    const std::string syntax = fields.text("promptSyntax");
    if (syntax != "literal" && syntax != "a1111") {
        throw Napi::TypeError::New(value.Env(), "paint.promptSyntax: expected literal or a1111");
    }
    desc_.prompt_syntax = syntax == "a1111" ? SLUICE_PROMPT_A1111 : SLUICE_PROMPT_LITERAL;
    desc_.clip_skip = uint32_t(fields.whole("clipSkip", 1024));
    desc_.vae_tiling = fields.boolean("vaeTiling");
    desc_.strength = fields.number("strength");
    desc_.preview_every = uint32_t(fields.whole("previewEvery", 100000));
    desc_.memory = read_memory(fields);

    read_loras(fields);
    read_controls(fields, with_pixels);
    if (with_pixels) read_images(fields);
}

void PaintJob::read_controls(const Fields& fields, bool with_pixels) {
    const Napi::Value list = fields.value("controls");
    if (!list.IsArray()) throw Napi::TypeError::New(list.Env(), "paint.controls: expected an array");
    const auto array = list.As<Napi::Array>();
    const uint32_t count = array.Length();
    if (count > 64) throw Napi::RangeError::New(list.Env(), "paint.controls: at most 64");
    // Reserved first: the structs point at the strings.
    control_models_.reserve(count);
    hints_.reserve(count);
    for (uint32_t i = 0; i < count; i++) {
        const std::string where = "paint.controls[" + std::to_string(i) + "]";
        const Fields control(array.Get(i), where);
        control_models_.push_back(control.text("model"));
        hints_.push_back(with_pixels ? read_pixels(control.value("hint"), where + ".hint", 3) : Pixels{});
        if (with_pixels && (hints_[i].width != desc_.width || hints_[i].height != desc_.height)) {
            throw Napi::RangeError::New(list.Env(), where + ".hint: expected the picture's size");
        }
        sluice_control c{};
        c.model = control_models_[i].c_str();
        c.hint = hints_[i].view();
        c.strength = float(control.number("strength"));
        c.start = control.number("start");
        c.end = control.number("end");
        controls_.push_back(c);
    }
    desc_.controls = controls_.data();
    desc_.control_count = count;
}

void PaintJob::read_loras(const Fields& fields) {
    const Napi::Value list = fields.value("loras");
    if (!list.IsArray()) throw Napi::TypeError::New(list.Env(), "paint.loras: expected an array");
    const auto array = list.As<Napi::Array>();
    const uint32_t count = array.Length();
    if (count > 64) throw Napi::RangeError::New(list.Env(), "paint.loras: at most 64");
    lora_paths_.reserve(count);  // the structs point at the strings
    for (uint32_t i = 0; i < count; i++) {
        const Fields lora(array.Get(i), "paint.loras[" + std::to_string(i) + "]");
        lora_paths_.push_back(lora.text("path"));
        loras_.push_back({lora_paths_[i].c_str(), float(lora.number("strength"))});
    }
    desc_.loras = loras_.data();
    desc_.lora_count = count;
}

void PaintJob::read_images(const Fields& fields) {
    const auto read = [&](const char* name, uint32_t channels, Pixels& pixels, sluice_image& view) {
        if (fields.absent(name)) return static_cast<const sluice_image*>(nullptr);
        pixels = read_pixels(fields.value(name), fields.label(name), channels);
        if (pixels.width != desc_.width || pixels.height != desc_.height) {
            throw Napi::RangeError::New(fields.value(name).Env(), fields.label(name) + ": expected the picture's size");
        }
        view = pixels.view();
        return static_cast<const sluice_image*>(&view);
    };
    desc_.init = read("init", 3, init_, init_view_);
    desc_.mask = read("mask", 1, mask_, mask_view_);

    if (fields.absent("latents")) return;
    const Napi::Value latents = fields.value("latents");
    if (!latents.IsTypedArray() || latents.As<Napi::TypedArray>().TypedArrayType() != napi_float32_array) {
        throw Napi::TypeError::New(latents.Env(), "paint.latents: expected a Float32Array");
    }
    const auto array = latents.As<Napi::Float32Array>();
    const size_t expected = size_t(4) * (desc_.height / 8) * (desc_.width / 8);
    if (array.ElementLength() != expected) {
        throw Napi::RangeError::New(latents.Env(), "paint.latents: expected " + std::to_string(expected) +
                                                       " values, found " + std::to_string(array.ElementLength()));
    }
    latents_.assign(array.Data(), array.Data() + expected);
    desc_.latents = latents_.data();
}

}  // namespace sluice_addon
