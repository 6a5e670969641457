// The C boundary: checks arguments, turns exceptions into sluice_error, owns nothing but contexts and results.
#include <atomic>
#include <chrono>
#include <cstring>
#include <new>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "format/inspect.h"
#include "pipeline/paint.h"
#include "pipeline/plan_report.h"
#include "pipeline/probe.h"
#include "pipeline/sampler.h"
#include "pipeline/tune.h"
#include "sluice.h"

struct sluice_context {
    std::string selector;
    bool adopted = false;                        // the device is the host's
    std::unique_ptr<sluice::vk::Device> device;  // null: lost by an earlier job
    std::unique_ptr<sluice::Warm> warm;  // null: nothing is kept between jobs
    std::string cache_dir, resource_dir;
    std::atomic<bool> cancel{false};
};

struct sluice_result {
    sluice::PaintResult painted;
};

namespace {

using namespace sluice;
using nlohmann::json;

static_assert(int(Status::cancelled) == SLUICE_CANCELLED && int(Status::device) == SLUICE_DEVICE &&
              int(Status::input) == SLUICE_INPUT && int(Status::usage) == SLUICE_USAGE);

// Cuts at a character's start, so that the text stays valid UTF-8.
void copy_text(char* to, size_t size, const std::string& text) {
    size_t n = std::min(size - 1, text.size());
    if (n < text.size())
        while (n > 0 && (static_cast<unsigned char>(text[n]) & 0xc0) == 0x80) n--;
    std::memcpy(to, text.data(), n);
    to[n] = 0;
}

sluice_status report(sluice_error* error, Status status, const std::string& code, const std::string& message,
                     const std::string& hint) {
    if (error) {
        error->status = sluice_status(int(status));
        copy_text(error->code, sizeof error->code, code);
        copy_text(error->message, sizeof error->message, message);
        copy_text(error->hint, sizeof error->hint, hint);
    }
    return sluice_status(int(status));
}

template <typename F>
sluice_status guarded(sluice_error* error, F action) {
    if (error) std::memset(error, 0, sizeof *error);
    try {
        action();
        return SLUICE_OK;
    } catch (const Error& e) {
        return report(error, e.status, e.code, e.what(), e.hint);
    } catch (const std::bad_alloc&) {
        return report(error, Status::device, "out-of-memory", "the computer's memory is exhausted",
                      "close other programs, or paint a smaller picture");
    } catch (const std::exception& e) {
        return report(error, Status::internal, "internal", e.what(), "please report this");
    }
}

void need(bool condition, const char* what) {
    if (!condition) throw Error(Status::usage, "bad-argument", std::string("missing or invalid argument: ") + what);
}

std::string text_of(const char* text) { return text ? text : ""; }

char* own(const std::string& text) {
    char* copy = new char[text.size() + 1];
    std::memcpy(copy, text.c_str(), text.size() + 1);
    return copy;
}

PixelImage image_of(const sluice_image& image, size_t channels, const char* what) {
    need(image.pixels && image.width > 0 && image.height > 0 && image.width <= 65536 && image.height <= 65536, what);
    const size_t bytes = size_t(image.width) * size_t(image.height) * channels;
    return {int(image.width), int(image.height), std::vector<uint8_t>(image.pixels, image.pixels + bytes)};
}

PaintRequest request_of(const sluice_paint_desc& d, bool with_pixels) {
    // Hosts built before prompt_syntax and loras were there end where these begin.
    need(d.size >= offsetof(sluice_paint_desc, prompt_syntax), "sluice_paint_desc.size");
    PaintRequest r;
    need(d.model, "model");
    r.model = d.model;
    r.vae = text_of(d.vae);
    r.prompt = text_of(d.prompt);
    r.negative = text_of(d.negative);
    if (d.size >= sizeof d) {
        need(d.prompt_syntax == SLUICE_PROMPT_LITERAL || d.prompt_syntax == SLUICE_PROMPT_A1111, "prompt_syntax");
        if (d.prompt_syntax == SLUICE_PROMPT_A1111) r.syntax = PromptSyntax::a1111;
        need(d.lora_count == 0 || d.loras, "loras");
        for (uint32_t i = 0; i < d.lora_count; i++) {
            need(d.loras[i].path, "LoRA's path");
            r.loras.push_back({d.loras[i].path, d.loras[i].strength});
        }
    }
    need(d.width <= 65536 && d.height <= 65536, "size");
    r.width = int(d.width);
    r.height = int(d.height);
    r.steps = int(std::min<uint32_t>(d.steps, 1 << 20));
    r.cfg = d.cfg;
    r.sampler = d.sampler ? d.sampler : "euler";
    r.schedule = text_of(d.schedule);
    r.seed = d.seed;
    r.count = int(std::min<uint32_t>(d.count, 1 << 20));
    r.clip_skip = int(std::min<uint32_t>(d.clip_skip, 1 << 20));
    r.vae_tiling = d.vae_tiling != 0;
    r.strength = d.strength;
    need(d.control_count == 0 || d.controls, "controls");
    for (uint32_t i = 0; i < d.control_count; i++) {
        const sluice_control& c = d.controls[i];
        need(c.model, "control's model");
        PaintControl control{c.model, {}, c.strength, c.start, c.end};
        if (with_pixels) control.hint = image_of(c.hint, 3, "control image");
        r.controls.push_back(std::move(control));
    }
    if (d.init) r.init = with_pixels ? image_of(*d.init, 3, "initial image") : PixelImage{};
    if (d.mask && with_pixels) r.mask = image_of(*d.mask, 1, "mask");
    if (d.latents && with_pixels && d.width % 8 == 0 && d.height % 8 == 0)
        r.latents.assign(d.latents, d.latents + size_t(4) * (d.width / 8) * (d.height / 8));
    r.preview_every = int(std::min<uint32_t>(d.preview_every, 1 << 20));
    r.trace = text_of(d.trace);
    r.memory = {d.memory.budget_bytes, int(d.memory.precision)};
    return r;
}

void open_device(sluice_context& context) {
    context.device = vk::Device::open(context.selector, context.cache_dir);
    load_tiles(*context.device, context.cache_dir);
}

// Calls `action` with the context's device. Nothing works on a lost device any more, so that it goes with everything
// that was kept on it, and the next call opens it anew.
template <typename F>
void on_device(sluice_context& context, F action) {
    if (!context.device && context.adopted)
        throw Error(Status::device, "device-lost", "the host's device was lost in an earlier call",
                    "Destroy the context, make a new VkDevice and a new context.");
    if (!context.device) open_device(context);
    try {
        action(*context.device);
    } catch (const Error& e) {
        if (e.code == "device-lost") {
            if (context.warm) context.warm->clear();
            context.device.reset();
        }
        throw;
    }
}

}  // namespace

sluice_status sluice_context_create(const sluice_context_desc* desc, sluice_context** out, sluice_error* error) {
    return guarded(error, [&] {
        need(desc && out && desc->size >= sizeof(sluice_context_desc), "desc, out");
        need(desc->cache_dir && desc->cache_dir[0], "cache_dir");
        auto context = std::make_unique<sluice_context>();
        context->cache_dir = desc->cache_dir;
        context->resource_dir = text_of(desc->resource_dir);
        if (desc->keep_warm) context->warm = std::make_unique<Warm>();
        if (desc->vk_device) {
            need(desc->vk_instance && desc->vk_physical_device && desc->vk_queue, "all four Vulkan handles");
            vk::HostDevice host{};
            host.instance = VkInstance(desc->vk_instance);
            host.physical = VkPhysicalDevice(desc->vk_physical_device);
            host.device = VkDevice(desc->vk_device);
            host.queue = VkQueue(desc->vk_queue);
            host.family = desc->vk_queue_family;
            host.fp16 = desc->vk_fp16 != 0;
            host.get_instance_proc_addr =
                reinterpret_cast<PFN_vkGetInstanceProcAddr>(desc->vk_get_instance_proc_addr);
            context->adopted = true;
            context->device = vk::Device::adopt(host, context->cache_dir);
            load_tiles(*context->device, context->cache_dir);
        } else {
            context->selector = text_of(desc->device);
            open_device(*context);
        }
        *out = context.release();
    });
}

void sluice_context_destroy(sluice_context* context) { delete context; }

void sluice_context_trim(sluice_context* context) {
    if (context && context->warm) context->warm->clear();
}

void sluice_string_free(char* text) { delete[] text; }

sluice_status sluice_devices_json(char** out, sluice_error* error) {
    return guarded(error, [&] {
        need(out, "out");
        json list = json::array();
        for (const vk::DeviceInfo& info : vk::enumerate()) list.push_back(json::parse(info.json));
        *out = own(list.dump());
    });
}

void sluice_job_cancel(sluice_context* context) {
    if (context) context->cancel = true;
}

sluice_status sluice_paint(sluice_context* context, const sluice_paint_desc* desc, const sluice_callbacks* callbacks,
                           sluice_result** out, sluice_error* error) {
    return guarded(error, [&] {
        need(context && desc && out, "context, desc, out");
        context->cancel = false;
        const PaintRequest request = request_of(*desc, true);
        const auto start = std::chrono::steady_clock::now();
        PaintHooks hooks;
        hooks.cancelled = [context] { return context->cancel.load(); };
        if (callbacks && callbacks->progress)
            hooks.progress = [&](const char* stage, int step, int steps) {
                const double s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
                const sluice_progress p{stage, uint32_t(step), uint32_t(steps), s};
                callbacks->progress(callbacks->user, &p);
            };
        if (callbacks && callbacks->preview)
            hooks.preview = [&](int step, const PixelImage& image) {
                const sluice_image i{uint32_t(image.width), uint32_t(image.height), image.pixels.data()};
                callbacks->preview(callbacks->user, uint32_t(step), &i);
            };
        if (callbacks && callbacks->notice)
            hooks.notice = [&](const std::string& text) { callbacks->notice(callbacks->user, text.c_str()); };
        auto result = std::make_unique<sluice_result>();
        on_device(*context, [&](vk::Device& device) {
            result->painted =
                paint(device, context->cache_dir, context->resource_dir, request, hooks, context->warm.get());
        });
        *out = result.release();
    });
}

uint32_t sluice_result_count(const sluice_result* result) {
    return result ? uint32_t(result->painted.pictures.size()) : 0;
}

sluice_status sluice_result_image(const sluice_result* result, uint32_t index, sluice_image* out) {
    if (!result || !out || index >= result->painted.pictures.size()) return SLUICE_USAGE;
    const PixelImage& image = result->painted.pictures[index].image;
    *out = {uint32_t(image.width), uint32_t(image.height), image.pixels.data()};
    return SLUICE_OK;
}

const float* sluice_result_latents(const sluice_result* result, uint32_t index, size_t* element_count) {
    if (!result || index >= result->painted.pictures.size()) return nullptr;
    const auto& latents = result->painted.pictures[index].latents;
    if (element_count) *element_count = latents.size();
    return latents.data();
}

void sluice_result_figures(const sluice_result* result, sluice_figures* out) {
    if (!result || !out) return;
    const PaintResult& p = result->painted;
    std::memset(out, 0, sizeof *out);
    out->seconds = p.seconds;
    out->load_seconds = p.load_seconds;
    out->encode_seconds = p.encode_seconds;
    out->decode_seconds = p.decode_seconds;
    out->step_seconds = p.step_seconds.data();
    out->step_count = uint32_t(p.step_seconds.size());
    out->peak_device_bytes = p.peak_device_bytes;
    out->driver_peak_bytes = p.driver_peak_bytes;
    out->in_place_bytes = p.in_place_bytes;
    out->budget_bytes = p.budget_bytes;
    out->uploaded_bytes = p.uploaded_bytes;
    out->predicted_peak_bytes = p.predicted_peak_bytes;
    out->cold = p.cold;
    copy_text(out->device, sizeof out->device, p.device);
    copy_text(out->precision, sizeof out->precision, p.precision);
}

void sluice_result_destroy(sluice_result* result) { delete result; }

// What a plan has to know of the device with that index.
static void describe_device(const std::string& index, PlanQuestion& q) {
    for (const vk::DeviceInfo& info : vk::enumerate()) {
        if (std::to_string(info.index) != index) continue;
        q.traits = info.traits;
        q.available_bytes = info.budget_bytes;
        q.can_import = json::parse(info.json).at("features").value("host_memory_import", false);
        return;
    }
    throw Error(Status::device, "no-such-device", "there is no device with the index " + index,
                "see the list of devices");
}

sluice_status sluice_plan_json(const sluice_plan_desc* desc, char** out, sluice_error* error) {
    return guarded(error, [&] {
        need(desc && desc->job && out && desc->size >= sizeof(sluice_plan_desc), "desc, out");
        PlanQuestion q;
        q.request = request_of(*desc->job, false);
        q.traits.fp16 = desc->job->memory.precision != SLUICE_FP32;
        if (desc->device) describe_device(desc->device, q);
        if (desc->max_storage_buffer_range) q.traits.max_storage_range = desc->max_storage_buffer_range;
        q.link_bytes_per_second = desc->link_bytes_per_second;
        q.flops_per_second = desc->flops_per_second;
        *out = own(plan_report(q, ""));
    });
}

// A pass of one network, and its figures as JSON.
static std::string probe_on(vk::Device& device, const sluice_context& context, const sluice_probe_desc& desc) {
    device.reset_peak();
    const ProbeTensors in = read_probe_tensors(desc.in_path);
    Job job(device, context.cache_dir, {desc.memory.budget_bytes, int(desc.memory.precision)},
            {[&context] { return context.cancel.load(); }, nullptr}, nullptr);
    double seconds = 0;
    const auto evaluate = [&](const StageDescription& d, const std::map<std::string, std::vector<float>>& inputs,
                              const std::vector<std::string>& outputs) {
        auto stage = job.stage(d, job.precision());
        for (const auto& [name, values] : inputs) stage->set_input(name, values);
        const auto start = std::chrono::steady_clock::now();
        stage->run(job.control(), false);
        seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        std::vector<std::vector<float>> results;
        for (const std::string& name : outputs) results.push_back(stage->output(name));
        job.retire(std::move(stage));
        return results;
    };
    const ProbeTensors result = probe(desc.network, desc.model, context.cache_dir, in, evaluate);
    write_probe_tensors(desc.out_path, result);
    return json{{"seconds", seconds}, {"peak_device_bytes", device.peak_device_bytes()},
                {"predicted_peak_bytes", job.predicted_peak}, {"in_place_bytes", job.in_place_bytes},
                {"uploaded_bytes", job.uploaded_bytes}, {"device", device.info().name},
                {"precision", job.precision() == Precision::fp16 ? "fp16" : "fp32"}}
        .dump();
}

sluice_status sluice_probe(sluice_context* context, const sluice_probe_desc* desc, char** out, sluice_error* error) {
    return guarded(error, [&] {
        need(context && desc && out && desc->size >= sizeof(sluice_probe_desc), "context, desc, out");
        need(desc->network && desc->model && desc->in_path && desc->out_path, "network, model, in, out");
        context->cancel = false;
        if (context->warm) context->warm->clear();  // a pass of one network is measured by itself
        on_device(*context, [&](vk::Device& device) { *out = own(probe_on(device, *context, *desc)); });
    });
}

sluice_status sluice_tokenize(const char* resource_dir, const char* model, const char* text, int32_t ids[77],
                              sluice_error* error) {
    return guarded(error, [&] {
        need(text && ids, "text, ids");
        Model opened;
        if (model) {
            OpenOptions options;
            options.need_weights = false;
            opened = open_model(model, options);
        }
        const Tokenizer tokenizer = load_tokenizer(model ? &opened : nullptr, text_of(resource_dir));
        const std::vector<int> row = tokenizer.encode_77(text);
        std::copy(row.begin(), row.end(), ids);
    });
}

sluice_status sluice_inspect_json(const char* path, int verify_tensors, char** out, sluice_error* error) {
    return guarded(error, [&] {
        need(path && out, "path, out");
        *out = own(verify_tensors ? verify_json(path) : inspect_json(path));
    });
}

sluice_status sluice_samplers_json(char** out, sluice_error* error) {
    return guarded(error, [&] {
        need(out, "out");
        json list = json::array();
        for (const SamplerInfo& s : list_samplers())
            list.push_back({{"name", s.name}, {"label", s.label}, {"reference", s.reference}, {"schedules", s.schedules}});
        *out = own(list.dump());
    });
}

sluice_status sluice_resolve_sampler_json(const char* sampler, const char* schedule, char** out, sluice_error* error) {
    return guarded(error, [&] {
        need(sampler, "sampler");
        need(schedule, "schedule");
        need(out, "out");
        const SamplerChoice choice = resolve_sampler(sampler, schedule);
        *out = own(json{{"sampler", choice.sampler}, {"schedule", choice.schedule}}.dump());
    });
}
