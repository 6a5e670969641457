// Helpers that append ops to a Program. Knows the layers of SD 1.x (resnets, transformers), not where they stand.
#pragma once
#include <string>

#include "networks/config.h"
#include "ops/op.h"

namespace sluice {

// Builds one Program; several networks (their WeightSources numbered by the caller) may append to it.
class ProgramBuilder {
  public:
    explicit ProgramBuilder(std::string name) { program.name = std::move(name); }
    Program program;

    void use_source(int source, std::string label) {
        source_ = source;
        label_ = std::move(label);
    }

    TensorId tensor(std::string name, int batch, int height, int width, int channels, bool f32 = false,
                    TensorRole role = TensorRole::activation);
    const Tensor& at(TensorId id) const { return program.tensors[size_t(id)]; }

    // What a layer's convolution or linear map may carry besides its weights.
    struct ConvOptions {
        TensorId a2 = none, row_stats = none, affine = none, channel_add = none, residual = none;
        VectorId gamma = none, beta = none;
        bool silu_in = false, bias = true, in_place = false;  // in_place: the residual's memory takes the output
        int kernel = 1, stride = 1, pad = 0, up_height = 0, up_width = 0;
        bool pad_after_only = false;  // VAE encoder: one row and column, below and right
        Activation activation = Activation::none;
        float scale = 1.f;
        TensorId out = none;  // an output tensor made by the caller
    };
    // `names`: weights stacked along output channels ("…to_q", "…to_k", "…to_v"), each with `outputs` channels.
    TensorId conv(const std::vector<std::string>& names, TensorId a, int outputs, const ConvOptions& options);

    // Group-norm statistics folded with gamma and beta: an affine tensor for conv().
    TensorId group_norm(const std::string& name, TensorId a, TensorId a2, int groups, float eps);
    TensorId layer_norm_stats(const std::string& name, TensorId a, float eps);
    VectorId vector(const std::string& tensor_name, int size);
    void attention(const std::string& name, const Attention& op);
    TensorId pointwise(const std::string& name, const Pointwise& op);

    // ResnetBlock2D. temb: [batch,1,1,C] before SiLU, or none (VAE). The input's memory is reused for the result
    // when `consume` allows and the channel counts agree.
    TensorId resnet(const std::string& prefix, TensorId x, TensorId skip, int outputs, TensorId temb, int groups,
                    float eps, bool consume);
    // Transformer2DModel with one BasicTransformerBlock over tokens of x and the text states `context`.
    TensorId transformer(const std::string& prefix, TensorId x, TensorId context, int heads, int groups, bool consume);
    // The VAE's single-head attention over pixels.
    TensorId vae_attention(const std::string& prefix, TensorId x, int groups, float eps);

  private:
    int source_ = 0;
    std::string label_;
    std::string named(const std::string& layer) const { return label_.empty() ? layer : label_ + "." + layer; }
    void add(const std::string& name, OpBody body);
};

}  // namespace sluice
