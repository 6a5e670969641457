#include "format/lora.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>

#include "core/error.h"
#include "format/component.h"
#include "format/content_hash.h"
#include "format/names.h"
#include "format/recognise.h"
#include "format/safetensors.h"

namespace sluice {
namespace {

constexpr char other_lora[] = "Use a LoRA that was trained on Stable Diffusion 1.5, or the model that it was trained on.";

struct Suffixes {
    const char *down, *up;
};
constexpr Suffixes pairs[] = {{".lora_down.weight", ".lora_up.weight"},
                              {".lora_A.weight", ".lora_B.weight"},
                              {".lora_A.default.weight", ".lora_B.default.weight"},
                              {".lora.down.weight", ".lora.up.weight"},
                              {".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight"},
                              {"_lora.down.weight", "_lora.up.weight"}};  // of attention processors
// Parts of the names that other kinds of adapters have.
constexpr const char* unsupported[][2] = {{"hada_w", "LoHa"},  {"lokr_w", "LoKr"},     {"dora_scale", "DoRA"},
                                          {"oft_", "OFT"},     {"magnitude_vector", "DoRA"}};

struct Layer {
    RawTensor down, up;  // [rank][columns] and [rows][rank], in any shape of these sizes
    RawTensor mid;       // [rank][rank][taps] of a factored convolution; no file: there is none
    int64_t rows = 0, columns = 0, rank = 0;
    float scale = 1;  // strength * alpha / rank
    uint64_t id = 0;  // of all layers ever read
    std::string path;
};

std::vector<float> read_whole(const Layer& layer, const RawTensor& tensor, int64_t first, int64_t count) {
    std::vector<float> values(static_cast<size_t>(count));
    read_raw(tensor, first, values);
    if (const int64_t bad = first_not_finite(values); bad >= 0)
        throw Error(Status::input, "weights-not-finite",
                    layer.path + ": tensor " + tensor.name + " holds " + std::to_string(values[size_t(bad)]),
                    "The LoRA is damaged or its training diverged: use another file.");
    return values;
}

// `down` as [rank][columns]; a factored convolution's 1x1 and middle kernels are multiplied out.
std::vector<float> read_down(const Layer& layer) {
    if (!layer.mid.file) return read_whole(layer, layer.down, 0, layer.rank * layer.columns);
    const int64_t taps = layer.mid.elements() / (layer.rank * layer.rank), inputs = layer.columns / taps;
    const std::vector<float> inner = read_whole(layer, layer.down, 0, layer.rank * inputs);
    const std::vector<float> mid = read_whole(layer, layer.mid, 0, layer.mid.elements());
    std::vector<float> down(size_t(layer.rank * layer.columns), 0.f);
    for (int64_t p = 0; p < layer.rank; p++)
        for (int64_t q = 0; q < layer.rank; q++)
            for (int64_t i = 0; i < inputs; i++)
                for (int64_t t = 0; t < taps; t++)
                    down[size_t(p * layer.columns + i * taps + t)] +=
                        mid[size_t((p * layer.rank + q) * taps + t)] * inner[size_t(q * inputs + i)];
    return down;
}

// Weights are converted a few rows at a time, on several threads: each keeps the layer that it is at.
const std::vector<float>& down_of(const Layer& layer) {
    thread_local uint64_t id = 0;
    thread_local std::vector<float> values;
    if (id != layer.id) {
        id = 0;
        values = read_down(layer);
        id = layer.id;
    }
    return values;
}

class AdaptedWeights final : public WeightSource {
  public:
    AdaptedWeights(std::unique_ptr<WeightSource> base, std::unordered_map<std::string, std::vector<Layer>> layers,
                   std::vector<std::string> identity)
        : base_(std::move(base)), layers_(std::move(layers)), identity_(std::move(identity)) {}

    const std::vector<TensorInfo>& tensors() const override { return base_->tensors(); }
    const TensorInfo* find(const std::string& name) const override { return base_->find(name); }
    std::string path() const override { return base_->path(); }
    bool adapted() const override { return true; }

    void read(const std::string& name, int64_t first, std::span<float> out) const override {
        base_->read(name, first, out);
        const auto found = layers_.find(name);
        if (found == layers_.end()) return;
        for (const Layer& layer : found->second) {
            const std::vector<float>& down = down_of(layer);
            const int64_t end = first + int64_t(out.size());
            for (int64_t at = first; at < end;) {
                const int64_t row = at / layer.columns, column = at % layer.columns;
                const int64_t count = std::min(layer.columns - column, end - at);
                const std::vector<float> up = read_whole(layer, layer.up, row * layer.rank, layer.rank);
                float* target = out.data() + (at - first);
                for (int64_t k = 0; k < layer.rank; k++) {
                    const float factor = layer.scale * up[size_t(k)];
                    const float* from = down.data() + k * layer.columns + column;
                    for (int64_t i = 0; i < count; i++) target[i] += factor * from[i];
                }
                at += count;
            }
        }
    }

    std::string content_hash() const override {
        std::vector<std::string> texts = identity_;
        texts.push_back(base_->content_hash());
        return hash_of_texts(texts);
    }

  private:
    std::unique_ptr<WeightSource> base_;
    std::unordered_map<std::string, std::vector<Layer>> layers_;
    std::vector<std::string> identity_;  // each adapter's content and strength
};

std::string underscored(std::string name) {
    std::replace(name.begin(), name.end(), '.', '_');
    return name;
}

// What stands before a suffix of `pairs` in the files of all trainers, for a module of diffusers' name.
std::vector<std::string> stems_of(const std::string& module, const std::vector<std::string>& kohya,
                                  const std::string& component) {
    std::vector<std::string> modules{module};
    for (const char* part : {".to_q", ".to_k", ".to_v", ".to_out.0"})
        if (module.ends_with(part)) {
            std::string last = part;
            last = last.substr(0, last.find(".0"));
            modules.push_back(module.substr(0, module.size() - std::string_view(part).size()) + ".processor" + last);
        }
    std::vector<std::string> stems = kohya;
    for (const std::string& name : modules)
        for (const std::string& prefix : {component + ".", std::string(), std::string("base_model.model."),
                                          "base_model.model." + component + "."})
            stems.push_back(prefix + name);
    return stems;
}

class LoraFile {
  public:
    explicit LoraFile(const LoraUse& use) : use_(use) {
        if (!is_file(use.path))
            throw Error(Status::input, "lora-missing", use.path + ": no such file", "Check the LoRA's path.");
        std::map<std::string, std::string> metadata;
        tensors_ = use.path.ends_with(".safetensors") ? read_safetensors(use.path, &metadata) : read_tensor_file(use.path);
        read_peft_scales(metadata);
        for (const auto& [name, tensor] : tensors_)
            for (const auto& [part, kind] : unsupported)
                if (name.find(part) != std::string::npos)
                    throw Error(Status::input, "lora-unsupported",
                                use.path + ": tensor " + name + " belongs to a " + kind + " adapter, expected LoRA or LoCon",
                                "Use a LoRA, or merge the adapter into a checkpoint.");
    }

    // The layer for one weight; false where the file has none.
    bool find(const TensorInfo& weight, const std::vector<std::string>& stems, const std::string& component, Layer& layer) {
        for (const std::string& stem : stems)
            for (const Suffixes& suffix : pairs) {
                const auto down = tensors_.find(stem + suffix.down), up = tensors_.find(stem + suffix.up);
                if (down == tensors_.end() || up == tensors_.end()) continue;
                take(weight, stem, component, down->second, up->second, layer);
                return true;
            }
        return false;
    }

    bool any_used() const { return !used_.empty(); }

    std::string nothing_fits() const {
        const std::string what = recognise(tensors_).what;
        const std::string first = tensors_.empty() ? "no tensors" : "tensor " + tensors_.begin()->first;
        return use_.path + ": expected a LoRA with layers of the model, found " + (what.empty() ? first : what + " with " + first);
    }

    // Empty where every layer found its place.
    std::string left_over(const std::string& model) const {
        std::set<std::string> left;
        int taken = 0;
        for (const auto& [name, tensor] : tensors_) {
            for (const Suffixes& suffix : pairs) {
                if (!name.ends_with(suffix.down)) continue;
                if (used_.count(name)) {
                    taken++;
                } else {
                    left.insert(name.substr(0, name.size() - std::string_view(suffix.down).size()));
                }
                break;
            }
        }
        if (left.empty()) return {};
        return use_.path + ": " + std::to_string(left.size()) + " of its " + std::to_string(taken + int(left.size())) +
               " layers are not in " + model + " and are left out, such as " + *left.begin();
    }

    std::string content(const std::string& cache_dir) const {
        std::vector<TensorInfo> infos;
        std::vector<RawTensor> raw;
        for (const auto& [name, tensor] : tensors_) {
            infos.push_back({name, tensor.dtype, tensor.shape});
            raw.push_back(tensor);
        }
        char strength[40];
        std::snprintf(strength, sizeof strength, "%a", double(use_.strength));
        return content_hash(infos, raw, "LoRA", cache_dir) + strength;
    }

  private:
    void take(const TensorInfo& weight, const std::string& stem, const std::string& component, const RawTensor& down,
              const RawTensor& up, Layer& layer) {
        static std::atomic<uint64_t> next{1};
        layer.path = use_.path;
        layer.down = down;
        layer.up = up;
        layer.rows = weight.shape.front();
        layer.columns = weight.elements() / layer.rows;
        layer.rank = up.shape.empty() || up.shape.front() == 0 ? 0 : up.elements() / up.shape.front();
        layer.id = next++;
        int64_t inner = layer.columns;
        if (const auto mid = tensors_.find(stem + ".lora_mid.weight"); mid != tensors_.end()) {
            layer.mid = mid->second;
            const int64_t squared = layer.rank * layer.rank;
            const int64_t taps = squared > 0 ? layer.mid.elements() / squared : 0;
            if (taps < 1 || taps * squared != layer.mid.elements() || layer.columns % taps != 0)
                wrong_shape(weight, layer.mid);
            inner = layer.columns / taps;
            used_.insert(mid->first);
        }
        if (layer.rank < 1 || up.shape.front() != layer.rows || up.elements() != layer.rows * layer.rank)
            wrong_shape(weight, up);
        if (down.shape.empty() || down.shape.front() != layer.rank || down.elements() != layer.rank * inner)
            wrong_shape(weight, down);
        layer.scale = use_.strength * alpha_of(stem, component, layer) / float(layer.rank);
        used_.insert(down.name);
        used_.insert(up.name);
    }

    float alpha_of(const std::string& stem, const std::string& component, const Layer& layer) const {
        if (const auto found = tensors_.find(stem + ".alpha"); found != tensors_.end() && found->second.elements() == 1)
            return read_whole(layer, found->second, 0, 1)[0];
        const auto scale = peft_scales_.find(component);
        return float(layer.rank) * (scale == peft_scales_.end() ? 1.f : scale->second);
    }

    [[noreturn]] void wrong_shape(const TensorInfo& weight, const RawTensor& found) const {
        throw Error(Status::input, "lora-wrong-architecture",
                    use_.path + ": tensor " + found.name + " of shape " + shape_text(found.shape) + " does not fit " +
                        weight.name + " of shape " + shape_text(weight.shape),
                    other_lora);
    }

    // diffusers writes PEFT's configuration into the header; without it alpha is the rank.
    void read_peft_scales(const std::map<std::string, std::string>& metadata) {
        const auto text = metadata.find("lora_adapter_metadata");
        if (text == metadata.end()) return;
        const nlohmann::json json = nlohmann::json::parse(text->second, nullptr, false);
        if (!json.is_object()) return;
        for (const std::string component : {"unet", "text_encoder"}) {
            const auto alpha = json.find(component + ".lora_alpha"), rank = json.find(component + ".r");
            if (alpha == json.end() || rank == json.end() || !alpha->is_number() || !rank->is_number()) continue;
            const double scale = alpha->get<double>() / rank->get<double>();
            if (std::isfinite(scale)) peft_scales_[component] = float(scale);
        }
    }

    const LoraUse& use_;
    RawTensors tensors_;
    std::set<std::string> used_;
    std::map<std::string, float> peft_scales_;  // alpha / rank of a component
};

using Stems = std::function<std::vector<std::string>(const std::string& weight, const std::string& module)>;

void adapt(std::unique_ptr<WeightSource>& network, const std::string& component, const Stems& kohya_stems,
           const std::vector<LoraUse>& loras, std::vector<LoraFile>& files, const std::string& cache_dir) {
    if (!network) return;
    constexpr std::string_view ending = ".weight";
    std::unordered_map<std::string, std::vector<Layer>> layers;
    std::vector<std::string> identity;
    for (size_t i = 0; i < files.size(); i++) {
        bool any = false;
        for (const TensorInfo& weight : network->tensors()) {
            if (!weight.name.ends_with(ending) || weight.shape.size() < 2) continue;
            const std::string module = weight.name.substr(0, weight.name.size() - ending.size());
            Layer layer;
            if (!files[i].find(weight, stems_of(module, kohya_stems(weight.name, module), component), component, layer))
                continue;
            any = true;
            if (loras[i].strength != 0.f) layers[weight.name].push_back(std::move(layer));
        }
        if (any && loras[i].strength != 0.f) identity.push_back(files[i].content(cache_dir));
    }
    if (!layers.empty())
        network = std::make_unique<AdaptedWeights>(std::move(network), std::move(layers), std::move(identity));
}

}  // namespace

std::vector<std::string> apply_loras(Model& model, const std::vector<LoraUse>& loras, const std::string& cache_dir) {
    std::vector<LoraFile> files;
    files.reserve(loras.size());
    for (const LoraUse& use : loras) files.emplace_back(use);
    const int blocks = model.unet_config.layers_per_block;
    const auto unet = [&](const std::string& weight, const std::string& module) {
        const std::string original = original_unet_name(weight, blocks);
        const std::string theirs = original.substr(0, original.size() - std::min<size_t>(original.size(), 7));
        return std::vector<std::string>{"lora_unet_" + underscored(module), "lora_unet_" + underscored(theirs)};
    };
    const auto text = [](const std::string&, const std::string& module) {
        const std::string name = underscored(module);
        return std::vector<std::string>{"lora_te_" + name, "lora_te1_" + name};
    };
    adapt(model.unet, "unet", unet, loras, files, cache_dir);
    adapt(model.text, "text_encoder", text, loras, files, cache_dir);
    std::vector<std::string> notices;
    for (const LoraFile& file : files) {
        if (!file.any_used()) throw Error(Status::input, "lora-wrong-architecture", file.nothing_fits(), other_lora);
        if (std::string left = file.left_over(model.path); !left.empty()) notices.push_back(std::move(left));
    }
    return notices;
}

}  // namespace sluice
