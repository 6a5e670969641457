#include "format/infer.h"

#include "core/error.h"
#include "format/config_json.h"

namespace sluice {
namespace {

using std::to_string;

constexpr int64_t largest_size = 1 << 24;
constexpr size_t most_levels = 8;
constexpr int most_layers = 64;

class Shapes {
  public:
    Shapes(const RawTensors& tensors, const std::string& path) : tensors_(tensors), path_(path) {}

    bool has(const std::string& name) const { return tensors_.count(name) != 0; }

    int size(const std::string& name, size_t axis, size_t rank) const {
        const auto found = tensors_.find(name);
        if (found == tensors_.end())
            throw Error(Status::input, "model-incomplete",
                        path_ + ": expected tensor " + name + ", found none",
                        "The file is incomplete or of another architecture.");
        const auto& shape = found->second.shape;
        if (shape.size() != rank || shape[axis] < 1 || shape[axis] > largest_size)
            throw Error(Status::input, "model-shape",
                        path_ + ": tensor " + found->second.name + ": expected " + to_string(rank) +
                            " axes, found shape " + shape_text(shape),
                        "The file is of another architecture.");
        return int(shape[axis]);
    }
    size_t rank(const std::string& name) const {
        const auto found = tensors_.find(name);
        return found == tensors_.end() ? 0 : found->second.shape.size();
    }
    // How many of before + "0" + after, before + "1" + after, … there are.
    int count(const std::string& before, const std::string& after, int most) const {
        int n = 0;
        while (n < most && has(before + to_string(n) + after)) ++n;
        return n;
    }
    [[noreturn]] void fail(const std::string& what) const {
        throw Error(Status::input, "model-wrong-architecture", path_ + ": " + what,
                    "Use a model of Stable Diffusion 1.x's architecture, or one with a config.json.");
    }

  private:
    const RawTensors& tensors_;
    const std::string& path_;
};

void set_heads(UNetConfig& config) {
    config.num_heads.assign(config.block_out_channels.size(), 8);
}

void take_attention(const Shapes& shapes, const std::string& attention, UNetConfig& config) {
    config.cross_attention_dim = shapes.size(attention + ".transformer_blocks.0.attn2.to_k.weight", 1, 2);
    config.use_linear_projection = shapes.rank(attention + ".proj_in.weight") == 2;
    if (shapes.has(attention + ".transformer_blocks.1.norm1.weight"))
        shapes.fail("transformers of several blocks (as in Stable Diffusion XL) are not supported");
}

UNetConfig original_descending_part(const Shapes& shapes) {
    UNetConfig config;
    config.block_out_channels.clear();
    config.down_attention.clear();
    config.in_channels = shapes.size("input_blocks.0.0.weight", 1, 4);
    const auto is_resnet = [&](int i) {
        return shapes.has("input_blocks." + to_string(i) + ".0.in_layers.2.weight");
    };
    int layers = 0;
    while (layers < most_layers && is_resnet(layers + 1)) ++layers;
    if (layers == 0) shapes.fail("the UNet has no resnet in its first level");
    config.layers_per_block = layers;
    for (int first = 1; is_resnet(first) && config.block_out_channels.size() < most_levels;
         first += layers + 1) {
        const std::string block = "input_blocks." + to_string(first);
        config.block_out_channels.push_back(shapes.size(block + ".0.out_layers.3.weight", 0, 4));
        const bool attention = shapes.has(block + ".1.proj_in.weight");
        config.down_attention.push_back(attention);
        if (attention) take_attention(shapes, block + ".1", config);
    }
    take_attention(shapes, "middle_block.1", config);
    set_heads(config);
    return config;
}

UNetConfig diffusers_descending_part(const Shapes& shapes) {
    UNetConfig config;
    config.block_out_channels.clear();
    config.down_attention.clear();
    config.in_channels = shapes.size("conv_in.weight", 1, 4);
    config.layers_per_block = shapes.count("down_blocks.0.resnets.", ".conv1.weight", most_layers);
    const int levels = shapes.count("down_blocks.", ".resnets.0.conv1.weight", most_levels);
    for (int level = 0; level < levels; ++level) {
        const std::string block = "down_blocks." + to_string(level);
        config.block_out_channels.push_back(shapes.size(block + ".resnets.0.conv1.weight", 0, 4));
        const bool attention = shapes.has(block + ".attentions.0.proj_in.weight");
        config.down_attention.push_back(attention);
        if (attention) take_attention(shapes, block + ".attentions.0", config);
    }
    if (levels == 0) shapes.fail("the network has no down blocks");
    take_attention(shapes, "mid_block.attentions.0", config);
    set_heads(config);
    return config;
}

}  // namespace

UNetConfig infer_original_unet(const RawTensors& tensors, const std::string& path) {
    const Shapes shapes(tensors, path);
    UNetConfig config = original_descending_part(shapes);
    config.out_channels = shapes.size("out.2.weight", 0, 4);
    config.up_attention.clear();
    for (size_t i = 0; i < config.block_out_channels.size(); ++i)
        config.up_attention.push_back(shapes.has(
            "output_blocks." + to_string(int(i) * (config.layers_per_block + 1)) + ".1.proj_in.weight"));
    check_config(config, path);
    return config;
}

UNetConfig infer_diffusers_unet(const RawTensors& tensors, const std::string& path) {
    const Shapes shapes(tensors, path);
    UNetConfig config = diffusers_descending_part(shapes);
    config.out_channels = shapes.size("conv_out.weight", 0, 4);
    config.up_attention.clear();
    for (size_t i = 0; i < config.block_out_channels.size(); ++i)
        config.up_attention.push_back(
            shapes.has("up_blocks." + to_string(i) + ".attentions.0.proj_in.weight"));
    check_config(config, path);
    return config;
}

ControlNetConfig infer_original_controlnet(const RawTensors& tensors, const std::string& path) {
    const Shapes shapes(tensors, path);
    ControlNetConfig config;
    config.unet = original_descending_part(shapes);
    config.conditioning_channels = shapes.size("input_hint_block.0.weight", 1, 4);
    // conv_in, then pairs of convolutions of which the second widens, then conv_out; SiLUs take the odd
    // places.
    config.conditioning_embedding_out_channels = {shapes.size("input_hint_block.0.weight", 0, 4)};
    for (int i = 4;
         i < 4 * int(most_levels) && shapes.has("input_hint_block." + to_string(i + 2) + ".weight"); i += 4)
        config.conditioning_embedding_out_channels.push_back(
            shapes.size("input_hint_block." + to_string(i) + ".weight", 0, 4));
    check_config(config, path);
    return config;
}

ControlNetConfig infer_diffusers_controlnet(const RawTensors& tensors, const std::string& path) {
    const Shapes shapes(tensors, path);
    const std::string embedding = "controlnet_cond_embedding.";
    ControlNetConfig config;
    config.unet = diffusers_descending_part(shapes);
    config.conditioning_channels = shapes.size(embedding + "conv_in.weight", 1, 4);
    config.conditioning_embedding_out_channels = {shapes.size(embedding + "conv_in.weight", 0, 4)};
    const int blocks = shapes.count(embedding + "blocks.", ".weight", 2 * int(most_levels));
    for (int i = 1; i < blocks; i += 2)
        config.conditioning_embedding_out_channels.push_back(
            shapes.size(embedding + "blocks." + to_string(i) + ".weight", 0, 4));
    check_config(config, path);
    return config;
}

VaeConfig infer_original_vae(const RawTensors& tensors, const std::string& path) {
    const Shapes shapes(tensors, path);
    VaeConfig config;
    config.in_channels = shapes.size("encoder.conv_in.weight", 1, 4);
    config.out_channels = shapes.size("decoder.conv_out.weight", 0, 4);
    config.latent_channels = shapes.size("decoder.conv_in.weight", 1, 4);
    config.layers_per_block = shapes.count("encoder.down.0.block.", ".conv1.weight", most_layers);
    const int levels = shapes.count("encoder.down.", ".block.0.conv1.weight", most_levels);
    config.block_out_channels.clear();
    for (int level = 0; level < levels; ++level)
        config.block_out_channels.push_back(
            shapes.size("encoder.down." + to_string(level) + ".block.0.conv1.weight", 0, 4));
    if (levels == 0) shapes.fail("the VAE's encoder has no levels");
    check_config(config, path);
    return config;
}

VaeConfig infer_diffusers_vae(const RawTensors& tensors, const std::string& path) {
    const Shapes shapes(tensors, path);
    VaeConfig config;
    config.in_channels = shapes.size("encoder.conv_in.weight", 1, 4);
    config.out_channels = shapes.size("decoder.conv_out.weight", 0, 4);
    config.latent_channels = shapes.size("decoder.conv_in.weight", 1, 4);
    config.layers_per_block = shapes.count("encoder.down_blocks.0.resnets.", ".conv1.weight", most_layers);
    const int levels = shapes.count("encoder.down_blocks.", ".resnets.0.conv1.weight", most_levels);
    config.block_out_channels.clear();
    for (int level = 0; level < levels; ++level)
        config.block_out_channels.push_back(
            shapes.size("encoder.down_blocks." + to_string(level) + ".resnets.0.conv1.weight", 0, 4));
    if (levels == 0) shapes.fail("the VAE's encoder has no levels");
    check_config(config, path);
    return config;
}

TextEncoderConfig infer_text_encoder(const RawTensors& tensors, const std::string& path) {
    const Shapes shapes(tensors, path);
    const std::string root = shapes.has("text_model.embeddings.token_embedding.weight") ? "text_model." : "";
    const std::string layers = root + "encoder.layers.";
    TextEncoderConfig config;
    config.vocab_size = shapes.size(root + "embeddings.token_embedding.weight", 0, 2);
    config.hidden_size = shapes.size(root + "embeddings.token_embedding.weight", 1, 2);
    config.max_position_embeddings = shapes.size(root + "embeddings.position_embedding.weight", 0, 2);
    config.intermediate_size = shapes.size(layers + "0.mlp.fc1.weight", 0, 2);
    config.num_hidden_layers = shapes.count(layers, ".mlp.fc1.weight", 256);
    if (config.hidden_size % 64 != 0)
        shapes.fail("the text encoder is " + to_string(config.hidden_size) +
                    " wide: its heads cannot be inferred, as 64 does not divide that");
    config.num_attention_heads = config.hidden_size / 64;
    config.eos_token_id = config.pad_token_id = config.vocab_size - 1;
    config.bos_token_id = config.vocab_size - 2;
    check_config(config, path);
    return config;
}

}  // namespace sluice
