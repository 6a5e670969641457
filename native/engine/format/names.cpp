#include "format/names.h"

#include <array>
#include <charconv>
#include <string_view>
#include <utility>

namespace sluice {
namespace {

using std::to_string;

// Takes a leading word or number off a dotted name.
class Parts {
  public:
    explicit Parts(std::string_view rest) : rest_(rest) {}
    bool take(std::string_view prefix) {
        if (!rest_.starts_with(prefix)) return false;
        rest_.remove_prefix(prefix.size());
        return true;
    }
    int number() {
        int value = 0;
        const auto end = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value).ptr;
        rest_.remove_prefix(size_t(end - rest_.data()));
        if (!rest_.empty() && rest_.front() == '.') rest_.remove_prefix(1);
        return value;
    }
    std::string rest() const { return std::string(rest_); }

  private:
    std::string_view rest_;
};

using Renames = std::vector<std::pair<std::string_view, std::string_view>>;

std::string rename_prefix(const std::string& name, const Renames& renames) {
    for (const auto& [from, to] : renames)
        if (name.starts_with(from)) return std::string(to) + name.substr(from.size());
    return name;
}

std::string unet_resnet_part(const std::string& part) {
    static const Renames renames{{"norm1.", "in_layers.0."},          {"conv1.", "in_layers.2."},
                                 {"time_emb_proj.", "emb_layers.1."}, {"norm2.", "out_layers.0."},
                                 {"conv2.", "out_layers.3."},         {"conv_shortcut.", "skip_connection."}};
    return rename_prefix(part, renames);
}

// The part of the original UNet that a ControlNet copies; empty where the name is of another part.
std::string original_descending_name(const std::string& canonical, int layers) {
    Parts parts(canonical);
    if (parts.take("time_embedding.linear_1.")) return "time_embed.0." + parts.rest();
    if (parts.take("time_embedding.linear_2.")) return "time_embed.2." + parts.rest();
    if (parts.take("conv_in.")) return "input_blocks.0.0." + parts.rest();
    if (parts.take("down_blocks.")) {
        const int first = 1 + parts.number() * (layers + 1);  // each level ends in its downsampler
        if (parts.take("downsamplers.0.conv."))
            return "input_blocks." + to_string(first + layers) + ".0.op." + parts.rest();
        if (parts.take("resnets.")) {
            const int index = first + parts.number();
            return "input_blocks." + to_string(index) + ".0." + unet_resnet_part(parts.rest());
        }
        if (parts.take("attentions.")) {
            const int index = first + parts.number();
            return "input_blocks." + to_string(index) + ".1." + parts.rest();
        }
    }
    if (parts.take("mid_block.resnets.")) {
        const int index = parts.number();
        return "middle_block." + to_string(2 * index) + "." + unet_resnet_part(parts.rest());
    }
    if (parts.take("mid_block.attentions.0.")) return "middle_block.1." + parts.rest();
    return {};
}

}  // namespace

std::vector<std::string> diffusers_vae_names(const std::string& canonical) {
    static const std::array<std::pair<std::string_view, std::string_view>, 4> renames{
        {{".to_q.", ".query."}, {".to_k.", ".key."}, {".to_v.", ".value."}, {".to_out.0.", ".proj_attn."}}};
    std::vector<std::string> names{canonical};
    if (canonical.find(".attentions.") == std::string::npos) return names;
    for (const auto& [now, before] : renames)
        if (const size_t at = canonical.find(now); at != std::string::npos)
            names.push_back(canonical.substr(0, at) + std::string(before) +
                            canonical.substr(at + now.size()));
    return names;
}

std::vector<std::string> transformers_text_names(const std::string& canonical) {
    return {canonical, canonical.substr(std::string_view("text_model.").size())};
}

bool ignorable_text_tensor(const std::string& name) {
    return name.ends_with("embeddings.position_ids") || name == "text_projection.weight" ||
           name == "logit_scale" || name.starts_with("vision_model.") ||
           name.starts_with("visual_projection.");
}

std::string original_unet_name(const std::string& canonical, int layers) {
    if (std::string name = original_descending_name(canonical, layers); !name.empty()) return name;
    Parts parts(canonical);
    if (parts.take("conv_norm_out.")) return "out.0." + parts.rest();
    if (parts.take("conv_out.")) return "out.2." + parts.rest();
    if (parts.take("up_blocks.")) {
        const int first = parts.number() * (layers + 1);
        if (parts.take("resnets.")) {
            const int index = first + parts.number();
            return "output_blocks." + to_string(index) + ".0." + unet_resnet_part(parts.rest());
        }
        if (parts.take("attentions.")) {
            const int index = first + parts.number();
            return "output_blocks." + to_string(index) + ".1." + parts.rest();
        }
        // After the attention where the level has one, in its place where not: the caller tries both.
        if (parts.take("upsamplers.0.conv."))
            return "output_blocks." + to_string(first + layers) + ".2.conv." + parts.rest();
    }
    return canonical;
}

std::string original_controlnet_name(const std::string& canonical, const ControlNetConfig& config) {
    if (std::string name = original_descending_name(canonical, config.unet.layers_per_block); !name.empty())
        return name;
    Parts parts(canonical);
    // Convolutions and SiLUs alternate in one list.
    if (parts.take("controlnet_cond_embedding.conv_in.")) return "input_hint_block.0." + parts.rest();
    if (parts.take("controlnet_cond_embedding.blocks.")) {
        const int index = parts.number();
        return "input_hint_block." + to_string(2 * (index + 1)) + "." + parts.rest();
    }
    if (parts.take("controlnet_cond_embedding.conv_out.")) {
        const size_t blocks = 2 * (config.conditioning_embedding_out_channels.size() - 1);
        return "input_hint_block." + to_string(2 * (blocks + 1)) + "." + parts.rest();
    }
    if (parts.take("controlnet_down_blocks.")) {
        const int index = parts.number();
        return "zero_convs." + to_string(index) + ".0." + parts.rest();
    }
    if (parts.take("controlnet_mid_block.")) return "middle_block_out.0." + parts.rest();
    return canonical;
}

std::string original_vae_name(const std::string& canonical, size_t levels) {
    static const Renames attention{{"group_norm.", "norm."},
                                   {"to_q.", "q."},
                                   {"to_k.", "k."},
                                   {"to_v.", "v."},
                                   {"to_out.0.", "proj_out."}};
    static const Renames resnet{{"conv_shortcut.", "nin_shortcut."}};
    Parts parts(canonical);
    std::string half;
    if (parts.take("encoder."))
        half = "encoder.";
    else if (parts.take("decoder."))
        half = "decoder.";
    else
        return canonical;
    if (parts.take("conv_norm_out.")) return half + "norm_out." + parts.rest();
    if (parts.take("mid_block.attentions.0."))
        return half + "mid.attn_1." + rename_prefix(parts.rest(), attention);
    if (parts.take("mid_block.resnets.")) {
        const int index = parts.number();
        return half + "mid.block_" + to_string(index + 1) + "." + rename_prefix(parts.rest(), resnet);
    }
    const bool down = parts.take("down_blocks.");
    if (!down && !parts.take("up_blocks.")) return canonical;
    const int block = parts.number();
    // The original numbers its levels by resolution, in both halves.
    const std::string level = down ? half + "down." + to_string(block) + "."
                                   : half + "up." + to_string(int(levels) - 1 - block) + ".";
    if (parts.take("resnets.")) {
        const int index = parts.number();
        return level + "block." + to_string(index) + "." + rename_prefix(parts.rest(), resnet);
    }
    if (parts.take("downsamplers.0.")) return level + "downsample." + parts.rest();
    if (parts.take("upsamplers.0.")) return level + "upsample." + parts.rest();
    return canonical;
}

}  // namespace sluice
