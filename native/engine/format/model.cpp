#include "format/model.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "core/error.h"
#include "format/component.h"
#include "format/config_json.h"
#include "format/names.h"
#include "format/single_file.h"
#include "format/weights.h"

namespace sluice {
namespace {

using Json = nlohmann::json;

[[noreturn]] void throw_missing(const std::string& path, const std::string& what, const std::string& hint) {
    throw Error(Status::input, "model-incomplete", path + ": " + what, hint);
}

// The configuration's tensors from a component's folder; null where weights are not asked for.
template <typename Config>
std::unique_ptr<WeightSource> load(const std::string& folder, const WeightStems& stems, const Config& config,
                                   const OpenOptions& options, AssembleOptions assembly) {
    if (!options.need_weights) return nullptr;
    const std::string weights = find_weights(folder, stems);
    if (weights.empty())
        throw_missing(folder,
                      "expected " + stems.safetensors +
                          ".safetensors (or .fp16, .bin, or shards with an index), "
                          "found none",
                      "Fetch the model's weights too.");
    assembly.path = weights;
    assembly.cache_dir = options.cache_dir;
    return assemble(expected_tensors(config), read_weights(weights), assembly);
}

void load_text(const std::string& folder, const OpenOptions& options, Model& model) {
    const std::string path = join(folder, "config.json");
    model.text_config = text_encoder_config(read_json_object(path), path);
    model.text = load(folder, transformers_stems, model.text_config, options,
                      {.network = "text encoder",
                       .candidates = transformers_text_names,
                       .ignorable = ignorable_text_tensor});
}

void load_unet(const std::string& folder, const OpenOptions& options, Model& model) {
    const std::string path = join(folder, "config.json");
    model.unet_config = unet_config(read_json_object(path), path);
    model.unet = load(folder, diffusers_stems, model.unet_config, options, {.network = "UNet"});
}

void load_vae(const std::string& folder, const OpenOptions& options, VaeConfig& config,
              std::unique_ptr<WeightSource>& weights) {
    const std::string path = join(folder, "config.json");
    config = vae_config(read_json_object(path), path);
    weights =
        load(folder, diffusers_stems, config, options, {.network = "VAE", .candidates = diffusers_vae_names});
}

void find_tokenizer(const std::string& folder, Model& model) {
    const auto take = [&](const char* name, std::string& to) {
        if (is_file(join(folder, name))) to = join(folder, name);
    };
    take("vocab.json", model.vocab_path);
    take("merges.txt", model.merges_path);
    take("tokenizer.json", model.tokenizer_json_path);
    if (model.vocab_path.empty() != model.merges_path.empty()) {
        if (model.tokenizer_json_path.empty())
            throw_missing(folder, "expected vocab.json and merges.txt, found only one of them",
                          "Fetch the model's tokenizer too.");
        model.vocab_path.clear();
        model.merges_path.clear();
    }
}

void load_scheduler(const std::string& folder, Model& model) {
    const std::string path = join(folder, "scheduler_config.json");
    model.scheduler_config =
        is_file(path) ? scheduler_config(read_json_object(path), path) : sd15_scheduler_config();
}

void refuse_other_pipeline(const std::string& path) {
    const Json index = read_json_object(path);
    const auto refuse = [&](const std::string& what) {
        throw Error(Status::input, "model-wrong-architecture",
                    path + ": expected a Stable Diffusion 1.x pipeline, found " + what,
                    "Use a model of Stable Diffusion 1.x's architecture.");
    };
    const auto has = [&](const char* key) {
        const auto found = index.find(key);
        return found != index.end() && found->is_array() && !found->empty() && !found->front().is_null();
    };
    const auto name = index.find("_class_name");
    const std::string kind = name != index.end() && name->is_string() ? name->get<std::string>()
                                                                      : std::string("an unnamed pipeline");
    if (has("text_encoder_2") || has("transformer") || has("prior") || kind.starts_with("StableDiffusionXL"))
        refuse(kind);
}

Model open_pipeline(const std::string& path, const OpenOptions& options) {
    if (const std::string index = join(path, "model_index.json"); is_file(index))
        refuse_other_pipeline(index);
    Model model;
    model.path = path;
    const auto part = [&](const char* name) {
        const std::string folder = join(path, name);
        if (!is_file(join(folder, "config.json")))
            throw_missing(path, std::string("expected a folder ") + name + " with a config.json, found none",
                          "Fetch the whole model, or name a folder in diffusers' layout.");
        return folder;
    };
    if (options.text) load_text(part("text_encoder"), options, model);
    if (options.unet) load_unet(part("unet"), options, model);
    if (options.vae) load_vae(part("vae"), options, model.vae_config, model.vae);
    load_scheduler(join(path, "scheduler"), model);
    find_tokenizer(join(path, "tokenizer"), model);
    return model;
}

// What a component's own folder holds, by its configuration.
std::string component_class(const std::string& folder) {
    const std::string path = join(folder, "config.json");
    if (!is_file(path)) return {};
    const Json json = read_json_object(path);
    const auto text = [&](const char* key) {
        const auto found = json.find(key);
        return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    if (const std::string name = text("_class_name"); !name.empty()) return name;
    if (const std::string type = text("model_type"); type == "clip_text_model" || type == "clip")
        return "CLIPTextModel";
    return "a network of an unknown class";
}

Model open_component(const std::string& path, const std::string& kind, const OpenOptions& options) {
    Model model;
    model.path = path;
    model.scheduler_config = sd15_scheduler_config();
    if (kind == "UNet2DConditionModel" && options.unet) {
        load_unet(path, options, model);
    } else if (kind == "AutoencoderKL" && options.vae) {
        load_vae(path, options, model.vae_config, model.vae);
    } else if (kind == "CLIPTextModel" && options.text) {
        load_text(path, options, model);
        const auto parent = std::filesystem::absolute(native_path(path)).lexically_normal().parent_path();
        find_tokenizer(join(utf8_path(parent), "tokenizer"), model);
    } else {
        throw Error(
            Status::input, "model-wrong-architecture",
            path +
                ": expected a folder of a Stable Diffusion 1.x model or of the component asked for, found " +
                kind,
            kind == "ControlNetModel" ? "Give a ControlNet as a control's model." : "Name another folder.");
    }
    return model;
}

[[noreturn]] void throw_unknown_folder(const std::string& path, const std::string& expected) {
    throw Error(Status::input, "model-unknown", path + ": expected " + expected + ", found none",
                "Name a folder in diffusers' layout, or a .safetensors or .ckpt file.");
}

void require_exists(const std::string& path) {
    if (!is_folder(path) && !is_file(path))
        throw Error(Status::input, "model-missing", path + ": no such file or folder",
                    "Check the model's path.");
}

}  // namespace

Model open_model(const std::string& path, const OpenOptions& options) {
    if (path == "sd15" && !options.need_weights) {
        Model model;
        model.path = path;
        model.scheduler_config = sd15_scheduler_config();
        return model;
    }
    require_exists(path);
    if (is_file(path)) return open_single_file(path, options);
    if (is_file(join(path, "model_index.json")) || is_file(join(path, "unet/config.json")))
        return open_pipeline(path, options);
    if (const std::string kind = component_class(path); !kind.empty())
        return open_component(path, kind, options);
    if (is_file(join(path, "vocab.json")) || is_file(join(path, "tokenizer.json"))) {
        Model model;
        model.path = path;
        model.scheduler_config = sd15_scheduler_config();
        find_tokenizer(path, model);
        return model;
    }
    throw_unknown_folder(path, "a model_index.json or a config.json");
}

VaeModel open_vae(const std::string& path, const OpenOptions& options) {
    require_exists(path);
    if (is_file(path)) return open_vae_file(path, options);
    VaeModel model;
    for (const std::string& folder : {path, join(path, "vae")})
        if (is_file(join(folder, "config.json"))) {
            load_vae(folder, options, model.config, model.weights);
            return model;
        }
    throw_unknown_folder(path, "a VAE's config.json");
}

ControlNetModel open_controlnet(const std::string& path, const OpenOptions& options) {
    if (path == "sd15" && !options.need_weights) return {};  // the configuration's defaults are SD 1.5's
    require_exists(path);
    if (is_file(path)) return open_controlnet_file(path, options);
    for (const std::string& folder : {path, join(path, "controlnet")}) {
        const std::string config = join(folder, "config.json");
        if (!is_file(config)) continue;
        ControlNetModel model;
        model.config = controlnet_config(read_json_object(config), config);
        model.weights = load(folder, diffusers_stems, model.config, options, {.network = "ControlNet"});
        return model;
    }
    throw_unknown_folder(path, "a ControlNet's config.json");
}

}  // namespace sluice
