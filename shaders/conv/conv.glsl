// What the variants of Conv share: bindings, the folded load of an input pixel, the epilogue. See Conv in ops/op.h.
#include "shared/storage.glsl"
#include "shared/activation.glsl"

layout(constant_id = SPEC_KERNEL) const int kernel = 1;
layout(constant_id = SPEC_STRIDE) const int stride = 1;

layout(push_constant) uniform Push { ConvParams p; };

layout(binding = 0) readonly buffer A { STORED a[]; };
layout(binding = 0) readonly buffer AF32 { vec4 a_f32[]; };
layout(binding = 1) readonly buffer A2 { STORED a2[]; };
layout(binding = 1) readonly buffer A2F32 { vec4 a2_f32[]; };
layout(binding = 1) readonly buffer Gamma { vec4 gamma[]; };  // layer norm has neither a2 nor channel_add
layout(binding = 2) readonly buffer Fold { vec4 fold[]; };    // affine or row_stats
layout(binding = 3) readonly buffer Weight { STORED weight[]; };
layout(binding = 4) readonly buffer Bias { vec4 bias[]; };
layout(binding = 5) readonly buffer Add { STORED channel_add[]; };
layout(binding = 5) readonly buffer AddF32 { vec4 channel_add_f32[]; };
layout(binding = 5) readonly buffer Beta { vec4 beta[]; };
layout(binding = 6) readonly buffer Residual { STORED residual[]; };
layout(binding = 6) readonly buffer ResidualF32 { vec4 residual_f32[]; };
layout(binding = 7) buffer Out { STORED result[]; };
layout(binding = 7) buffer OutF32 { vec4 result_f32[]; };

const int taps = kernel * kernel;

// An output pixel of one image, or none when index >= p.pixels.
struct Pixel {
    int index;   // in the image
    ivec2 origin;  // x, y of the kernel's first tap in the input as the kernel sees it
};

Pixel output_pixel(int index) {
    const int y = p.row_begin + index / p.out_width, x = index % p.out_width;
    return Pixel(y * p.out_width + x, ivec2(x, y) * stride - p.pad);
}

// The input pixel at a place of the field that the kernel sees, counted over all images, or -1 in the padding.
int field_row(ivec2 at, int batch) {
    if (at.x < 0 || at.y < 0 || at.x >= p.field_width || at.y >= p.field_height) return -1;
    if (has(FLAG_UPSAMPLE)) at = at * ivec2(p.in_width, p.in_height) / ivec2(p.field_width, p.field_height);
    return (batch * p.in_height + at.y) * p.in_width + at.x;
}

// The same under a tap.
int input_row(Pixel pixel, int batch, int tap) {
    return field_row(pixel.origin + ivec2(tap % kernel, tap / kernel), batch);
}

// Scale and shift of four channels, of group norm or layer norm.
struct Affine {
    vec4 scale, shift;
};

Affine load_affine(int batch, int channel) {
    const int channels = p.a_channels + p.a2_channels;
    Affine f = Affine(vec4(1), vec4(0));
    if (has(FLAG_AFFINE)) {
        f.scale = fold[p.fold_offset + batch * 2 * channels + channel];
        f.shift = fold[p.fold_offset + (batch * 2 + 1) * channels + channel];
    }
    if (has(FLAG_GAMMA)) f.scale = gamma[channel];
    if (has(FLAG_BETA)) f.shift = beta[channel];
    return f;
}

#ifdef TEXELS
layout(binding = 8) uniform samplerBuffer a_texels;
layout(binding = 9) uniform samplerBuffer a2_texels;
layout(binding = 11) uniform samplerBuffer weight_texels;
vec4 load_a(int at) { return has(FLAG_TEXELS) ? texelFetch(a_texels, at) : unpack(a[at]); }
vec4 load_a2(int at) { return has(FLAG_TEXELS << 1) ? texelFetch(a2_texels, at) : unpack(a2[at]); }
vec4 load_weight(int at) { return has(FLAG_TEXELS << 3) ? texelFetch(weight_texels, at) : unpack(weight[at]); }
#else
vec4 load_a(int at) { return unpack(a[at]); }
vec4 load_a2(int at) { return unpack(a2[at]); }
#endif

// Mean and inverse deviation of an input pixel's channels, of layer norm.
vec2 load_stats(int row) { return has(FLAG_ROW_STATS) && row >= 0 ? fold[p.fold_offset + row].xy : vec2(0, 1); }

vec4 load_input(int row, int channel, Affine f, vec2 stats) {
    if (row < 0) return vec4(0);
    vec4 x;
    if (!has(FLAG_A2) || channel < p.a_channels) {
        const int at = p.a_offset + row * p.a_channels + channel;
        x = has(FLAG_A_F32) ? a_f32[at] : load_a(at);
    } else {
        const int at = p.a2_offset + row * p.a2_channels + channel - p.a_channels;
        x = has(FLAG_A2_F32) ? a2_f32[at] : load_a2(at);
    }
    if (has(FLAG_ROW_STATS)) x = (x - stats.x) * stats.y;
    if (has(FLAG_AFFINE | FLAG_GAMMA | FLAG_BETA)) x = x * f.scale + f.shift;
    return has(FLAG_SILU_IN) ? silu(x) : x;
}

vec4 load_input(int row, int channel, Affine f) { return load_input(row, channel, f, load_stats(row)); }

// Four sums of one pixel to memory. `panel` is that of `sums` in the whole matrix, `column` its vec4 in the panel,
// `gates` the sums of the next panel's same column (GEGLU alone).
void finish(int batch, int pixel, int panel, int column, vec4 sums, vec4 gates) {
    const bool geglu = activation == ACTIVATION_GEGLU;
    const int channel = (geglu ? panel / 2 : panel) * 8 + column;
    if (channel >= p.out_channels) return;
    if (has(FLAG_BIAS)) {
        sums += bias[panel * 8 + column];
        if (geglu) gates += bias[panel * 8 + 8 + column];
    }
    if (has(FLAG_CHANNEL_ADD)) {
        const int at = p.add_offset + batch * p.add_stride + channel;
        sums += has(FLAG_CHANNEL_ADD_F32) ? channel_add_f32[at] : unpack(channel_add[at]);
    }
    vec4 value = geglu ? sums * gelu(gates) : activate(sums);
    value *= p.scale;
    if (has(FLAG_RESIDUAL)) {
        const int at = p.residual_offset + (batch * p.residual_pixels + pixel) * p.out_channels + channel;
        value += has(FLAG_RESIDUAL_F32) ? residual_f32[at] : unpack(residual[at]);
    }
    const int at = p.out_offset + (batch * p.out_pixels + pixel) * p.out_channels + channel;
    if (has(FLAG_OUT_F32))
        result_f32[at] = value;
    else
        result[at] = pack(value);
}
