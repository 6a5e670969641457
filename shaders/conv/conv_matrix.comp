// Conv on matrix units. A workgroup computes tile_m pixels by tile_n channels, its subgroups warp_m by warp_n each, in
// cooperative matrices of the device's own shape that add up in fp32.
//
// The inputs of `tile_k` channels and their weights pass through shared memory; the next ones are fetched into registers
// meanwhile. 3x3 kernels at stride 1 may stage a picture's block of 16 columns with its border (`halo`): it then serves
// all nine taps, and what is folded into the load is computed once. Rows are padded by eight halves against bank
// conflicts. Sums leave through shared memory, so that neighbouring invocations finish neighbouring channels.
//
// With more than one split, each workgroup adds up its share of the inputs and writes bare sums; conv_reduce adds the
// shares in their order and does the rest.
// Storage: fp16 only.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_cooperative_matrix : require
#define NATIVE_HALVES
#include "conv/conv.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_LOCAL_SIZE) const int local = 256;
layout(constant_id = SPEC_TILE_M) const int tile_m = 128;
layout(constant_id = SPEC_TILE_N) const int tile_n = 160;
layout(constant_id = SPEC_TILE_K) const int tile_k = 64;
layout(constant_id = SPEC_WARP_M) const int warp_m = 32;
layout(constant_id = SPEC_WARP_N) const int warp_n = 80;
layout(constant_id = SPEC_MATRIX_M) const int mat_m = 16;
layout(constant_id = SPEC_MATRIX_N) const int mat_n = 16;
layout(constant_id = SPEC_MATRIX_K) const int mat_k = 16;
layout(constant_id = SPEC_HALO) const int halo = 0;  // pixels of a row of the tile, 0: pixels in their order

layout(binding = 0) readonly buffer A8 { uvec4 a_8[]; };
layout(binding = 1) readonly buffer A28 { uvec4 a2_8[]; };
layout(binding = 3) readonly buffer Weight8 { uvec4 weight_8[]; };

// Shared memory in uvec4s: eight halves, or four floats.
const int columns = tile_k / 8;
const int a_pitch = columns + 1;
const int b_pitch = tile_n / 8 + 1;
const int halo_width = halo + 2;
const int a_rows = halo > 0 ? (tile_m / (halo > 0 ? halo : 1) + 2) * halo_width : tile_m;
const int a_count = a_rows * columns;
const int a_loads = (a_count + local - 1) / local;
const int b_count = tile_k * tile_n / 8;
const int b_loads = (b_count + local - 1) / local;
const int b_base = a_rows * a_pitch;
const int warps_m = tile_m / warp_m;
const int warps_n = tile_n / warp_n;
const int parts_m = warp_m / mat_m;
const int parts_n = warp_n / mat_n;
const int stage_pitch = tile_n / 4 + 1;
const int stage_rows = warps_m * mat_m;
const int main_size = b_base + tile_k * b_pitch;
const int stage_size = stage_rows * stage_pitch;
shared uvec4 staged[main_size > stage_size ? main_size : stage_size];

uvec4 a_next[a_loads];
uvec4 b_next[b_loads];
int a_row[a_loads];      // input rows under the tap at hand; -1: padding
ivec3 origin[a_loads];   // 3x3 without a halo: first tap's place and image
Affine low, high;        // of the eight channels at hand

int id, channels8, depth8, depth_k, batch_first, pixel_first, panel_first, panels;
int halo_x, halo_y;

// Pixel r of this workgroup: x the image, y the number among the dispatch's pixels of that image, or -1.
ivec2 pixel_of(int r) {
    if (halo > 0) {
        const ivec2 at = ivec2(halo_x + r % halo, halo_y + r / halo);
        return ivec2(batch_first, at.x < p.out_width && at.y * p.out_width < p.pixels ? at.y * p.out_width + at.x : -1);
    }
    const int at = pixel_first + r, image = p.images == 1 ? (at < p.pixels ? 0 : 1) : at / p.pixels;
    return ivec2(p.batch_begin + image, image < p.images ? at - image * p.pixels : -1);
}

// Where this invocation's inputs lie, as far as that is the same for all steps: with a halo, and for 1x1 kernels, all.
const bool rows_fixed = halo > 0 || kernel == 1;

void find_inputs() {
    [[unroll]] for (int i = 0; i < a_loads; i++) {
        const int r = (id + i * local) / columns;
        a_row[i] = -1;
        origin[i] = ivec3(-2 * p.field_width - 8);
        if (a_count % local != 0 && r >= a_rows) continue;
        if (halo > 0) {
            a_row[i] = field_row(ivec2(halo_x + r % halo_width, halo_y + p.row_begin + r / halo_width) - p.pad, batch_first);
            continue;
        }
        const ivec2 pixel = pixel_of(r);
        if (pixel.y < 0) continue;
        const ivec2 at = output_pixel(pixel.y).origin;
        if (kernel == 1) a_row[i] = field_row(at, pixel.x);
        else origin[i] = ivec3(at, pixel.x);
    }
}

Affine affine_of(int batch, int channel8, int half8) { return load_affine(batch, channel8 * 2 + half8); }

const bool folded = (flags & (FLAG_ROW_STATS | FLAG_AFFINE | FLAG_GAMMA | FLAG_BETA | FLAG_SILU_IN)) != 0u;

uint fold_pair(vec2 x, vec2 stats, vec2 scale, vec2 shift) {
    if (has(FLAG_ROW_STATS)) x = (x - stats.x) * stats.y;
    if (has(FLAG_AFFINE | FLAG_GAMMA | FLAG_BETA)) x = x * scale + shift;
    if (has(FLAG_SILU_IN)) x = x / (1.0 + exp(-x));
    return packFloat2x16(f16vec2(x));
}

uvec4 fold_8(uvec4 x, vec2 stats, Affine lo, Affine hi) {
    return uvec4(fold_pair(unpackHalf2x16(x.x), stats, lo.scale.xy, lo.shift.xy),
                 fold_pair(unpackHalf2x16(x.y), stats, lo.scale.zw, lo.shift.zw),
                 fold_pair(unpackHalf2x16(x.z), stats, hi.scale.xy, hi.shift.xy),
                 fold_pair(unpackHalf2x16(x.w), stats, hi.scale.zw, hi.shift.zw));
}

uvec4 read_8(int row, int channel8) {
    if (!has(FLAG_A2) || channel8 < p.a_channels / 2)
        return a_8[p.a_offset / 2 + row * (p.a_channels / 2) + channel8];
    return a2_8[p.a2_offset / 2 + row * (p.a2_channels / 2) + channel8 - p.a_channels / 2];
}

// Weights: rows [k, k + count) of the matrix, zero beyond.
void fetch_weights(int k, int count) {
    [[unroll]] for (int i = 0; i < b_loads; i++) {
        const int at = id + i * local;
        const int panel = at / (tile_k * 4), within = at % (tile_k * 4);
        b_next[i] = uvec4(0);
        if ((b_count % local == 0 || at < b_count) && panel_first + panel < panels && within < count * 4)
            b_next[i] = weight_8[((panel_first + panel) * depth_k + k) * 4 + within];
    }
}

void store_weights() {
    [[unroll]] for (int i = 0; i < b_loads; i++) {
        const int at = id + i * local;
        if (b_count % local == 0 || at < b_count)
            staged[b_base + at % (tile_k * 4) / 4 * b_pitch + at / (tile_k * 4) * 4 + at % 4] = b_next[i];
    }
}

// Inputs of one step: columns [column8, column8 + columns), with a halo of one tap, without one of all taps in a row.
void fetch_inputs(int column8) {
    const int at8 = column8 + id % columns;
    const int tap = rows_fixed ? 0 : at8 / channels8, channel8 = at8 - tap * channels8;
    const bool inside = at8 < (halo > 0 ? channels8 : depth8);
    [[unroll]] for (int i = 0; i < a_loads; i++) {
        if (!rows_fixed) a_row[i] = field_row(origin[i].xy + ivec2(tap % kernel, tap / kernel), origin[i].z);
        a_next[i] = uvec4(0);
        if (inside && a_row[i] >= 0) a_next[i] = read_8(a_row[i], channel8);
    }
    if (halo > 0 && has(FLAG_AFFINE) && inside) {
        low = affine_of(batch_first, channel8, 0);
        high = affine_of(batch_first, channel8, 1);
    }
}

void store_inputs(int column8) {
    const int at8 = column8 + id % columns;
    const bool inside = at8 < (halo > 0 ? channels8 : depth8);
    if (folded && halo == 0 && inside) {
        low = affine_of(p.batch_begin, at8 % channels8, 0);
        high = affine_of(p.batch_begin, at8 % channels8, 1);
    }
    int batch = p.batch_begin;
    [[unroll]] for (int i = 0; i < a_loads; i++) {
        const int r = (id + i * local) / columns;
        if (a_count % local != 0 && r >= a_rows) continue;
        uvec4 x = a_next[i];
        if (folded && inside && a_row[i] >= 0) {
            vec2 stats = vec2(0, 1);
            if (has(FLAG_ROW_STATS)) stats = fold[p.fold_offset + a_row[i]].xy;
            if (has(FLAG_AFFINE) && halo == 0 && p.images > 1) {
                const int at = pixel_of(r).x;
                if (at != batch) {
                    batch = at;
                    low = affine_of(batch, at8 % channels8, 0);
                    high = affine_of(batch, at8 % channels8, 1);
                }
            }
            x = fold_8(x, stats, low, high);
        }
        staged[r * a_pitch + id % columns] = x;
    }
}

void main() {
    if (workgroup_index() >= p.workgroups) return;
    id = int(gl_LocalInvocationID.x);
    const int split = workgroup_index() / (p.tiles * p.column_tiles);
    const int tile = workgroup_index() % p.tiles, column_tile = workgroup_index() / p.tiles % p.column_tiles;
    channels8 = (p.a_channels + p.a2_channels) / 2;
    depth8 = taps * channels8;
    depth_k = depth8 * 8;
    panel_first = column_tile * (tile_n / 32);
    panels = p.panel_end - p.panel_begin;
    batch_first = p.batch_begin;
    if (halo > 0) {
        const int across = (p.out_width + halo - 1) / max(halo, 1), an_image = p.tiles / p.images;
        batch_first += tile / an_image;
        halo_x = tile % an_image % across * halo;
        halo_y = tile % an_image / across * (tile_m / max(halo, 1));
    } else {
        pixel_first = tile * tile_m;
    }

    const int warp = int(gl_SubgroupID), warp_row = warp / warps_n * warp_m, warp_column = warp % warps_n * warp_n;
    coopmat<float, gl_ScopeSubgroup, mat_m, mat_n, gl_MatrixUseAccumulator> sums[parts_m * parts_n];
    [[unroll]] for (int i = 0; i < parts_m * parts_n; i++)
        sums[i] = coopmat<float, gl_ScopeSubgroup, mat_m, mat_n, gl_MatrixUseAccumulator>(0.0);

    // This workgroup's share of the steps: with a halo, blocks of channels for all taps, so that taps stay together.
    const int blocks = ((halo > 0 ? channels8 : depth8) + columns - 1) / columns;
    const int first = split * blocks / p.splits, last = (split + 1) * blocks / p.splits;
    const int taps_a_block = halo > 0 ? taps : 1;

    if (first < last) {
        find_inputs();
        fetch_inputs(first * columns);
        fetch_weights(first * tile_k, min(tile_k, (halo > 0 ? channels8 : depth8) * 8 - first * tile_k));
    }
    [[dont_unroll]] for (int block = first; block < last; block++)
        [[dont_unroll]] for (int tap = 0; tap < taps_a_block; tap++) {
            barrier();
            if (halo == 0 || tap == 0) store_inputs(block * columns);
            store_weights();
            barrier();
            // The next step's.
            const bool same_block = tap + 1 < taps_a_block;
            const int next_block = same_block ? block : block + 1, next_tap = same_block ? tap + 1 : 0;
            if (next_block < last) {
                if (halo > 0) {
                    if (!same_block) fetch_inputs(next_block * columns);
                    fetch_weights(next_tap * channels8 * 8 + next_block * tile_k,
                                  min(tile_k, channels8 * 8 - next_block * tile_k));
                } else {
                    fetch_inputs(next_block * columns);
                    fetch_weights(next_block * tile_k, min(tile_k, depth_k - next_block * tile_k));
                }
            }
            [[unroll]] for (int k = 0; k < tile_k; k += mat_k) {
                coopmat<float16_t, gl_ScopeSubgroup, mat_m, mat_k, gl_MatrixUseA> x[parts_m];
                [[unroll]] for (int i = 0; i < parts_m; i++) {
                    int r = warp_row + i * mat_m;
                    if (halo > 0) r = (r / max(halo, 1) + tap / 3) * halo_width + r % max(halo, 1) + tap % 3;
                    coopMatLoad(x[i], staged, r * a_pitch + k / 8, a_pitch, gl_CooperativeMatrixLayoutRowMajor);
                }
                [[unroll]] for (int j = 0; j < parts_n; j++) {
                    coopmat<float16_t, gl_ScopeSubgroup, mat_k, mat_n, gl_MatrixUseB> w;
                    coopMatLoad(w, staged, b_base + k * b_pitch + (warp_column + j * mat_n) / 8, b_pitch,
                                gl_CooperativeMatrixLayoutRowMajor);
                    [[unroll]] for (int i = 0; i < parts_m; i++)
                        sums[i * parts_n + j] = coopMatMulAdd(x[i], w, sums[i * parts_n + j]);
                }
            }
        }

    const bool geglu = activation == ACTIVATION_GEGLU;
    const int vecs = tile_n / 4;
    [[unroll]] for (int part = 0; part < parts_m; part++) {
        barrier();
        [[unroll]] for (int j = 0; j < parts_n; j++)
            coopMatStore(sums[part * parts_n + j], staged,
                         warp / warps_n * mat_m * stage_pitch + (warp_column + j * mat_n) / 4, stage_pitch,
                         gl_CooperativeMatrixLayoutRowMajor);
        barrier();
        [[dont_unroll]] for (int at = id; at < stage_rows * vecs; at += local) {
            const int row = at / vecs, vec = at % vecs;
            const ivec2 pixel = pixel_of(row / mat_m * warp_m + part * mat_m + row % mat_m);
            const int panel = panel_first + vec / 8;
            if (pixel.y < 0 || panel >= panels) continue;
            const vec4 sum = uintBitsToFloat(staged[row * stage_pitch + vec]);
            const int index = p.row_begin * p.out_width + pixel.y;
            if (has(FLAG_PARTIAL)) {
                result_f32[p.out_offset + ((pixel.x * p.out_pixels + index) * p.splits + split) * p.partial_channels +
                           (p.panel_begin + panel) * 8 + vec % 8] = sum;
            } else if (!geglu) {
                finish(pixel.x, index, p.panel_begin + panel, vec % 8, sum, vec4(0));
            } else if (panel % 2 == 0) {
                finish(pixel.x, index, p.panel_begin + panel, vec % 8, sum,
                       uintBitsToFloat(staged[row * stage_pitch + vec + 8]));
            }
        }
    }
}
