// Conv on matrix units. A workgroup computes tile_m pixels by tile_n channels, its subgroups warp_m by warp_n each, in
// cooperative matrices of the device's own shape that add up in fp32.
//
// The inputs of `tile_k` channels and their weights pass through shared memory; the next ones are fetched into registers
// meanwhile. 3x3 kernels at stride 1 may stage a picture's block of 16 columns with its border (`halo`): it then serves
// all nine taps, and what is folded into the load is computed once. Rows are padded by eight halves against bank
// conflicts, and where a row is half as long as all banks, neighbouring invocations store rows four apart. Nothing is
// fetched under a condition, which would make the products wait: what lies outside is read from beside and zeroed
// when it is stored. Sums leave through shared memory, so that neighbouring invocations finish neighbouring channels.
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
layout(binding = 6) readonly buffer Residual8 { uvec4 residual_8[]; };
layout(binding = 7) buffer Out8 { uvec4 result_8[]; };

// Shared memory in uvec4s: eight halves, or four floats.
const int columns = tile_k / 8;
const int a_pitch = columns + 1;
const int b_pitch = tile_n / 8 + 1;
const int halo_width = halo + 2;
const int a_rows = halo > 0 ? (tile_m / (halo > 0 ? halo : 1) + 2) * halo_width : tile_m;
const int a_count = (a_rows + 7) / 8 * 8 * columns;
const int a_loads = (a_count + local - 1) / local;
const int a_spare = a_count % local + a_rows % 8;
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
int a_at[a_loads];       // where the inputs' rows under the tap at hand begin, of padding those beside it
uint a_inside;           // a bit for each that is not padding
vec2 a_stats[a_loads];   // of layer norm
ivec3 origin[a_loads];   // 3x3 without a halo: first tap's place and image
Affine low, high;        // of the eight channels at hand

int id, channels8, depth8, depth_k, batch_first, pixel_first, panel_first, panels;
int halo_x, halo_y;

// Takes the rows of eight apart: 0, 4, 1, 5, 2, 6, 3, 7.
int spread(int row) { return (row & ~7) | ((row & 1) << 2) | ((row >> 1) & 3); }

// The rows that an invocation stages lie evenly, which saves it their addresses.
const int a_stride = local / columns;
const int b_turn = local % (tile_k * 4);
const int b_stride = local / (tile_k * 4);  // panels, where b_turn is 0

int staged_row(int i) {
    if (columns != 4) return id / columns + i * a_stride;
    return a_stride % 8 == 0 ? spread(id / columns) + i * a_stride : spread(id / columns + i * a_stride);
}

int staged_weight_row(int i) {
    return b_turn == 0 ? spread(id % (tile_k * 4) / 4) : spread((id + i * local) % (tile_k * 4) / 4);
}

int staged_panel(int i) {
    return b_turn == 0 ? id / (tile_k * 4) + i * b_stride : (id + i * local) / (tile_k * 4);
}

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

// The input under a place of the field, or beside it where that is padding, which `a_inside` then says.
void find_input(int i, ivec2 at, int batch, bool wanted) {
    const ivec2 beside = clamp(at, ivec2(0), ivec2(p.field_width, p.field_height) - 1);
    const int row = field_row(beside, batch);
    a_at[i] = has(FLAG_A2) ? row : p.a_offset / 2 + row * (p.a_channels / 2);
    if (wanted && at == beside) a_inside |= 1u << i;
    if (has(FLAG_ROW_STATS)) a_stats[i] = fold[p.fold_offset + row].xy;
}

void find_inputs() {
    a_inside = 0u;
    [[unroll]] for (int i = 0; i < a_loads; i++) {
        const int r = staged_row(i);
        const bool staged_here = a_spare == 0 || r < a_rows;
        if (halo > 0) {
            // Rows below the dispatch's own and their border are nobody's.
            const int y = min(halo_y + r / halo_width, p.pixels / p.out_width + 1);
            find_input(i, ivec2(halo_x + r % halo_width, y + p.row_begin) - p.pad, batch_first, staged_here);
            continue;
        }
        const ivec2 pixel = pixel_of(r);
        const bool wanted = staged_here && pixel.y >= 0;
        const ivec2 at = output_pixel(wanted ? pixel.y : 0).origin;
        const int batch = wanted ? pixel.x : p.batch_begin;
        if (kernel == 1) {
            find_input(i, at, batch, wanted);
        } else {
            origin[i] = wanted ? ivec3(at, batch) : ivec3(-3 * p.field_width - 8, at.y, batch);
        }
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

uvec4 read_8(int at, int channel8) {
    if (!has(FLAG_A2)) return a_8[at + channel8];
    if (channel8 < p.a_channels / 2) return a_8[p.a_offset / 2 + at * (p.a_channels / 2) + channel8];
    return a2_8[p.a2_offset / 2 + at * (p.a2_channels / 2) + channel8 - p.a_channels / 2];
}

// Weights of the step that begins at row k of the matrix. Rows beyond the matrix, which meet inputs of zero, are read
// from its last one.
void fetch_weights(int k) {
    [[unroll]] for (int i = 0; i < b_loads; i++) {
        const int row = min(k + staged_weight_row(i), depth_k - 1);
        b_next[i] = weight_8[(min(panel_first + staged_panel(i), panels - 1) * depth_k + row) * 4 + id % 4];
    }
}

void store_weights() {
    [[unroll]] for (int i = 0; i < b_loads; i++)
        if (b_count % local == 0 || id + i * local < b_count)
            staged[b_base + staged_weight_row(i) * b_pitch + staged_panel(i) * 4 + id % 4] = b_next[i];
}

// Inputs of one step: columns [column8, column8 + columns), with a halo of one tap, without one of all taps in a row.
void fetch_inputs(int column8) {
    const int at8 = min(column8 + id % columns, (halo > 0 ? channels8 : depth8) - 1);
    const int tap = rows_fixed ? 0 : at8 / channels8, channel8 = at8 - tap * channels8;
    if (!rows_fixed) a_inside = 0u;
    [[unroll]] for (int i = 0; i < a_loads; i++) {
        if (!rows_fixed) find_input(i, origin[i].xy + ivec2(tap % kernel, tap / kernel), origin[i].z, true);
        a_next[i] = read_8(a_at[i], channel8);
    }
    if (folded && halo > 0) {
        low = affine_of(batch_first, channel8, 0);
        high = affine_of(batch_first, channel8, 1);
    }
}

void store_inputs(int column8) {
    const int end8 = halo > 0 ? channels8 : depth8, at8 = column8 + id % columns;
    int batch = batch_first;
    if (folded && halo == 0) {
        low = affine_of(batch, min(at8, end8 - 1) % channels8, 0);
        high = affine_of(batch, min(at8, end8 - 1) % channels8, 1);
    }
    // A 1x1 kernel's padding is pixels that nobody stores.
    const bool all_inside = column8 + columns <= end8;
    [[unroll]] for (int i = 0; i < a_loads; i++) {
        const int r = staged_row(i);
        if (a_spare != 0 && r >= a_rows) continue;
        uvec4 x = a_next[i];
        if (folded) {
            if (has(FLAG_AFFINE) && halo == 0 && p.images > 1) {
                const int at = pixel_of(r).x;
                if (at != batch && at < p.batch_begin + p.images) {
                    batch = at;
                    low = affine_of(batch, min(at8, end8 - 1) % channels8, 0);
                    high = affine_of(batch, min(at8, end8 - 1) % channels8, 1);
                }
            }
            x = fold_8(x, has(FLAG_ROW_STATS) ? a_stats[i] : vec2(0, 1), low, high);
        }
        if (kernel > 1 && ((a_inside >> i) & 1u) == 0u) x = uvec4(0);
        if (!all_inside && at8 >= end8) x = uvec4(0);
        staged[r * a_pitch + id % columns] = x;
    }
}

coopmat<float, gl_ScopeSubgroup, mat_m, mat_n, gl_MatrixUseAccumulator> sums[parts_m * parts_n];
int warp_row, warp_column;  // of this subgroup's share

// Adds the products of what is staged.
void multiply(int tap) {
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

// As `finish`, for eight channels: columns `column` and the next of the panel.
void finish_8(int batch, int pixel, int panel, int column, vec4 sums[2], vec4 gates[2]) {
    const bool geglu = activation == ACTIVATION_GEGLU;
    const int channel = (geglu ? panel / 2 : panel) * 8 + column;
    if (channel >= p.out_channels) return;
    const int row = batch * p.out_pixels + pixel;
    uvec4 residuals = uvec4(0);
    if (has(FLAG_RESIDUAL))
        residuals = residual_8[(p.residual_offset + (batch * p.residual_pixels + pixel) * p.out_channels + channel) / 2];
    uvec2 halves[2];
    [[unroll]] for (int i = 0; i < 2; i++) {
        vec4 sum = sums[i], gate = gates[i];
        if (has(FLAG_BIAS)) {
            sum += bias[panel * 8 + column + i];
            if (geglu) gate += bias[panel * 8 + 8 + column + i];
        }
        if (has(FLAG_CHANNEL_ADD)) sum += unpack(channel_add[p.add_offset + batch * p.add_stride + channel + i]);
        vec4 value = geglu ? sum * gelu(gate) : activate(sum);
        value *= p.scale;
        if (has(FLAG_RESIDUAL)) value += unpack(i == 0 ? residuals.xy : residuals.zw);
        halves[i] = pack(value);
    }
    result_8[(p.out_offset + row * p.out_channels + channel) / 2] = uvec4(halves[0], halves[1]);
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

    const int warp = int(gl_SubgroupID);
    warp_row = warp / warps_n * warp_m;
    warp_column = warp % warps_n * warp_n;
    [[unroll]] for (int i = 0; i < parts_m * parts_n; i++)
        sums[i] = coopmat<float, gl_ScopeSubgroup, mat_m, mat_n, gl_MatrixUseAccumulator>(0.0);

    // This workgroup's share of the steps: with a halo, blocks of channels for all taps, so that taps stay together.
    const int blocks = ((halo > 0 ? channels8 : depth8) + columns - 1) / columns;
    const int first = split * blocks / p.splits, last = (split + 1) * blocks / p.splits;

    if (first < last) {
        find_inputs();
        fetch_inputs(first * columns);
        fetch_weights(first * tile_k);
    }
    // Beside the products arrives what the next step needs; at the end, the last one's again.
    if (halo == 0) {
        [[dont_unroll]] for (int block = first; block < last; block++) {
            barrier();
            store_inputs(block * columns);
            store_weights();
            barrier();
            const int next = min(block + 1, last - 1);
            fetch_inputs(next * columns);
            fetch_weights(next * tile_k);
            multiply(0);
        }
    } else {
        [[dont_unroll]] for (int block = first; block < last; block++)
            [[dont_unroll]] for (int tap = 0; tap < taps; tap++) {
                barrier();
                if (tap == 0) store_inputs(block * columns);
                store_weights();
                barrier();
                if (tap + 1 < taps) {
                    fetch_weights((tap + 1) * channels8 * 8 + block * tile_k);
                } else {
                    const int next = min(block + 1, last - 1);
                    fetch_inputs(next * columns);
                    fetch_weights(next * tile_k);
                }
                multiply(tap);
            }
    }

    const bool geglu = activation == ACTIVATION_GEGLU;
    const bool eight = !has(FLAG_PARTIAL | FLAG_OUT_F32 | FLAG_RESIDUAL_F32 | FLAG_CHANNEL_ADD_F32) && p.out_channels % 2 == 0;
    const int vecs = tile_n / 8;
    [[unroll]] for (int part = 0; part < parts_m; part++) {
        barrier();
        [[unroll]] for (int j = 0; j < parts_n; j++)
            coopMatStore(sums[part * parts_n + j], staged,
                         warp / warps_n * mat_m * stage_pitch + (warp_column + j * mat_n) / 4, stage_pitch,
                         gl_CooperativeMatrixLayoutRowMajor);
        barrier();
        [[dont_unroll]] for (int at = id; at < stage_rows * vecs; at += local) {
            const int row = at / vecs, vec = at % vecs * 2, column = vec % 8;
            const ivec2 pixel = pixel_of(row / mat_m * warp_m + part * mat_m + row % mat_m);
            const int panel = panel_first + vec / 8;
            if (pixel.y < 0 || panel >= panels) continue;
            const int from = row * stage_pitch + vec;
            vec4 sum[2], gate[2];
            [[unroll]] for (int i = 0; i < 2; i++) {
                sum[i] = uintBitsToFloat(staged[from + i]);
                gate[i] = geglu && panel % 2 == 0 ? uintBitsToFloat(staged[from + 8 + i]) : vec4(0);
            }
            const int index = p.row_begin * p.out_width + pixel.y;
            if (has(FLAG_PARTIAL)) {
                const int to = p.out_offset + ((pixel.x * p.out_pixels + index) * p.splits + split) * p.partial_channels +
                               (p.panel_begin + panel) * 8 + column;
                result_f32[to] = sum[0];
                result_f32[to + 1] = sum[1];
            } else if (geglu && panel % 2 != 0) {
                continue;
            } else if (eight) {
                finish_8(pixel.x, index, p.panel_begin + panel, column, sum, gate);
            } else {
                finish(pixel.x, index, p.panel_begin + panel, column, sum[0], gate[0]);
                finish(pixel.x, index, p.panel_begin + panel, column + 1, sum[1], gate[1]);
            }
        }
    }
}
