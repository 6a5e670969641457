#include "format/expected_tensors.h"

namespace sluice {
namespace {

using std::to_string;

class Builder {
  public:
    std::vector<ExpectedTensor> tensors;

    void add(const std::string& name, std::vector<int64_t> shape) {
        tensors.push_back({name, std::move(shape)});
    }
    void norm(const std::string& name, int64_t channels) {
        add(name + ".weight", {channels});
        add(name + ".bias", {channels});
    }
    void linear(const std::string& name, int64_t in, int64_t out, bool bias = true) {
        add(name + ".weight", {out, in});
        if (bias) add(name + ".bias", {out});
    }
    void conv(const std::string& name, int64_t in, int64_t out, int64_t kernel) {
        add(name + ".weight", {out, in, kernel, kernel});
        add(name + ".bias", {out});
    }
    // `time_width` 0: a VAE's, which knows no time.
    void resnet(const std::string& name, int64_t in, int64_t out, int64_t time_width) {
        norm(name + ".norm1", in);
        conv(name + ".conv1", in, out, 3);
        if (time_width) linear(name + ".time_emb_proj", time_width, out);
        norm(name + ".norm2", out);
        conv(name + ".conv2", out, out, 3);
        if (in != out) conv(name + ".conv_shortcut", in, out, 1);
    }
    void transformer(const std::string& name, int64_t width, const UNetConfig& config) {
        norm(name + ".norm", width);
        const auto project = [&](const std::string& part) {
            if (config.use_linear_projection)
                linear(name + part, width, width);
            else
                conv(name + part, width, width, 1);
        };
        project(".proj_in");
        const std::string block = name + ".transformer_blocks.0";
        for (int i = 1; i <= 2; ++i) {
            const std::string attention = block + ".attn" + to_string(i);
            const int64_t context = i == 1 ? width : config.cross_attention_dim;
            norm(block + ".norm" + to_string(i), width);
            linear(attention + ".to_q", width, width, false);
            linear(attention + ".to_k", context, width, false);
            linear(attention + ".to_v", context, width, false);
            linear(attention + ".to_out.0", width, width);
        }
        norm(block + ".norm3", width);
        linear(block + ".ff.net.0.proj", width, 8 * width);
        linear(block + ".ff.net.2", 4 * width, width);
        project(".proj_out");
    }
};

void time_embedding(Builder& to, const UNetConfig& config) {
    const int64_t width = config.block_out_channels.front();
    to.linear("time_embedding.linear_1", width, 4 * width);
    to.linear("time_embedding.linear_2", 4 * width, 4 * width);
}

void down_blocks(Builder& to, const UNetConfig& config) {
    const int64_t time_width = 4 * int64_t(config.block_out_channels.front());
    int64_t width = config.block_out_channels.front();
    for (size_t level = 0; level < config.block_out_channels.size(); ++level) {
        const std::string block = "down_blocks." + to_string(level);
        const int64_t out = config.block_out_channels[level];
        for (int i = 0; i < config.layers_per_block; ++i) {
            to.resnet(block + ".resnets." + to_string(i), width, out, time_width);
            if (config.down_attention[level])
                to.transformer(block + ".attentions." + to_string(i), out, config);
            width = out;
        }
        if (level + 1 < config.block_out_channels.size())
            to.conv(block + ".downsamplers.0.conv", out, out, 3);
    }
}

void middle_block(Builder& to, const UNetConfig& config) {
    const int64_t time_width = 4 * int64_t(config.block_out_channels.front());
    const int64_t width = config.block_out_channels.back();
    to.resnet("mid_block.resnets.0", width, width, time_width);
    to.transformer("mid_block.attentions.0", width, config);
    to.resnet("mid_block.resnets.1", width, width, time_width);
}

void up_blocks(Builder& to, const UNetConfig& config) {
    const int64_t time_width = 4 * int64_t(config.block_out_channels.front());
    const size_t levels = config.block_out_channels.size();
    int64_t width = config.block_out_channels.back();
    for (size_t i = 0; i < levels; ++i) {
        const std::string block = "up_blocks." + to_string(i);
        const size_t level = levels - 1 - i;
        const int64_t out = config.block_out_channels[level];
        const int64_t below = config.block_out_channels[level == 0 ? 0 : level - 1];
        for (int j = 0; j <= config.layers_per_block; ++j) {
            // Skips were pushed in order of descent: the level's own, then the one that led into it.
            const int64_t skip = j == config.layers_per_block ? below : out;
            to.resnet(block + ".resnets." + to_string(j), width + skip, out, time_width);
            if (config.up_attention[i]) to.transformer(block + ".attentions." + to_string(j), out, config);
            width = out;
        }
        if (i + 1 < levels) to.conv(block + ".upsamplers.0.conv", out, out, 3);
    }
}

void vae_middle(Builder& to, const std::string& half, int64_t width) {
    to.resnet(half + ".mid_block.resnets.0", width, width, 0);
    const std::string attention = half + ".mid_block.attentions.0";
    to.norm(attention + ".group_norm", width);
    for (const char* part : {".to_q", ".to_k", ".to_v", ".to_out.0"})
        to.linear(attention + part, width, width);
    to.resnet(half + ".mid_block.resnets.1", width, width, 0);
}

}  // namespace

std::vector<ExpectedTensor> expected_tensors(const TextEncoderConfig& config) {
    Builder to;
    const int64_t width = config.hidden_size;
    to.add("text_model.embeddings.token_embedding.weight", {config.vocab_size, width});
    to.add("text_model.embeddings.position_embedding.weight", {config.max_position_embeddings, width});
    for (int i = 0; i < config.num_hidden_layers; ++i) {
        const std::string layer = "text_model.encoder.layers." + to_string(i);
        to.norm(layer + ".layer_norm1", width);
        for (const char* part : {"q_proj", "k_proj", "v_proj", "out_proj"})
            to.linear(layer + ".self_attn." + part, width, width);
        to.norm(layer + ".layer_norm2", width);
        to.linear(layer + ".mlp.fc1", width, config.intermediate_size);
        to.linear(layer + ".mlp.fc2", config.intermediate_size, width);
    }
    to.norm("text_model.final_layer_norm", width);
    return std::move(to.tensors);
}

std::vector<ExpectedTensor> expected_tensors(const UNetConfig& config) {
    Builder to;
    const int64_t width = config.block_out_channels.front();
    time_embedding(to, config);
    to.conv("conv_in", config.in_channels, width, 3);
    down_blocks(to, config);
    middle_block(to, config);
    up_blocks(to, config);
    to.norm("conv_norm_out", width);
    to.conv("conv_out", width, config.out_channels, 3);
    return std::move(to.tensors);
}

std::vector<ExpectedTensor> expected_tensors(const ControlNetConfig& config) {
    Builder to;
    const UNetConfig& unet = config.unet;
    const auto& hint = config.conditioning_embedding_out_channels;
    const std::string embedding = "controlnet_cond_embedding";
    to.conv(embedding + ".conv_in", config.conditioning_channels, hint.front(), 3);
    for (size_t i = 0; i + 1 < hint.size(); ++i) {
        to.conv(embedding + ".blocks." + to_string(2 * i), hint[i], hint[i], 3);
        to.conv(embedding + ".blocks." + to_string(2 * i + 1), hint[i], hint[i + 1], 3);
    }
    to.conv(embedding + ".conv_out", hint.back(), unet.block_out_channels.front(), 3);
    time_embedding(to, unet);
    to.conv("conv_in", unet.in_channels, unet.block_out_channels.front(), 3);
    down_blocks(to, unet);
    middle_block(to, unet);
    size_t index = 0;
    const auto zero_conv = [&](int64_t width) {
        to.conv("controlnet_down_blocks." + to_string(index++), width, width, 1);
    };
    zero_conv(unet.block_out_channels.front());
    for (size_t level = 0; level < unet.block_out_channels.size(); ++level) {
        for (int i = 0; i < unet.layers_per_block; ++i) zero_conv(unet.block_out_channels[level]);
        if (level + 1 < unet.block_out_channels.size()) zero_conv(unet.block_out_channels[level]);
    }
    to.conv("controlnet_mid_block", unet.block_out_channels.back(), unet.block_out_channels.back(), 1);
    return std::move(to.tensors);
}

std::vector<ExpectedTensor> expected_tensors(const VaeConfig& config) {
    Builder to;
    const auto& widths = config.block_out_channels;
    const size_t levels = widths.size();
    int64_t width = widths.front();
    to.conv("encoder.conv_in", config.in_channels, width, 3);
    for (size_t level = 0; level < levels; ++level) {
        const std::string block = "encoder.down_blocks." + to_string(level);
        for (int i = 0; i < config.layers_per_block; ++i) {
            to.resnet(block + ".resnets." + to_string(i), width, widths[level], 0);
            width = widths[level];
        }
        if (level + 1 < levels) to.conv(block + ".downsamplers.0.conv", width, width, 3);
    }
    vae_middle(to, "encoder", width);
    to.norm("encoder.conv_norm_out", width);
    to.conv("encoder.conv_out", width, 2 * config.latent_channels, 3);
    to.conv("quant_conv", 2 * config.latent_channels, 2 * config.latent_channels, 1);

    to.conv("post_quant_conv", config.latent_channels, config.latent_channels, 1);
    to.conv("decoder.conv_in", config.latent_channels, width, 3);
    vae_middle(to, "decoder", width);
    for (size_t i = 0; i < levels; ++i) {
        const std::string block = "decoder.up_blocks." + to_string(i);
        const int64_t out = widths[levels - 1 - i];
        for (int j = 0; j <= config.layers_per_block; ++j) {
            to.resnet(block + ".resnets." + to_string(j), width, out, 0);
            width = out;
        }
        if (i + 1 < levels) to.conv(block + ".upsamplers.0.conv", out, out, 3);
    }
    to.norm("decoder.conv_norm_out", width);
    to.conv("decoder.conv_out", width, config.out_channels, 3);
    return std::move(to.tensors);
}

}  // namespace sluice
