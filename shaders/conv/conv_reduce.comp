// Adds up the shares of a convolution whose inputs were split among workgroups, in their order, and finishes it: an
// invocation for each vec4 of the output.
// Storage: fp16 only.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#define NATIVE_HALVES
#include "conv/conv.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(binding = 0) readonly buffer Partial { vec4 partial[]; };

void main() {
    const bool geglu = activation == ACTIVATION_GEGLU;
    const int panels = (p.panel_end - p.panel_begin) / (geglu ? 2 : 1);
    const int at = workgroup_index() * int(gl_WorkGroupSize.x) + int(gl_LocalInvocationID.x);
    if (at >= p.images * p.pixels * panels * 8) return;
    const int vec = at % (panels * 8), pixel = at / (panels * 8) % p.pixels;
    const int batch = p.batch_begin + at / (panels * 8) / p.pixels, index = output_pixel(pixel).index;
    const int panel = p.panel_begin + (geglu ? vec / 8 * 2 : vec / 8);
    vec4 sum = vec4(0), gate = vec4(0);
    for (int split = 0; split < p.splits; split++) {
        const int from = p.a_offset + ((batch * p.out_pixels + index) * p.splits + split) * p.partial_channels + panel * 8 +
                         vec % 8;
        sum += partial[from];
        if (geglu) gate += partial[from + 8];
    }
    finish(batch, index, panel, vec % 8, sum, gate);
}
