// The seed table of the op tests: odd sizes and every option of every op, few enough to run in a minute.
#pragma once
#include "ops/op_bench.h"

namespace sluice::ops {

struct ConvOptions {
    bool upsample = false, affine = false, layer_norm = false, silu_in = false, bias = true, channel_add = false;
    int residual = 0;  // 1: of the output's batch, 2: of batch 1, 3: the output itself
    Activation activation = Activation::none;
    float scale = 1.f;
    bool a_f32 = false, out_f32 = false;
};

struct ConvSeed {
    const char* name;
    int batch, height, width, channels, channels2, outputs, kernel, stride, pad, out_height, out_width;
    ConvOptions with = {};
};

// clang-format off
inline const ConvSeed conv_seeds[] = {
    {"3x3, pixels and channels odd to every tile", 2, 7, 5, 12, 0, 36, 3, 1, 1, 7, 5, {.affine = true, .silu_in = true, .channel_add = true}},
    {"3x3, two sources, residual, scale", 1, 9, 11, 20, 8, 68, 3, 1, 1, 9, 11, {.affine = true, .silu_in = true, .residual = 1, .scale = 0.5f}},
    {"3x3, stride 2, padding on both sides", 2, 9, 7, 8, 0, 8, 3, 2, 1, 5, 4, {.residual = 2, .activation = Activation::silu}},
    {"3x3, stride 2, padding at the bottom and right", 1, 8, 10, 8, 0, 12, 3, 2, 0, 4, 5},
    {"3x3, nearest upsampling to twice", 1, 4, 5, 16, 0, 8, 3, 1, 1, 8, 10, {.upsample = true}},
    {"3x3, nearest upsampling to an odd size", 2, 4, 5, 16, 0, 8, 3, 1, 1, 7, 9, {.upsample = true}},
    {"3x3, fp32 latent in", 1, 6, 6, 4, 0, 32, 3, 1, 1, 6, 6, {.a_f32 = true}},
    {"3x3, few outputs in fp32", 1, 6, 7, 32, 0, 3, 3, 1, 1, 6, 7, {.affine = true, .silu_in = true, .out_f32 = true}},
    {"3x3, 200 pixels", 1, 20, 10, 36, 0, 40, 3, 1, 1, 20, 10, {.silu_in = true, .residual = 3}},
    {"3x3, rows of 18, channels of eight, norm", 1, 11, 18, 40, 0, 68, 3, 1, 1, 11, 18, {.affine = true, .silu_in = true, .channel_add = true}},
    {"3x3, two pictures, two sources of eight", 2, 9, 16, 24, 16, 72, 3, 1, 1, 9, 16, {.affine = true, .silu_in = true, .residual = 1, .scale = 0.5f}},
    {"3x3, upsampled rows of 34", 1, 5, 17, 56, 0, 40, 3, 1, 1, 10, 34, {.upsample = true}},
    {"3x3, many inputs, few pixels", 2, 4, 4, 136, 0, 68, 3, 1, 1, 4, 4, {.affine = true, .silu_in = true, .residual = 3}},
    {"1x1, layer norm, fused q k v", 2, 1, 77, 24, 0, 72, 1, 1, 0, 1, 77, {.layer_norm = true}},
    {"1x1, layer norm, GEGLU", 2, 1, 19, 40, 0, 160, 1, 1, 0, 1, 19, {.layer_norm = true, .activation = Activation::geglu}},
    {"1x1, GEGLU of odd panels", 1, 1, 35, 8, 0, 24, 1, 1, 0, 1, 35, {.activation = Activation::geglu}},
    {"1x1, quick GELU", 1, 1, 77, 16, 0, 64, 1, 1, 0, 1, 77, {.activation = Activation::quick_gelu}},
    {"1x1, GELU", 1, 1, 13, 16, 0, 32, 1, 1, 0, 1, 13, {.activation = Activation::gelu}},
    {"1x1, shortcut of two sources", 2, 6, 3, 12, 12, 20, 1, 1, 0, 6, 3, {.bias = false}},
    {"1x1, group norm into tokens, residual", 2, 5, 3, 32, 0, 32, 1, 1, 0, 5, 3, {.affine = true, .residual = 1}},
    {"1x1, one row, SiLU on load", 2, 1, 1, 64, 0, 132, 1, 1, 0, 1, 1, {.silu_in = true}},
    {"1x1, broadcast residual", 3, 2, 5, 8, 0, 8, 1, 1, 0, 2, 5, {.residual = 2}},
};
// clang-format on

inline OpCase build(const ConvSeed& s) {
    CaseBuilder b(s.name);
    Conv op;
    op.a = b.tensor("a", s.batch, s.height, s.width, s.channels, s.with.a_f32);
    if (s.channels2) op.a2 = b.tensor("a2", s.batch, s.height, s.width, s.channels2);
    const int stored = padded_channels(s.channels) + padded_channels(s.channels2);
    if (s.with.affine) op.affine = b.tensor("affine", s.batch, 2, 1, stored, true, 0.5f, 0.5f);
    if (s.with.layer_norm) {
        op.row_stats = b.tensor("row stats", s.batch, s.height, s.width, 2, true, 1.f, 0.2f);
        op.gamma = b.vector(s.channels, false, 1.f);
        op.beta = b.vector(s.channels);
    }
    op.silu_in = s.with.silu_in;
    op.kernel = s.kernel;
    op.stride = s.stride;
    op.pad = s.pad;
    if (s.with.upsample) {
        op.up_height = s.out_height;
        op.up_width = s.out_width;
    }
    op.activation = s.with.activation;
    op.scale = s.with.scale;
    const bool geglu = s.with.activation == Activation::geglu;
    const int channels = geglu ? s.outputs / 2 : s.outputs;
    Matrix m;
    m.outputs = s.outputs;
    m.inputs = s.channels + s.channels2;
    m.first_inputs = s.channels2 ? s.channels : 0;
    m.taps = s.kernel * s.kernel;
    m.geglu = geglu;
    op.weight = b.matrix(m);
    if (s.with.bias) op.bias = b.vector(s.outputs, geglu);
    if (s.with.channel_add) op.channel_add = b.tensor("time", s.batch, 1, 1, channels);
    op.out = b.tensor("out", s.batch, s.out_height, s.out_width, channels, s.with.out_f32);
    if (s.with.residual == 1) op.residual = b.tensor("residual", s.batch, s.out_height, s.out_width, channels);
    if (s.with.residual == 2) op.residual = b.tensor("residual", 1, s.out_height, s.out_width, channels);
    if (s.with.residual == 3) op.residual = op.out;
    const TensorId out = op.out;
    return b.finish(op, out);
}

struct GroupNormSeed {
    const char* name;
    int batch, height, width, channels, channels2, groups;
    bool f32 = false;
};

inline const GroupNormSeed group_norm_seeds[] = {
    {"several chunks, the last one short", 1, 70, 33, 24, 0, 8},
    {"groups of 10 channels across vec4s", 2, 5, 3, 320, 0, 32},
    {"a group astride two sources", 2, 6, 7, 12, 20, 2},
    {"channels that fill no vec4", 1, 4, 4, 6, 10, 2},
    {"one channel a group, fp32", 1, 3, 9, 8, 0, 8, true},
    {"a single pixel", 2, 1, 1, 64, 0, 32},
};

inline OpCase build(const GroupNormSeed& s) {
    CaseBuilder b(s.name);
    GroupNormStats op;
    op.a = b.tensor("a", s.batch, s.height, s.width, s.channels, s.f32, 3.f);
    if (s.channels2) op.a2 = b.tensor("a2", s.batch, s.height, s.width, s.channels2, false, -1.f, 2.f);
    op.groups = s.groups;
    op.gamma = b.vector(s.channels + s.channels2, false, 1.f);
    op.beta = b.vector(s.channels + s.channels2);
    const int chunks = group_norm_chunks(Tensor{"", s.batch, s.height, s.width, s.channels});
    op.partial = b.tensor("partial", s.batch, chunks, s.groups, 4, true);
    op.out = b.tensor("affine", s.batch, 2, 1, padded_channels(s.channels) + padded_channels(s.channels2), true);
    const TensorId out = op.out;
    return b.finish(op, out);
}

struct LayerNormSeed {
    const char* name;
    int batch, rows, channels;
};

inline const LayerNormSeed layer_norm_seeds[] = {
    {"rows of 77 tokens", 2, 77, 64},
    {"fewer channels than lanes, and no whole vec4", 1, 3, 10},
    {"one wide row", 1, 1, 1280},
};

inline OpCase build(const LayerNormSeed& s) {
    CaseBuilder b(s.name);
    LayerNormStats op;
    op.a = b.tensor("a", s.batch, 1, s.rows, s.channels, false, 2.f);
    op.out = b.tensor("stats", s.batch, 1, s.rows, 2, true);
    const TensorId out = op.out;
    return b.finish(op, out);
}

struct AttentionSeed {
    const char* name;
    int batch, queries, keys, heads, head_size;
    bool causal = false, fused = false;  // fused: q, k and v lie in one tensor
    int key_batch = 0;                   // 0: that of the queries
};

inline const AttentionSeed attention_seeds[] = {
    {"head 4", 1, 5, 9, 3, 4},
    {"head 8, fused", 2, 33, 33, 2, 8, false, true},
    {"head 24, 77 keys", 1, 40, 77, 2, 24},
    {"head 40, fused", 1, 70, 70, 2, 40, false, true},
    {"head 64, causal, fused", 2, 77, 77, 2, 64, true, true},
    {"head 80, 77 keys for all images", 2, 17, 77, 1, 80, false, false, 1},
    {"head 160", 1, 35, 64, 2, 160},
    {"head 40, two pictures, 65 keys", 2, 67, 65, 1, 40},
    {"head 512", 1, 36, 37, 1, 512, false, true},
    {"one query", 1, 1, 1, 1, 16, true},
};

inline OpCase build(const AttentionSeed& s) {
    CaseBuilder b(s.name);
    Attention op;
    const int width = s.heads * s.head_size, keys_batch = s.key_batch ? s.key_batch : s.batch;
    op.heads = s.heads;
    op.head_size = s.head_size;
    op.causal = s.causal;
    if (s.fused) {
        op.q = op.k = op.v = b.tensor("qkv", s.batch, 1, s.queries, 3 * width);
        op.k_offset = width;
        op.v_offset = 2 * width;
    } else {
        op.q = b.tensor("q", s.batch, 1, s.queries, width, false, 0.f, 3.f);
        op.k = op.v = b.tensor("kv", keys_batch, 1, s.keys, 2 * width);
        op.v_offset = width;
    }
    op.out = b.tensor("out", s.batch, 1, s.queries, width);
    const TensorId out = op.out;
    return b.finish(op, out);
}

struct PointwiseSeed {
    const char* name;
    int batch, rows, channels;
    bool a, layer_norm;
    Activation activation;
    int b;  // 1: of the output's batch, 2: of batch 1
    bool in_place = false, b_f32 = false;
};

inline const PointwiseSeed pointwise_seeds[] = {
    {"layer norm", 2, 77, 24, true, true, Activation::none, 0},
    {"SiLU plus another", 1, 5, 6, true, false, Activation::silu, 1},
    {"broadcast, in place", 3, 7, 12, true, false, Activation::none, 2, true},
    {"copy and scale of fp32", 2, 9, 8, false, false, Activation::none, 1, false, true},
    {"GELU", 1, 130, 20, true, false, Activation::gelu, 0},
};

inline OpCase build(const PointwiseSeed& s) {
    CaseBuilder b(s.name);
    Pointwise op;
    if (s.a) op.a = b.tensor("a", s.batch, 1, s.rows, s.channels);
    if (s.layer_norm) {
        op.row_stats = b.tensor("row stats", s.batch, 1, s.rows, 2, true, 1.f, 0.2f);
        op.gamma = b.vector(s.channels, false, 1.f);
        op.beta = b.vector(s.channels);
    }
    op.activation = s.activation;
    if (s.b) op.b = b.tensor("b", s.b == 2 ? 1 : s.batch, 1, s.rows, s.channels, s.b_f32);
    op.scale_b = -0.7f;
    op.out = s.in_place ? op.a : b.tensor("out", s.batch, 1, s.rows, s.channels);
    const TensorId out = op.out;
    return b.finish(op, out);
}

}  // namespace sluice::ops
