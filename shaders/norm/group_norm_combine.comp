// Combines the chunks of each group in order (Chan et al. 1979) and folds gamma and beta in: an invocation writes
// scale and shift of four stored channels of one image.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/storage.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(push_constant) uniform Push { GroupNormParams p; };
layout(binding = 2) readonly buffer Partial { vec4 partial[]; };
layout(binding = 3) readonly buffer Gamma { float gamma[]; };
layout(binding = 4) readonly buffer Beta { float beta[]; };
layout(binding = 5) writeonly buffer Out { vec4 result[]; };

// Mean and reciprocal standard deviation of a group.
vec2 combine(int batch, int group) {
    float mean = 0.0, squares = 0.0, count = 0.0;
    for (int chunk = 0; chunk < p.chunks; chunk++) {
        const vec3 next = partial[p.partial_offset + (batch * p.chunks + chunk) * p.groups + group].xyz;
        const float delta = next.x - mean, sum = count + next.z;
        mean += delta * (next.z / sum);
        squares += next.y + delta * delta * (count * next.z / sum);
        count = sum;
    }
    return vec2(mean, 1.0 / sqrt(squares / count + p.eps));
}

void main() {
    const int channels = p.a_channels + p.a2_channels;
    const int index = int(workgroup_index() * gl_WorkGroupSize.x + gl_LocalInvocationID.x);
    if (index >= p.batches * channels) return;
    const int batch = index / channels, vec = index % channels;
    vec4 scale = vec4(0), shift = vec4(0);  // of pad channels
    vec2 stats = vec2(0);
    int known = -1;
    for (int i = 0; i < 4; i++) {
        int channel = vec * 4 + i;
        if (vec < p.a_channels) {
            if (channel >= p.a_real) continue;
        } else {
            channel += p.a_real - p.a_channels * 4;
            if (channel >= p.channels) continue;
        }
        const int group = channel / p.group_channels;
        if (group != known) stats = combine(batch, group);
        known = group;
        const float g = has(FLAG_GAMMA) ? gamma[channel] : 1.0, b = has(FLAG_BETA) ? beta[channel] : 0.0;
        scale[i] = stats.y * g;
        shift[i] = b - stats.x * scale[i];
    }
    const int at = p.out_offset + batch * 2 * channels + vec;
    result[at] = scale;
    result[at + channels] = shift;
}
