// Mean and reciprocal standard deviation of rows: eight invocations a row, read twice.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/storage.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_LOCAL_SIZE) const int size = 64;
layout(push_constant) uniform Push { LayerNormParams p; };
layout(binding = 0) readonly buffer A { STORED a[]; };
layout(binding = 0) readonly buffer AF32 { vec4 a_f32[]; };
layout(binding = 1) writeonly buffer Out { vec4 result[]; };

const int team = 8;
shared float sums[size];

float total(float value, int first) {
    sums[gl_LocalInvocationID.x] = value;
    barrier();
    float t = 0.0;
    for (int i = 0; i < team; i++) t += sums[first + i];
    barrier();
    return t;
}

void main() {
    if (workgroup_index() >= p.workgroups) return;
    const int id = int(gl_LocalInvocationID.x), member = id % team;
    const int row = p.row_begin + workgroup_index() * (size / team) + id / team;
    const bool inside = row < p.row_begin + p.rows;  // all invocations meet at the barriers
    float mean = 0.0, squares = 0.0;
    for (int pass = 0; pass < 2; pass++) {
        float sum = 0.0;
        for (int c = member; inside && c < p.a_channels; c += team) {
            const int at = p.a_offset + row * p.a_channels + c;
            vec4 x = (has(FLAG_A_F32) ? a_f32[at] : unpack(a[at])) - mean;
            x = mix(vec4(0), x, lessThan(ivec4(c * 4) + ivec4(0, 1, 2, 3), ivec4(p.channels)));
            if (pass == 1) x *= x;
            sum += (x.x + x.y) + (x.z + x.w);
        }
        if (pass == 0)
            mean = total(sum, id - member) / float(p.channels);
        else
            squares = total(sum, id - member);
    }
    if (inside && member == 0)
        result[p.out_offset + row] = vec4(mean, 1.0 / sqrt(squares / float(p.channels) + p.eps), 0, 0);
}
