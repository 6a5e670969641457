#include "format/inspect.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/platform/file.h"
#include "format/component.h"
#include "format/config_json.h"
#include "format/model.h"
#include "format/recognise.h"

namespace sluice {
namespace {

using Json = nlohmann::json;

constexpr int64_t chunk_elements = int64_t(1) << 20;
constexpr char use_another[] = "Use a model or ControlNet of Stable Diffusion 1.x.";

std::string common_dtype(const std::string& a, const std::string& b) {
    if (a.empty() || a == b) return b;
    return b.empty() ? a : "mixed";
}

// The first tensor that cannot be read or holds NaN or infinity ends it.
void verify_weights(const WeightSource& weights) {
    std::vector<float> buffer;
    for (const TensorInfo& tensor : weights.tensors()) {
        const int64_t count = tensor.elements();
        for (int64_t done = 0; done < count; done += chunk_elements) {
            buffer.resize(size_t(std::min(chunk_elements, count - done)));
            weights.read(tensor.name, done, buffer);
        }
    }
}

class Inspector {
  public:
    Inspector(Inspection& result, bool verify) : result_(result), verify_(verify) {}

    // What goes wrong becomes a problem; the other networks are still looked at.
    template <typename F>
    void attempt(F action) {
        try {
            action();
        } catch (const Error& error) {
            problem(error.what(), error.hint);
        }
    }
    void problem(const std::string& text, const std::string& hint) {
        result_.problems.push_back(text);
        result_.hints.push_back(hint);
    }
    void add(const std::string& name, const WeightSource& weights) {
        NetworkReport report{name, weights.path()};
        for (const TensorInfo& tensor : weights.tensors()) count(report, tensor);
        add_up(report);
        if (verify_) attempt([&] { verify_weights(weights); });
    }
    // Of no network by itself: tensors as the file has them.
    void add_tensors(const std::string& name, const std::string& path, const RawTensors& tensors) {
        NetworkReport report{name, path};
        std::vector<float> buffer;
        for (const auto& [key, tensor] : tensors) {
            count(report, tensor);
            for (int64_t done = 0; verify_ && done < tensor.elements(); done += chunk_elements) {
                buffer.resize(size_t(std::min(chunk_elements, tensor.elements() - done)));
                read_raw(tensor, done, buffer);
                if (first_not_finite(buffer) < 0) continue;
                problem(path + ": tensor " + key + " holds NaN or infinity", "Fetch the file again, or use another.");
                break;
            }
        }
        add_up(report);
    }
    void add_parts(const std::string& path, bool text, bool unet, bool vae) {
        // One by one, so that a fault in one network does not hide the others.
        const auto part = [&](OpenOptions options) {
            attempt([&] {
                const Model model = open_model(path, options);
                if (model.text) add("text_encoder", *model.text);
                if (model.unet) {
                    result_.default_size = model.unet_config.sample_size * 8;
                    add("unet", *model.unet);
                }
                if (model.vae) add("vae", *model.vae);
            });
        };
        if (text) part({.text = true, .unet = false, .vae = false});
        if (unet) part({.text = false, .unet = true, .vae = false});
        if (vae) part({.text = false, .unet = false, .vae = true});
    }
    void add_controlnet(const std::string& name, const std::string& path) {
        attempt([&] { add(name, *open_controlnet(path, {}).weights); });
    }

  private:
    // A TensorInfo or a RawTensor.
    template <typename T>
    static void count(NetworkReport& report, const T& tensor) {
        ++report.tensors;
        report.parameters += tensor.elements();
        report.bytes += tensor.elements() * int64_t(dtype_size(tensor.dtype));
        report.dtype = common_dtype(report.dtype, dtype_name(tensor.dtype));
    }
    void add_up(const NetworkReport& report) {
        result_.parameters += report.parameters;
        result_.bytes += report.bytes;
        result_.dtype = common_dtype(result_.dtype, report.dtype);
        result_.networks.push_back(report);
    }

    Inspection& result_;
    bool verify_;
};

std::string text_of(const Json& json, const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string find_licence(const std::string& folder) {
    std::vector<std::string> found;
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator(native_path(folder), failed)) {
        std::string name = utf8_path(entry.path().filename());
        std::transform(name.begin(), name.end(), name.begin(),
                       [](unsigned char c) { return char(std::tolower(c)); });
        if (name.starts_with("license") || name.starts_with("licence") || name.starts_with("copying"))
            found.push_back(utf8_path(entry.path()));
    }
    return found.empty() ? std::string() : *std::min_element(found.begin(), found.end());
}

std::vector<std::string> subfolders(const std::string& folder) {
    std::vector<std::string> names;
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator(native_path(folder), failed))
        if (std::error_code ignored; entry.is_directory(ignored))
            names.push_back(utf8_path(entry.path().filename()));
    std::sort(names.begin(), names.end());
    return names;
}

void inspect_folder(const std::string& path, Inspection& result, Inspector& inspector) {
    result.licence_path = find_licence(path);
    if (is_file(join(path, "model_index.json")) || is_file(join(path, "unet/config.json"))) {
        result.kind = "pipeline";
        inspector.add_parts(path, true, true, true);
        for (const std::string& name : subfolders(path)) {
            const std::string config = join(join(path, name), "config.json");
            if (is_file(config))
                inspector.attempt([&] {
                    if (text_of(read_json_object(config), "_class_name") == "ControlNetModel")
                        inspector.add_controlnet(name, join(path, name));
                });
        }
    } else if (is_file(join(path, "config.json"))) {
        inspector.attempt([&] {
            const Json config = read_json_object(join(path, "config.json"));
            const std::string name = text_of(config, "_class_name"), type = text_of(config, "model_type");
            if (name == "ControlNetModel") {
                result.kind = "controlnet";
                inspector.add_controlnet("controlnet", path);
            } else if (name == "UNet2DConditionModel") {
                result.kind = "unet";
                inspector.add_parts(path, false, true, false);
            } else if (name == "AutoencoderKL") {
                result.kind = "vae";
                inspector.add_parts(path, false, false, true);
            } else if (type == "clip_text_model" || type == "clip") {
                result.kind = "text-encoder";
                inspector.add_parts(path, true, false, false);
            } else {
                result.kind = "other";
                result.architecture = name.empty() ? type : name;
                inspector.problem(path + ": expected a network of Stable Diffusion 1.x, found " +
                                      (result.architecture.empty() ? "another" : result.architecture),
                                  use_another);
            }
        });
    } else {
        inspector.problem(path + ": expected a model_index.json or a config.json, found none",
                          "Name a folder in diffusers' layout, or a .safetensors or .ckpt file.");
    }
}

void inspect_file(const std::string& path, Inspection& result, Inspector& inspector) {
    inspector.attempt([&] {
        const RawTensors tensors = read_tensor_file(path);
        const Recognised found = recognise(tensors);
        result.layout = found.what.ends_with("original layout") ? "original" : "diffusers";
        switch (found.kind) {
            case FileKind::original_checkpoint:
                result.kind = "checkpoint";
                return inspector.add_parts(path, true, true, true);
            case FileKind::original_unet:
            case FileKind::diffusers_unet:
                result.kind = "unet";
                return inspector.add_parts(path, false, true, false);
            case FileKind::original_vae:
            case FileKind::diffusers_vae:
                result.kind = "vae";
                return inspector.add_parts(path, false, false, true);
            case FileKind::text_encoder:
                result.kind = "text-encoder";
                return inspector.add_parts(path, true, false, false);
            case FileKind::original_controlnet:
            case FileKind::diffusers_controlnet:
                result.kind = "controlnet";
                return inspector.add_controlnet("controlnet", path);
            case FileKind::other:
                break;
        }
        result.layout.clear();
        if (found.what == "a LoRA") {
            result.kind = "lora";
            result.architecture = "LoRA";
            return inspector.add_tensors("lora", path, tensors);
        }
        result.kind = "other";
        result.architecture = found.what;
        inspector.problem(path + ": expected a network of Stable Diffusion 1.x, found " + found.what,
                          use_another);
    });
}

std::string to_json(const Inspection& inspection) {
    Json networks = Json::array();
    for (const NetworkReport& network : inspection.networks)
        networks.push_back({{"name", network.name},
                            {"path", network.path},
                            {"tensors", network.tensors},
                            {"parameters", network.parameters},
                            {"bytes", network.bytes},
                            {"dtype", network.dtype}});
    const Json json{{"path", inspection.path},
                    {"kind", inspection.kind},
                    {"architecture", inspection.architecture},
                    {"layout", inspection.layout},
                    {"parameters", inspection.parameters},
                    {"bytes", inspection.bytes},
                    {"dtype", inspection.dtype},
                    {"default_size", inspection.default_size},
                    {"licence", inspection.licence_path.empty() ? Json() : Json(inspection.licence_path)},
                    {"networks", networks},
                    {"problems", inspection.problems},
                    {"hints", inspection.hints},
                    {"verified", inspection.verified}};
    // Names from a damaged file need not be UTF-8.
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Inspection inspect_model(const std::string& path, bool verify) {
    Inspection result;
    result.path = path;
    Inspector inspector(result, verify);
    if (is_folder(path))
        inspect_folder(path, result, inspector);
    else if (is_file(path))
        inspect_file(path, result, inspector);
    else
        throw Error(Status::input, "model-missing", path + ": no such file or folder",
                    "Check the model's path.");
    if (!result.networks.empty()) {
        result.architecture = "Stable Diffusion 1.x";
        if (result.layout.empty()) result.layout = "diffusers";
    }
    result.verified = verify && result.problems.empty() && !result.networks.empty();
    return result;
}

std::string inspect_json(const std::string& path) {
    return to_json(inspect_model(path, false));
}
std::string verify_json(const std::string& path) {
    return to_json(inspect_model(path, true));
}

}  // namespace sluice
