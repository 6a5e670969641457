#include "networks/networks.h"

namespace sluice {

Program text_encoder_program(const TextEncoderConfig& config, int batch, int layers) {
    ProgramBuilder b("text-encoder");
    const int c = config.hidden_size, heads = config.num_attention_heads, tokens = config.max_position_embeddings;
    const Activation act = config.hidden_act == "gelu" ? Activation::gelu : Activation::quick_gelu;
    const TensorId in = b.tensor("embeddings", batch, 1, tokens, c, true, TensorRole::input);
    const TensorId x = b.tensor("hidden", batch, 1, tokens, c);
    b.pointwise("embeddings", {.a = in, .out = x});
    for (int layer = 0; layer < layers; layer++) {
        const std::string p = "text_model.encoder.layers." + std::to_string(layer);
        const TensorId s1 = b.layer_norm_stats(p + ".layer_norm1", x, config.layer_norm_eps);
        const TensorId qkv =
            b.conv({p + ".self_attn.q_proj", p + ".self_attn.k_proj", p + ".self_attn.v_proj"}, x, c,
                   {.row_stats = s1, .gamma = b.vector(p + ".layer_norm1.weight", c),
                    .beta = b.vector(p + ".layer_norm1.bias", c)});
        const TensorId mixed = b.tensor(p + ".self_attn", batch, 1, tokens, c);
        b.attention(p + ".self_attn", {.q = qkv, .k = qkv, .v = qkv, .q_offset = 0, .k_offset = c, .v_offset = 2 * c,
                                       .heads = heads, .head_size = c / heads, .causal = true, .out = mixed});
        b.conv({p + ".self_attn.out_proj"}, mixed, c, {.residual = x, .in_place = true});
        const TensorId s2 = b.layer_norm_stats(p + ".layer_norm2", x, config.layer_norm_eps);
        const TensorId h = b.conv({p + ".mlp.fc1"}, x, config.intermediate_size,
                                  {.row_stats = s2, .gamma = b.vector(p + ".layer_norm2.weight", c),
                                   .beta = b.vector(p + ".layer_norm2.bias", c), .activation = act});
        b.conv({p + ".mlp.fc2"}, h, c, {.residual = x, .in_place = true});
    }
    const std::string final_norm = "text_model.final_layer_norm";
    const TensorId stats = b.layer_norm_stats(final_norm, x, config.layer_norm_eps);
    const TensorId out = b.tensor("last_hidden_state", batch, 1, tokens, c, true, TensorRole::output);
    b.pointwise(final_norm + ".apply", {.a = x, .row_stats = stats, .gamma = b.vector(final_norm + ".weight", c),
                                        .beta = b.vector(final_norm + ".bias", c), .out = out});
    return std::move(b.program);
}

}  // namespace sluice
