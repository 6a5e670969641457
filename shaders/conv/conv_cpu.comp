// Conv for CPU devices. A workgroup is one subgroup, its lanes lie across output channels: a memory access costs a
// CPU device one scalar access a lane, so each lane reads different weights, and the input of another pixel, which is then
// shuffled to all. No shared memory. Mesa's lavapipe loops over the lanes of a load from a storage buffer, and over those
// of a broadcast to find one that is active: fetches of texels and shuffles by one number for all lanes are straight code.
// It compiles for as long as the code is: unrolled is only what must be.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_ballot : require
#extension GL_KHR_shader_subgroup_shuffle : require
#extension GL_EXT_control_flow_attributes : require
#define TEXELS
#include "conv/conv.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_LOCAL_SIZE) const int lanes = 8;
layout(constant_id = SPEC_ROWS) const int rows = 8;  // at most one for each lane
layout(constant_id = SPEC_COLUMNS) const int columns = 2;

void main() {
    if (workgroup_index() >= p.workgroups) return;
    const int lane = int(gl_SubgroupInvocationID);
    const int tile = workgroup_index() % p.tiles, column_tile = workgroup_index() / p.tiles;
    const int tiles_an_image = (p.pixels + rows - 1) / rows;
    const int batch = p.batch_begin + tile / tiles_an_image;
    const int first_pixel = tile % tiles_an_image * rows;
    const int channels = p.a_channels + p.a2_channels;
    const int k = taps * channels * 4;
    const bool geglu = activation == ACTIVATION_GEGLU;

    // Where this lane's columns lie: with GEGLU, odd columns are the gates of the even ones before them.
    int panel[columns], within[columns], weights[columns];
    for (int v = 0; v < columns; v++) {
        const int first = geglu ? (column_tile * columns / 2 + v / 2) * lanes : (column_tile * columns + v) * lanes;
        const int column = first + lane;
        panel[v] = p.panel_begin + (geglu ? column / 8 * 2 + v % 2 : column / 8);
        within[v] = column % 8;
        // Lanes beyond the last panel compute its columns again and don't store them.
        const int read = panel[v] < p.panel_end ? panel[v] : p.panel_end - (geglu ? 2 - v % 2 : 1);
        weights[v] = (read - p.panel_begin) * k * 8 + within[v];
    }

    vec4 sums[rows][columns];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < columns; v++) sums[r][v] = vec4(0);

    for (int tap = 0; tap < taps; tap++) {
        const bool inside = lane < rows && first_pixel + lane < p.pixels;
        const int row = inside ? input_row(output_pixel(first_pixel + lane), batch, tap) : -1;
        const vec2 stats = load_stats(row);
        [[dont_unroll]] for (int base = 0; base < channels; base += lanes) {
            const Affine affine = load_affine(batch, min(base + lane, channels - 1));
            const int count = min(lanes, channels - base);
            const int k0 = (tap * channels + base) * 4;
            [[dont_unroll]] for (int i = 0; i < count; i++) {
                Affine f = affine;
                if (has(FLAG_AFFINE | FLAG_GAMMA)) f.scale = subgroupShuffle(affine.scale, uint(i));
                if (has(FLAG_AFFINE | FLAG_BETA)) f.shift = subgroupShuffle(affine.shift, uint(i));
                const vec4 x = load_input(row, base + i, f, stats);
                vec4 xi[rows];
                [[unroll]] for (int r = 0; r < rows; r++) xi[r] = subgroupShuffle(x, uint(r));
                [[unroll]] for (int v = 0; v < columns; v++) {
                    const int at = weights[v] + (k0 + i * 4) * 8;
                    [[unroll]] for (int j = 0; j < 4; j++) {
                        const vec4 w = load_weight(at + j * 8);
                        [[unroll]] for (int r = 0; r < rows; r++) sums[r][v] = fma(vec4(xi[r][j]), w, sums[r][v]);
                    }
                }
            }
        }
    }

    // A row at a time, picked by comparing: unrolled, this is a third of what the driver has to compile.
    const int count = min(rows, p.pixels - first_pixel);
    [[dont_unroll]] for (int r = 0; r < count; r++) {
        vec4 row[columns];
        [[unroll]] for (int v = 0; v < columns; v++) {
            row[v] = sums[0][v];
            [[unroll]] for (int other = 1; other < rows; other++) row[v] = mix(row[v], sums[other][v], bvec4(r == other));
        }
        const int pixel = p.row_begin * p.out_width + first_pixel + r;
        [[unroll]] for (int v = 0; v < columns; v += geglu ? 2 : 1)
            if (panel[v] < p.panel_end)
                finish(batch, pixel, panel[v], within[v], row[v], geglu ? row[v + 1] : vec4(0));
    }
}
