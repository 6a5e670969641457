// Pointwise of ops/op.h: an invocation a vec4.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/storage.glsl"
#include "shared/activation.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(push_constant) uniform Push { PointwiseParams p; };
layout(binding = 0) readonly buffer A { STORED a[]; };
layout(binding = 0) readonly buffer AF32 { vec4 a_f32[]; };
layout(binding = 1) readonly buffer Stats { vec4 row_stats[]; };
layout(binding = 2) readonly buffer Gamma { vec4 gamma[]; };
layout(binding = 3) readonly buffer Beta { vec4 beta[]; };
layout(binding = 4) readonly buffer B { STORED b[]; };
layout(binding = 4) readonly buffer BF32 { vec4 b_f32[]; };
layout(binding = 5) buffer Out { STORED result[]; };
layout(binding = 5) buffer OutF32 { vec4 result_f32[]; };

void main() {
    const int index = int(workgroup_index() * gl_WorkGroupSize.x + gl_LocalInvocationID.x);
    if (index >= p.count) return;
    const int row = p.row_begin + index / p.channels, channel = index % p.channels;
    const int batch = row / p.pixels, pixel = row % p.pixels;
    vec4 value = vec4(0);
    if (has(FLAG_A)) {
        const int a_row = batch * p.a_pixels + pixel, at = p.a_offset + a_row * p.channels + channel;
        value = has(FLAG_A_F32) ? a_f32[at] : unpack(a[at]);
        if (has(FLAG_ROW_STATS)) {
            const vec2 stats = row_stats[p.stats_offset + a_row].xy;
            value = (value - stats.x) * stats.y;
        }
        if (has(FLAG_GAMMA)) value *= gamma[channel];
        if (has(FLAG_BETA)) value += beta[channel];
        value = activate(value);
    }
    if (has(FLAG_RESIDUAL)) {
        const int at = p.b_offset + (batch * p.b_pixels + pixel) * p.channels + channel;
        value += p.scale_b * (has(FLAG_RESIDUAL_F32) ? b_f32[at] : unpack(b[at]));
    }
    const int at = p.out_offset + row * p.channels + channel;
    if (has(FLAG_OUT_F32))
        result_f32[at] = value;
    else
        result[at] = pack(value);
}
