#include "networks/networks.h"

namespace sluice {
namespace {

constexpr float vae_eps = 1e-6f;

TensorId middle(ProgramBuilder& b, const std::string& side, const VaeConfig& c, TensorId x) {
    const int channels = c.block_out_channels.back(), groups = c.norm_num_groups;
    x = b.resnet(side + ".mid_block.resnets.0", x, none, channels, none, groups, vae_eps, true);
    x = b.vae_attention(side + ".mid_block.attentions.0", x, groups, vae_eps);
    return b.resnet(side + ".mid_block.resnets.1", x, none, channels, none, groups, vae_eps, true);
}

}  // namespace

Program vae_decoder_program(const VaeConfig& c, int height, int width) {
    ProgramBuilder b("vae-decoder");
    const int groups = c.norm_num_groups;
    const size_t levels = c.block_out_channels.size();
    const TensorId latents = b.tensor("latents", 1, height, width, c.latent_channels, true, TensorRole::input);
    // f32: four channels cost nothing, and the latents are read at full precision
    const TensorId z = b.tensor("post_quant", 1, height, width, c.latent_channels, true);
    b.conv({"post_quant_conv"}, latents, c.latent_channels, {.out = z});
    TensorId x = b.conv({"decoder.conv_in"}, z, c.block_out_channels.back(), {.kernel = 3, .pad = 1});
    x = middle(b, "decoder", c, x);
    for (size_t i = 0; i < levels; i++) {
        const std::string p = "decoder.up_blocks." + std::to_string(i);
        const int channels = c.block_out_channels[levels - 1 - i];
        for (int j = 0; j < c.layers_per_block + 1; j++)
            x = b.resnet(p + ".resnets." + std::to_string(j), x, none, channels, none, groups, vae_eps, true);
        if (i + 1 < levels) {
            const Tensor in = b.at(x);
            x = b.conv({p + ".upsamplers.0.conv"}, x, channels,
                       {.kernel = 3, .pad = 1, .up_height = in.height * 2, .up_width = in.width * 2});
        }
    }
    const TensorId norm = b.group_norm("decoder.conv_norm_out", x, none, groups, vae_eps);
    const Tensor in = b.at(x);
    const TensorId image = b.tensor("image", 1, in.height, in.width, c.out_channels, true, TensorRole::output);
    b.conv({"decoder.conv_out"}, x, c.out_channels,
           {.affine = norm, .silu_in = true, .kernel = 3, .pad = 1, .out = image});
    return std::move(b.program);
}

Program vae_encoder_program(const VaeConfig& c, int height, int width) {
    ProgramBuilder b("vae-encoder");
    const int groups = c.norm_num_groups;
    const size_t levels = c.block_out_channels.size();
    const TensorId image = b.tensor("image", 1, height, width, c.in_channels, true, TensorRole::input);
    TensorId x = b.conv({"encoder.conv_in"}, image, c.block_out_channels.front(), {.kernel = 3, .pad = 1});
    for (size_t i = 0; i < levels; i++) {
        const std::string p = "encoder.down_blocks." + std::to_string(i);
        const int channels = c.block_out_channels[i];
        for (int j = 0; j < c.layers_per_block; j++)
            x = b.resnet(p + ".resnets." + std::to_string(j), x, none, channels, none, groups, vae_eps, true);
        if (i + 1 < levels)
            x = b.conv({p + ".downsamplers.0.conv"}, x, channels, {.kernel = 3, .stride = 2, .pad_after_only = true});
    }
    x = middle(b, "encoder", c, x);
    const TensorId norm = b.group_norm("encoder.conv_norm_out", x, none, groups, vae_eps);
    const Tensor in = b.at(x);
    const TensorId z = b.tensor("quant", 1, in.height, in.width, 2 * c.latent_channels, true);
    b.conv({"encoder.conv_out"}, x, 2 * c.latent_channels,
           {.affine = norm, .silu_in = true, .kernel = 3, .pad = 1, .out = z});
    const TensorId moments = b.tensor("moments", 1, in.height, in.width, 2 * c.latent_channels, true, TensorRole::output);
    b.conv({"quant_conv"}, z, 2 * c.latent_channels, {.out = moments});
    return std::move(b.program);
}

}  // namespace sluice
