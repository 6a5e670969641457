// Conv for GPUs without matrix units: a workgroup of 256 computes 32 * rows pixels by two panels (64 channels), inputs
// and weights staged through shared memory. An invocation holds `rows` pixels by one vec4 of each of the two panels.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "conv/conv.glsl"

layout(local_size_x = 256) in;
layout(constant_id = SPEC_ROWS) const int rows = 4;

const int tile_pixels = 32 * rows;
const int step = 4;           // vec4s of input channels staged at a time
const int padded_step = 5;    // keeps neighbouring pixels off each other's banks
const int loads = rows / 2;   // input vec4s an invocation stages
shared vec4 staged_input[tile_pixels * padded_step];
shared vec4 staged_weight[step * 4 * 16];

void main() {
    if (workgroup_index() >= p.workgroups) return;
    const int id = int(gl_LocalInvocationID.x);
    const int tile = workgroup_index() % p.tiles, column_tile = workgroup_index() / p.tiles;
    const int tiles_an_image = (p.pixels + tile_pixels - 1) / tile_pixels;
    const int batch = p.batch_begin + tile / tiles_an_image;
    const int first_pixel = tile % tiles_an_image * tile_pixels;
    const int channels = p.a_channels + p.a2_channels;
    const int depth = taps * channels;  // vec4s

    // What this invocation stages: one column of `step` for some pixels, one vec4 of weights.
    const int load_column = id % step;
    Pixel load_pixel[loads];
    for (int i = 0; i < loads; i++) load_pixel[i] = output_pixel(first_pixel + id / step + i * 64);
    const int weight_k = id / 16, weight_panel = p.panel_begin + column_tile * 2 + (id % 16) / 8;
    const int weight_at = (weight_panel - p.panel_begin) * depth * 32 + weight_k * 8 + id % 8;

    const int column = id % 8, first_row = id / 8 * rows;
    vec4 sums[rows][2];
    for (int r = 0; r < rows; r++) sums[r][0] = sums[r][1] = vec4(0);

    for (int base = 0; base < depth; base += step) {
        const int at = base + load_column, tap = at / channels, channel = at - tap * channels;
        Affine f;
        if (at < depth) f = load_affine(batch, channel);
        for (int i = 0; i < loads; i++) {
            const int local = id / step + i * 64;
            vec4 x = vec4(0);
            if (at < depth && first_pixel + local < p.pixels)
                x = load_input(input_row(load_pixel[i], batch, tap), channel, f);
            staged_input[local * padded_step + load_column] = x;
        }
        vec4 w = vec4(0);
        if (weight_panel < p.panel_end && base * 4 + weight_k < depth * 4) w = unpack(weight[weight_at + base * 32]);
        staged_weight[id] = w;
        barrier();
        for (int c = 0; c < step; c++) {
            vec4 x[rows];
            for (int r = 0; r < rows; r++) x[r] = staged_input[(first_row + r) * padded_step + c];
            for (int half_tile = 0; half_tile < 2; half_tile++) {
                const int w_at = c * 64 + half_tile * 8 + column;
                const vec4 w0 = staged_weight[w_at], w1 = staged_weight[w_at + 16];
                const vec4 w2 = staged_weight[w_at + 32], w3 = staged_weight[w_at + 48];
                for (int r = 0; r < rows; r++)
                    sums[r][half_tile] = fma(vec4(x[r].w), w3, fma(vec4(x[r].z), w2,
                                             fma(vec4(x[r].y), w1, fma(vec4(x[r].x), w0, sums[r][half_tile]))));
            }
        }
        barrier();
    }

    for (int r = 0; r < rows; r++) {
        if (first_pixel + first_row + r >= p.pixels) break;
        const int pixel = output_pixel(first_pixel + first_row + r).index;
        const int panel = p.panel_begin + column_tile * 2;
        finish(batch, pixel, panel, column, sums[r][0], sums[r][1]);
        if (activation != ACTIVATION_GEGLU && panel + 1 < p.panel_end)
            finish(batch, pixel, panel + 1, column, sums[r][1], vec4(0));
    }
}
