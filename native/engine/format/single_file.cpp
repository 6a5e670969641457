#include "format/single_file.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "core/error.h"
#include "format/component.h"
#include "format/config_json.h"
#include "format/infer.h"
#include "format/names.h"
#include "format/recognise.h"
#include "format/weights.h"

namespace sluice {
namespace {

[[noreturn]] void throw_wrong_kind(const std::string& path, const std::string& expected,
                                   const Recognised& found) {
    throw Error(Status::input, "model-wrong-architecture",
                path + ": expected " + expected + ", found " + found.what,
                "Give a model of the kind that this place takes.");
}

[[noreturn]] void throw_lacks(const std::string& path, const std::string& part) {
    throw Error(Status::input, "model-incomplete", path + ": the checkpoint has no " + part,
                "Use a complete checkpoint.");
}

template <typename Config>
std::unique_ptr<WeightSource> load(const RawTensors& tensors, const Config& config,
                                   const OpenOptions& options, AssembleOptions assembly) {
    if (!options.need_weights) return nullptr;
    assembly.cache_dir = options.cache_dir;
    return assemble(expected_tensors(config), tensors, assembly);
}

// The config.json beside a lone file, where it is of the class that the file's tensors are of: then the file
// was taken from its folder, and heads and groups are known.
std::optional<nlohmann::json> config_beside(const std::string& path, const std::string& class_name) {
    const std::string beside = utf8_path(native_path(path).parent_path() / "config.json");
    if (!is_file(beside)) return std::nullopt;
    nlohmann::json json = read_json_object(beside);
    const auto found = json.find("_class_name");
    if (found == json.end() || !found->is_string() || *found != class_name) return std::nullopt;
    return json;
}

AssembleOptions unet_assembly(const std::string& path, const std::string& prefix, bool original, int layers) {
    AssembleOptions assembly{.network = "UNet", .path = path, .prefix = prefix};
    if (original)
        assembly.candidates = [layers](const std::string& canonical) {
            std::vector<std::string> names{original_unet_name(canonical, layers)};
            // A level without attention has its upsampler one place further up.
            if (const size_t at = names.front().find(".2.conv."); at != std::string::npos)
                names.push_back(std::string(names.front()).replace(at, 3, ".1."));
            return names;
        };
    return assembly;
}

void load_unet(const RawTensors& all, const std::string& prefix, bool original, const std::string& path,
               const OpenOptions& options, Model& model) {
    const RawTensors tensors = strip_prefix(all, prefix);
    std::optional<nlohmann::json> beside;
    if (!original) beside = config_beside(path, "UNet2DConditionModel");
    model.unet_config = original ? infer_original_unet(tensors, path)
                        : beside ? unet_config(*beside, path)
                                 : infer_diffusers_unet(tensors, path);
    model.unet = load(tensors, model.unet_config, options,
                      unet_assembly(path, prefix, original, model.unet_config.layers_per_block));
}

// A VAE's own tensors: training leaves its loss networks and averaged weights in the file.
RawTensors vae_part(const RawTensors& tensors) {
    RawTensors out;
    for (const auto& [name, tensor] : tensors)
        for (const char* root : {"encoder.", "decoder.", "quant_conv.", "post_quant_conv."})
            if (name.starts_with(root)) out.emplace(name, tensor);
    return out;
}

VaeModel load_vae(const RawTensors& all, const std::string& prefix, bool original, const std::string& path,
                  const OpenOptions& options) {
    const RawTensors tensors = vae_part(strip_prefix(all, prefix));
    if (tensors.empty()) throw_lacks(path, "VAE (" + prefix + "…)");
    VaeModel vae;
    std::optional<nlohmann::json> beside;
    if (!original) beside = config_beside(path, "AutoencoderKL");
    vae.config = original ? infer_original_vae(tensors, path)
                 : beside ? vae_config(*beside, path)
                          : infer_diffusers_vae(tensors, path);
    AssembleOptions assembly{.network = "VAE", .path = path, .prefix = prefix};
    const size_t levels = vae.config.block_out_channels.size();
    if (original)
        assembly.candidates = [levels](const std::string& canonical) {
            return std::vector<std::string>{original_vae_name(canonical, levels)};
        };
    else
        assembly.candidates = diffusers_vae_names;
    vae.weights = load(tensors, vae.config, options, assembly);
    return vae;
}

void load_text(const RawTensors& all, const std::string& prefix, const std::string& path,
               const OpenOptions& options, Model& model) {
    const RawTensors tensors = strip_prefix(all, prefix);
    if (tensors.empty()) throw_lacks(path, "text encoder (" + prefix + "…)");
    model.text_config = infer_text_encoder(tensors, path);
    model.text = load(tensors, model.text_config, options,
                      {.network = "text encoder",
                       .path = path,
                       .prefix = prefix,
                       .candidates = transformers_text_names,
                       .ignorable = ignorable_text_tensor});
}

void load_checkpoint(const RawTensors& tensors, const std::string& path, const OpenOptions& options,
                     Model& model) {
    if (options.text) load_text(tensors, "cond_stage_model.transformer.", path, options, model);
    if (options.unet) load_unet(tensors, "model.diffusion_model.", true, path, options, model);
    if (options.vae) {
        VaeModel vae = load_vae(tensors, "first_stage_model.", true, path, options);
        model.vae_config = vae.config;
        model.vae = std::move(vae.weights);
    }
}

}  // namespace

Model open_single_file(const std::string& path, const OpenOptions& options) {
    const RawTensors tensors = read_tensor_file(path);
    const Recognised found = recognise(tensors);
    Model model;
    model.path = path;
    model.scheduler_config = sd15_scheduler_config();
    const bool original = found.kind == FileKind::original_vae || found.kind == FileKind::original_unet;
    if (found.kind == FileKind::original_checkpoint) {
        load_checkpoint(tensors, path, options, model);
    } else if ((found.kind == FileKind::original_unet || found.kind == FileKind::diffusers_unet) &&
               options.unet) {
        load_unet(tensors, found.prefix, original, path, options, model);
    } else if ((found.kind == FileKind::original_vae || found.kind == FileKind::diffusers_vae) &&
               options.vae) {
        VaeModel vae = load_vae(tensors, found.prefix, original, path, options);
        model.vae_config = vae.config;
        model.vae = std::move(vae.weights);
    } else if (found.kind == FileKind::text_encoder && options.text) {
        load_text(tensors, found.prefix, path, options, model);
    } else {
        throw_wrong_kind(path, "a Stable Diffusion 1.x model", found);
    }
    return model;
}

VaeModel open_vae_file(const std::string& path, const OpenOptions& options) {
    const RawTensors tensors = read_tensor_file(path);
    const Recognised found = recognise(tensors);
    const bool checkpoint = found.kind == FileKind::original_checkpoint;
    if (!checkpoint && found.kind != FileKind::original_vae && found.kind != FileKind::diffusers_vae)
        throw_wrong_kind(path, "a VAE of Stable Diffusion 1.x", found);
    return load_vae(tensors, checkpoint ? "first_stage_model." : found.prefix,
                    found.kind != FileKind::diffusers_vae, path, options);
}

ControlNetModel open_controlnet_file(const std::string& path, const OpenOptions& options) {
    const RawTensors all = read_tensor_file(path);
    Recognised found = recognise(all);
    // The first published ControlNets hold a whole Stable Diffusion beside their own tensors.
    if (found.kind == FileKind::original_checkpoint && all.count("control_model.input_hint_block.0.weight"))
        found = {FileKind::original_controlnet, "control_model.", {}};
    ControlNetModel model;
    AssembleOptions assembly{.network = "ControlNet", .path = path, .prefix = found.prefix};
    const RawTensors tensors = strip_prefix(all, found.prefix);
    if (found.kind == FileKind::original_controlnet) {
        model.config = infer_original_controlnet(tensors, path);
        assembly.candidates = [config = model.config](const std::string& canonical) {
            return std::vector<std::string>{original_controlnet_name(canonical, config)};
        };
    } else if (found.kind == FileKind::diffusers_controlnet) {
        const auto beside = config_beside(path, "ControlNetModel");
        model.config = beside ? controlnet_config(*beside, path) : infer_diffusers_controlnet(tensors, path);
    } else {
        throw_wrong_kind(path, "a ControlNet of Stable Diffusion 1.x", found);
    }
    model.weights = load(tensors, model.config, options, assembly);
    return model;
}

}  // namespace sluice
