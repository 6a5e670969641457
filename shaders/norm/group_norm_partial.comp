// Mean and squared deviations of one group over one chunk of pixels, read twice: first for the mean, then for the
// deviations from it. A workgroup does one chunk of one group of one image.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/storage.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_LOCAL_SIZE) const int size = 64;
layout(push_constant) uniform Push { GroupNormParams p; };
layout(binding = 0) readonly buffer A { STORED a[]; };
layout(binding = 0) readonly buffer AF32 { vec4 a_f32[]; };
layout(binding = 1) readonly buffer A2 { STORED a2[]; };
layout(binding = 1) readonly buffer A2F32 { vec4 a2_f32[]; };
layout(binding = 2) writeonly buffer Partial { vec4 partial[]; };

shared float sums[size];

// The invocations' values, added in fixed order.
float total(float value) {
    sums[gl_LocalInvocationID.x] = value;
    barrier();
    if (size <= 8) {
        float t = 0.0;
        for (int i = 0; i < size; i++) t += sums[i];
        barrier();
        return t;
    }
    for (uint apart = size / 2; apart > 0; apart /= 2) {
        if (gl_LocalInvocationID.x < apart) sums[gl_LocalInvocationID.x] += sums[gl_LocalInvocationID.x + apart];
        barrier();
    }
    const float t = sums[0];
    barrier();
    return t;
}

vec4 load(int pixel, int channel) {
    if (!has(FLAG_A2) || channel < p.a_channels) {
        const int at = p.a_offset + pixel * p.a_channels + channel;
        return has(FLAG_A_F32) ? a_f32[at] : unpack(a[at]);
    }
    const int at = p.a2_offset + pixel * p.a2_channels + channel - p.a_channels;
    return has(FLAG_A2_F32) ? a2_f32[at] : unpack(a2[at]);
}

// Where a channel lies among the stored ones: a's are padded to whole vec4s before a2's begin.
int stored(int channel) { return channel < p.a_real ? channel : channel - p.a_real + p.a_channels * 4; }

void main() {
    const int index = workgroup_index();
    if (index >= p.workgroups) return;
    const int group = index % p.groups, chunk = p.chunk_begin + index / p.groups % p.chunk_count;
    const int batch = p.batch_begin + index / p.groups / p.chunk_count;
    const int first = group * p.group_channels, last = first + p.group_channels - 1;
    const int vec_begin = stored(first) / 4, width = stored(last) / 4 - vec_begin + 1;
    const int pixel_begin = chunk * p.chunk_pixels, pixel_end = min(pixel_begin + p.chunk_pixels, p.pixels);
    const int items = (pixel_end - pixel_begin) * width;
    const float count = float((pixel_end - pixel_begin) * p.group_channels);

    float mean = 0.0, squares = 0.0;
    for (int pass = 0; pass < 2; pass++) {
        float sum = 0.0;
        for (int i = int(gl_LocalInvocationID.x); i < items; i += size) {
            const int channel = vec_begin + i % width;
            vec4 x = load(batch * p.pixels + pixel_begin + i / width, channel) - mean;
            const int pad_begin = channel < p.a_channels ? p.a_real : p.channels - p.a_real + p.a_channels * 4;
            const ivec4 at = ivec4(channel * 4) + ivec4(0, 1, 2, 3);
            x = mix(vec4(0), x, greaterThanEqual(at, ivec4(stored(first))));
            x = mix(vec4(0), x, lessThanEqual(at, ivec4(stored(last))));
            x = mix(vec4(0), x, lessThan(at, ivec4(pad_begin)));
            if (pass == 1) x *= x;
            sum += (x.x + x.y) + (x.z + x.w);
        }
        if (pass == 0)
            mean = total(sum) / count;
        else
            squares = total(sum);
    }
    if (gl_LocalInvocationID.x == 0u)
        partial[p.partial_offset + (batch * p.chunks + chunk) * p.groups + group] = vec4(mean, squares, count, 0);
}
