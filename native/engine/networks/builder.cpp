#include "networks/builder.h"

#include "core/error.h"
#include "ops/lower.h"

namespace sluice {

TensorId ProgramBuilder::tensor(std::string name, int batch, int height, int width, int channels, bool f32,
                                TensorRole role) {
    program.tensors.push_back({std::move(name), batch, height, width, channels, f32, role});
    return TensorId(program.tensors.size() - 1);
}

void ProgramBuilder::add(const std::string& name, OpBody body) {
    program.ops.push_back({named(name), std::move(body)});
}

VectorId ProgramBuilder::vector(const std::string& tensor_name, int size) {
    Vector v;
    v.names = {tensor_name};
    v.counts = {size};
    v.size = size;
    program.vectors.push_back(std::move(v));
    program.vector_source.push_back(source_);
    return VectorId(program.vectors.size() - 1);
}

TensorId ProgramBuilder::conv(const std::vector<std::string>& names, TensorId a, int outputs, const ConvOptions& o) {
    const Tensor in = at(a);
    Matrix m;
    m.outputs = outputs * int(names.size());
    m.inputs = in.channels;
    if (o.a2 != none) {
        m.first_inputs = in.channels;
        m.inputs += at(o.a2).channels;
    }
    m.taps = o.kernel * o.kernel;
    m.geglu = o.activation == Activation::geglu;
    for (const auto& n : names) m.parts.push_back({n + ".weight", 0, outputs});
    program.matrices.push_back(m);
    program.matrix_source.push_back(source_);

    Conv c;
    c.a = a;
    c.a2 = o.a2;
    c.row_stats = o.row_stats;
    c.affine = o.affine;
    c.gamma = o.gamma;
    c.beta = o.beta;
    c.silu_in = o.silu_in;
    c.kernel = o.kernel;
    c.stride = o.stride;
    c.pad = o.pad;
    c.up_height = o.up_height;
    c.up_width = o.up_width;
    c.weight = MatrixId(program.matrices.size() - 1);
    if (o.bias) {
        Vector v;
        for (const auto& n : names) {
            v.names.push_back(n + ".bias");
            v.counts.push_back(outputs);
        }
        v.size = m.outputs;
        v.geglu = m.geglu;
        program.vectors.push_back(std::move(v));
        program.vector_source.push_back(source_);
        c.bias = VectorId(program.vectors.size() - 1);
    }
    c.channel_add = o.channel_add;
    c.activation = o.activation;
    c.scale = o.scale;
    c.residual = o.residual;

    const int virtual_height = o.up_height ? o.up_height : in.height;
    const int virtual_width = o.up_width ? o.up_width : in.width;
    const int pad_total = o.pad_after_only ? 1 : 2 * o.pad;
    const int height = (virtual_height + pad_total - o.kernel) / o.stride + 1;
    const int width = (virtual_width + pad_total - o.kernel) / o.stride + 1;
    const int channels = m.geglu ? m.outputs / 2 : m.outputs;
    if (o.in_place) c.out = o.residual;
    else if (o.out != none) c.out = o.out;
    else c.out = tensor(named(names.front()), in.batch, height, width, channels);
    const Tensor& out = at(c.out);
    if (out.height != height || out.width != width || out.channels != channels || out.batch != in.batch)
        throw Error(Status::internal, "program", "layer " + names.front() + " does not fit its output tensor");
    add(names.front(), c);
    return c.out;
}

TensorId ProgramBuilder::group_norm(const std::string& name, TensorId a, TensorId a2, int groups, float eps) {
    const Tensor in = at(a);
    const int channels = in.channels + (a2 == none ? 0 : at(a2).channels);
    if (channels % groups != 0)
        throw Error(Status::input, "config", "group norm " + name + ": " + std::to_string(channels) +
                                                 " channels cannot be split into " + std::to_string(groups) + " groups");
    GroupNormStats op;
    op.a = a;
    op.a2 = a2;
    op.groups = groups;
    op.eps = eps;
    op.gamma = vector(name + ".weight", channels);
    op.beta = vector(name + ".bias", channels);
    op.partial = tensor(named(name + ".partial"), in.batch, group_norm_chunks(in), groups, 4, true);
    op.out = tensor(named(name), in.batch, 2, 1, channels, true);
    const TensorId out = op.out;
    add(name, op);
    return out;
}

TensorId ProgramBuilder::layer_norm_stats(const std::string& name, TensorId a, float eps) {
    const Tensor in = at(a);
    LayerNormStats op;
    op.a = a;
    op.eps = eps;
    op.out = tensor(named(name), in.batch, in.height, in.width, 2, true);
    add(name, op);
    return op.out;
}

void ProgramBuilder::attention(const std::string& name, const Attention& op) {
    if (op.head_size % 4 != 0 || op.head_size > 512)
        throw Error(Status::input, "config",
                    "attention " + name + ": head size " + std::to_string(op.head_size) +
                        "; expected a multiple of 4, at most 512");
    add(name, op);
}

TensorId ProgramBuilder::pointwise(const std::string& name, const Pointwise& op) {
    add(name, op);
    return op.out;
}

TensorId ProgramBuilder::resnet(const std::string& p, TensorId x, TensorId skip, int outputs, TensorId temb, int groups,
                                float eps, bool consume) {
    const int inputs = at(x).channels + (skip == none ? 0 : at(skip).channels);
    const TensorId norm1 = group_norm(p + ".norm1", x, skip, groups, eps);
    // The shortcut comes first: after it conv1 is the last reader of x, whose memory can then be given on.
    TensorId shortcut = x;
    if (inputs != outputs) shortcut = conv({p + ".conv_shortcut"}, x, outputs, {.a2 = skip});
    TensorId time = none;
    if (temb != none) time = conv({p + ".time_emb_proj"}, temb, outputs, {.silu_in = true});
    const TensorId h = conv({p + ".conv1"}, x, outputs,
                            {.a2 = skip, .affine = norm1, .channel_add = time, .silu_in = true, .kernel = 3, .pad = 1});
    const TensorId norm2 = group_norm(p + ".norm2", h, none, groups, eps);
    return conv({p + ".conv2"}, h, outputs,
                {.affine = norm2, .residual = shortcut, .silu_in = true, .in_place = consume || shortcut != x,
                 .kernel = 3, .pad = 1});
}

TensorId ProgramBuilder::transformer(const std::string& p, TensorId x, TensorId context, int heads, int groups,
                                     bool consume) {
    const Tensor in = at(x);
    const int c = in.channels;
    if (c % heads != 0)
        throw Error(Status::input, "config",
                    "transformer " + p + ": " + std::to_string(c) + " channels, " + std::to_string(heads) + " heads");
    const int d = c / heads;
    const std::string b = p + ".transformer_blocks.0";
    constexpr float ln_eps = 1e-5f;  // BasicTransformerBlock's default
    const TensorId norm = group_norm(p + ".norm", x, none, groups, 1e-6f);
    const TensorId t = conv({p + ".proj_in"}, x, c, {.affine = norm});

    const TensorId s1 = layer_norm_stats(b + ".norm1", t, ln_eps);
    const TensorId qkv = conv({b + ".attn1.to_q", b + ".attn1.to_k", b + ".attn1.to_v"}, t, c,
                              {.row_stats = s1, .gamma = vector(b + ".norm1.weight", c),
                               .beta = vector(b + ".norm1.bias", c), .bias = false});
    const TensorId self = tensor(named(b + ".attn1"), in.batch, in.height, in.width, c);
    attention(b + ".attn1", {.q = qkv, .k = qkv, .v = qkv, .q_offset = 0, .k_offset = c, .v_offset = 2 * c,
                             .heads = heads, .head_size = d, .out = self});
    conv({b + ".attn1.to_out.0"}, self, c, {.residual = t, .in_place = true});

    const TensorId s2 = layer_norm_stats(b + ".norm2", t, ln_eps);
    const TensorId q = conv({b + ".attn2.to_q"}, t, c,
                            {.row_stats = s2, .gamma = vector(b + ".norm2.weight", c),
                             .beta = vector(b + ".norm2.bias", c), .bias = false});
    const TensorId kv = conv({b + ".attn2.to_k", b + ".attn2.to_v"}, context, c, {.bias = false});
    const TensorId cross = tensor(named(b + ".attn2"), in.batch, in.height, in.width, c);
    attention(b + ".attn2", {.q = q, .k = kv, .v = kv, .q_offset = 0, .k_offset = 0, .v_offset = c, .heads = heads,
                             .head_size = d, .out = cross});
    conv({b + ".attn2.to_out.0"}, cross, c, {.residual = t, .in_place = true});

    const TensorId s3 = layer_norm_stats(b + ".norm3", t, ln_eps);
    const TensorId ff = conv({b + ".ff.net.0.proj"}, t, 8 * c,
                             {.row_stats = s3, .gamma = vector(b + ".norm3.weight", c),
                              .beta = vector(b + ".norm3.bias", c), .activation = Activation::geglu});
    conv({b + ".ff.net.2"}, ff, c, {.residual = t, .in_place = true});
    return conv({p + ".proj_out"}, t, c, {.residual = x, .in_place = consume});
}

TensorId ProgramBuilder::vae_attention(const std::string& p, TensorId x, int groups, float eps) {
    const Tensor in = at(x);
    const int c = in.channels;
    const TensorId norm = group_norm(p + ".group_norm", x, none, groups, eps);
    const TensorId qkv = conv({p + ".to_q", p + ".to_k", p + ".to_v"}, x, c, {.affine = norm});
    const TensorId mixed = tensor(named(p), in.batch, in.height, in.width, c);
    attention(p, {.q = qkv, .k = qkv, .v = qkv, .q_offset = 0, .k_offset = c, .v_offset = 2 * c, .heads = 1,
                  .head_size = c, .out = mixed});
    return conv({p + ".to_out.0"}, mixed, c, {.residual = x, .in_place = true});
}

}  // namespace sluice
