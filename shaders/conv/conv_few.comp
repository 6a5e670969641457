// Conv of a few pixels, which is bound by reading its weights: a workgroup of 256 computes one panel of up to four
// pixels. 32 teams share the inputs out among themselves, a team's eight invocations hold a vec4 of outputs each.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "conv/conv.glsl"

layout(local_size_x = 256) in;

const int rows = 4;
const int teams = 32;
shared vec4 shares[rows * 256];

void main() {
    if (workgroup_index() >= p.workgroups) return;
    const int id = int(gl_LocalInvocationID.x), column = id % 8, team = id / 8;
    const int tile = workgroup_index() % p.tiles, panel = workgroup_index() / p.tiles;
    const int tiles_an_image = (p.pixels + rows - 1) / rows;
    const int batch = p.batch_begin + tile / tiles_an_image, first_pixel = tile % tiles_an_image * rows;
    const int channels = p.a_channels + p.a2_channels, depth = taps * channels;

    vec4 sums[rows];
    [[unroll]] for (int r = 0; r < rows; r++) sums[r] = vec4(0);
    [[dont_unroll]] for (int at = team; at < depth; at += teams) {
        const int tap = at / channels, channel = at - tap * channels;
        const Affine f = load_affine(batch, channel);
        vec4 w[4];
        [[unroll]] for (int j = 0; j < 4; j++) w[j] = unpack(weight[(panel * depth * 4 + at * 4 + j) * 8 + column]);
        [[unroll]] for (int r = 0; r < rows; r++) {
            if (first_pixel + r >= p.pixels) break;
            const vec4 x = load_input(input_row(output_pixel(first_pixel + r), batch, tap), channel, f);
            sums[r] = fma(vec4(x.w), w[3], fma(vec4(x.z), w[2], fma(vec4(x.y), w[1], fma(vec4(x.x), w[0], sums[r]))));
        }
    }
    [[unroll]] for (int r = 0; r < rows; r++) shares[r * 256 + id] = sums[r];
    barrier();
    // Shares of teams half the number apart are added until one is left: always in this order.
    [[dont_unroll]] for (int apart = teams / 2; apart > 0; apart /= 2) {
        if (team < apart)
            [[unroll]] for (int r = 0; r < rows; r++) shares[r * 256 + id] += shares[r * 256 + id + apart * 8];
        barrier();
    }
    if (team < rows && first_pixel + team < p.pixels)
        finish(batch, output_pixel(first_pixel + team).index, p.panel_begin + panel, column,
               shares[team * 256 + column], vec4(0));
}
