#include <cmath>

#include "core/error.h"
#include "networks/networks.h"

namespace sluice {
namespace {

// What the contracting half leaves behind.
struct DownState {
    TensorId sample = none;
    std::vector<TensorId> skips;
    TensorId temb = none;
};

// Time embedding, contracting blocks: shared by the UNet and the ControlNet, whose tensors have the same names.
// `visit` sees every skip when it is there. The UNet keeps them, the ControlNet is done with each after its
// zero convolution, but for the next block, which reads it.
template <typename Visit>
DownState down_path(ProgramBuilder& b, const UNetConfig& c, TensorId sample, TensorId time, TensorId context,
                    TensorId hint, Visit visit) {
    DownState s;
    const int temb_channels = c.block_out_channels.front() * 4;
    const TensorId t1 = b.conv({"time_embedding.linear_1"}, time, temb_channels, {.activation = Activation::silu});
    s.temb = b.conv({"time_embedding.linear_2"}, t1, temb_channels, {});
    TensorId x = b.conv({"conv_in"}, sample, c.block_out_channels.front(), {.residual = hint, .kernel = 3, .pad = 1});
    auto push = [&](TensorId id) {
        s.skips.push_back(id);
        visit(int(s.skips.size()) - 1, id);
    };
    push(x);
    const size_t levels = c.block_out_channels.size();
    for (size_t i = 0; i < levels; i++) {
        const std::string p = "down_blocks." + std::to_string(i);
        const int channels = c.block_out_channels[i];
        for (int j = 0; j < c.layers_per_block; j++) {
            x = b.resnet(p + ".resnets." + std::to_string(j), x, none, channels, s.temb, c.norm_num_groups, c.norm_eps,
                         false);
            if (c.down_attention[i])
                x = b.transformer(p + ".attentions." + std::to_string(j), x, context, c.num_heads[i],
                                  c.norm_num_groups, true);
            push(x);
        }
        if (i + 1 < levels) {
            x = b.conv({p + ".downsamplers.0.conv"}, x, channels, {.kernel = 3, .stride = 2, .pad = 1});
            push(x);
        }
    }
    s.sample = x;
    return s;
}

// The middle block reads the last skip, which must survive: its first resnet does not consume.
TensorId middle(ProgramBuilder& b, const UNetConfig& c, TensorId x, TensorId temb, TensorId context) {
    const int channels = c.block_out_channels.back();
    x = b.resnet("mid_block.resnets.0", x, none, channels, temb, c.norm_num_groups, c.norm_eps, false);
    x = b.transformer("mid_block.attentions.0", x, context, c.num_heads.back(), c.norm_num_groups, true);
    return b.resnet("mid_block.resnets.1", x, none, channels, temb, c.norm_num_groups, c.norm_eps, true);
}

// The text's states as every transformer's keys and values read them: in storage precision, once a pass.
TensorId text_states(ProgramBuilder& b, const UNetConfig& c, int batch, int tokens) {
    const TensorId given = b.tensor("context", batch, 1, tokens, c.cross_attention_dim, true, TensorRole::input);
    const TensorId stored = b.tensor("context.stored", batch, 1, tokens, c.cross_attention_dim);
    return b.pointwise("context", {.a = given, .out = stored});
}

void check(const UNetConfig& c, int height, int width) {
    const size_t levels = c.block_out_channels.size();
    if (levels == 0 || c.down_attention.size() != levels || c.num_heads.size() != levels)
        throw Error(Status::input, "config", "UNet configuration: lists of different lengths");
    if (height < 1 || width < 1)
        throw Error(Status::input, "size", "UNet: latent of " + std::to_string(width) + "x" + std::to_string(height));
}

TensorId hint_embedding(ProgramBuilder& b, const ControlNetConfig& c, TensorId hint, TensorId out) {
    const std::string p = "controlnet_cond_embedding";
    const auto& widths = c.conditioning_embedding_out_channels;
    TensorId x = b.conv({p + ".conv_in"}, hint, widths[0], {.kernel = 3, .pad = 1, .activation = Activation::silu});
    for (size_t i = 0; i + 1 < widths.size(); i++) {
        x = b.conv({p + ".blocks." + std::to_string(2 * i)}, x, widths[i],
                   {.kernel = 3, .pad = 1, .activation = Activation::silu});
        x = b.conv({p + ".blocks." + std::to_string(2 * i + 1)}, x, widths[i + 1],
                   {.kernel = 3, .stride = 2, .pad = 1, .activation = Activation::silu});
    }
    return b.conv({p + ".conv_out"}, x, c.unet.block_out_channels.front(), {.kernel = 3, .pad = 1, .out = out});
}

// `targets`: the tensors to which each zero convolution's result is added, or none: outputs are made.
void controlnet(ProgramBuilder& b, const ControlNetConfig& c, TensorId sample, TensorId time, TensorId context,
                TensorId hint, float strength, const std::vector<TensorId>& targets) {
    auto zero = [&](const std::string& name, int index, TensorId x) {
        const Tensor t = b.at(x);
        if (targets.empty()) {
            const std::string out_name = name == "controlnet_mid_block" ? "mid" : "down_" + std::to_string(index);
            const TensorId out = b.tensor(out_name, t.batch, t.height, t.width, t.channels, true, TensorRole::output);
            b.conv({name}, x, t.channels, {.scale = strength, .out = out});
        } else {
            b.conv({name}, x, t.channels, {.residual = targets[size_t(index)], .in_place = true, .scale = strength});
        }
    };
    const DownState s = down_path(b, c.unet, sample, time, context, hint, [&](int index, TensorId x) {
        zero("controlnet_down_blocks." + std::to_string(index), index, x);
    });
    const TensorId mid = middle(b, c.unet, s.sample, s.temb, context);
    zero("controlnet_mid_block", int(s.skips.size()), mid);
}

}  // namespace

Program unet_program(const UNetConfig& c, const StepOptions& o) {
    check(c, o.height, o.width);
    ProgramBuilder b("unet");
    b.use_source(0, "");
    const TensorId sample = b.tensor("sample", o.batch, o.height, o.width, c.in_channels, true, TensorRole::input);
    const TensorId time =
        b.tensor("time", o.batch, 1, 1, c.block_out_channels.front(), true, TensorRole::input);
    const TensorId context = text_states(b, c, o.batch, o.tokens);

    DownState s = down_path(b, c, sample, time, context, none, [](int, TensorId) {});
    TensorId x = middle(b, c, s.sample, s.temb, context);
    std::vector<TensorId> targets = s.skips;
    targets.push_back(x);
    if (o.residual_inputs) {
        for (size_t i = 0; i < targets.size(); i++) {
            const Tensor t = b.at(targets[i]);
            const std::string name = i + 1 == targets.size() ? "mid" : "down_" + std::to_string(i);
            const TensorId r = b.tensor(name, t.batch, t.height, t.width, t.channels, true, TensorRole::input);
            b.pointwise("residual." + name, {.a = targets[i], .b = r, .out = targets[i]});
        }
    }
    for (size_t i = 0; i < o.controls.size(); i++) {
        const StepControl& control = o.controls[i];
        const UNetConfig& other = control.config->unet;
        if (other.block_out_channels != c.block_out_channels || other.cross_attention_dim != c.cross_attention_dim ||
            other.layers_per_block != c.layers_per_block || other.down_attention != c.down_attention)
            throw Error(Status::input, "controlnet-mismatch",
                        "ControlNet " + std::to_string(i + 1) + " was made for a UNet of another shape",
                        "use a ControlNet that was trained for this model's architecture");
        b.use_source(control.source, "controlnet." + std::to_string(i));
        const TensorId hint = b.tensor("hint." + std::to_string(i), 1, o.height, o.width, c.block_out_channels.front(),
                                       false, TensorRole::kept);
        controlnet(b, *control.config, sample, time, context, hint, control.strength, targets);
    }
    b.use_source(0, "");

    const size_t levels = c.block_out_channels.size();
    for (size_t i = 0; i < levels; i++) {
        const std::string p = "up_blocks." + std::to_string(i);
        const size_t level = levels - 1 - i;
        const int channels = c.block_out_channels[level];
        for (int j = 0; j < c.layers_per_block + 1; j++) {
            const TensorId skip = s.skips.back();
            s.skips.pop_back();
            x = b.resnet(p + ".resnets." + std::to_string(j), x, skip, channels, s.temb, c.norm_num_groups, c.norm_eps,
                         true);
            if (c.up_attention[i])
                x = b.transformer(p + ".attentions." + std::to_string(j), x, context, c.num_heads[level],
                                  c.norm_num_groups, true);
        }
        if (i + 1 < levels) {
            // To the next skip's size, which is not twice this one where a side was odd.
            const Tensor& skip = b.at(s.skips.back());
            x = b.conv({p + ".upsamplers.0.conv"}, x, channels,
                       {.kernel = 3, .pad = 1, .up_height = skip.height, .up_width = skip.width});
        }
    }
    const TensorId norm = b.group_norm("conv_norm_out", x, none, c.norm_num_groups, c.norm_eps);
    const TensorId out = b.tensor("out", o.batch, o.height, o.width, c.out_channels, true, TensorRole::output);
    b.conv({"conv_out"}, x, c.out_channels, {.affine = norm, .silu_in = true, .kernel = 3, .pad = 1, .out = out});
    return std::move(b.program);
}

Program hint_program(const ControlNetConfig& c, int height, int width, TensorRole role) {
    ProgramBuilder b("hint");
    const TensorId hint =
        b.tensor("hint", 1, height * 8, width * 8, c.conditioning_channels, true, TensorRole::input);
    const TensorId out = b.tensor("hint.0", 1, height, width, c.unet.block_out_channels.front(), false, role);
    hint_embedding(b, c, hint, out);
    return std::move(b.program);
}

Program controlnet_program(const ControlNetConfig& c, int batch, int height, int width, int tokens, float strength) {
    check(c.unet, height, width);
    ProgramBuilder b("controlnet");
    const TensorId sample = b.tensor("sample", batch, height, width, c.unet.in_channels, true, TensorRole::input);
    const TensorId time = b.tensor("time", batch, 1, 1, c.unet.block_out_channels.front(), true, TensorRole::input);
    const TensorId context =
        b.tensor("context", batch, 1, tokens, c.unet.cross_attention_dim, true, TensorRole::input);
    const TensorId hint =
        b.tensor("hint", batch, height * 8, width * 8, c.conditioning_channels, true, TensorRole::input);
    const TensorId embedded = hint_embedding(b, c, hint, none);
    controlnet(b, c, sample, time, context, embedded, strength, {});
    return std::move(b.program);
}

std::vector<float> timestep_embedding(double timestep, int channels, bool flip_sin_to_cos, float freq_shift) {
    const int half = channels / 2;
    std::vector<float> out(size_t(channels), 0.f);
    for (int i = 0; i < half; i++) {
        // PyTorch computes exponent and frequency in float32; the argument then decides at which float the sine is
        // taken, so the roundings are repeated here. The sine itself is taken in double: a GPU's own sine is too
        // coarse at arguments near 1000, which is why this is not a shader.
        const float exponent = (-std::log(10000.f) * float(i)) / (float(half) - freq_shift);
        const float argument = float(timestep) * std::exp(exponent);
        const float s = float(std::sin(double(argument))), c = float(std::cos(double(argument)));
        out[size_t(i)] = flip_sin_to_cos ? c : s;
        out[size_t(half + i)] = flip_sin_to_cos ? s : c;
    }
    return out;
}

TensorId find_tensor(const Program& program, const std::string& name) {
    for (size_t i = 0; i < program.tensors.size(); i++)
        if (program.tensors[i].name == name) return TensorId(i);
    throw Error(Status::internal, "program", "program " + program.name + " has no tensor " + name);
}

}  // namespace sluice
