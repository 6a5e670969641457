// Flash attention on matrix units for heads whose sums fit a subgroup's registers. A subgroup takes `parts` times
// matrix_m queries of one head, held in registers, and walks the keys `block` at a time; keys and values of a block pass
// through shared memory together, the next block's are fetched meanwhile.
//
// Weights are exp2(score - reference). The reference is the largest score of a query in some block, and is moved only
// where a score exceeds it by more than `slack`: any reference gives the same softmax, and a move is dear, because which
// elements of a cooperative matrix belong to which query is the device's secret. So in most blocks a score is never
// anywhere but in registers. What a query's weights add up to comes out of a product with ones.
// Storage: fp16 only.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_vote : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_cooperative_matrix : require
#define NATIVE_HALVES
#include "attention/attention.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_LOCAL_SIZE) const int local = 128;
layout(constant_id = SPEC_GROUPS) const int groups = 4;
layout(constant_id = SPEC_PARTS) const int parts = 1;
layout(constant_id = SPEC_KEYS) const int block = 64;
layout(constant_id = SPEC_MATRIX_M) const int mat_m = 16;
layout(constant_id = SPEC_MATRIX_N) const int mat_n = 16;
layout(constant_id = SPEC_MATRIX_K) const int mat_k = 16;

layout(binding = 0) readonly buffer Q8 { uvec4 q_8[]; };
layout(binding = 1) readonly buffer K8 { uvec4 k_8[]; };
layout(binding = 2) readonly buffer V8 { uvec4 v_8[]; };

const float slack = 8.0;  // weights up to 256, which halves hold as well as those near 1

// The head's channels, padded so that matrices divide them.
const int unit = mat_n > mat_k ? mat_n : mat_k;
const int width = (head * 4 + unit - 1) / unit * unit;
const int head8 = head / 2;
const int columns = width / 8;
const int lanes = local / groups;  // of a subgroup
const int rows = parts * mat_m;    // queries of a subgroup
const int parts_s = block / mat_n;
const int parts_o = width / mat_n;
const int steps_s = width / mat_k;
const int steps_o = block / mat_k;
const int count = block * columns;
const int loads = (count + local - 1) / local;

// Shared memory in uvec4s: eight halves, or four floats. Rows are padded by one against bank conflicts.
const int pitch = columns + 1;
const int v_base = block * pitch;
const int p_pitch = block / 8 + 1;
const int s_pitch = block / 4 + 1;
const int p_size = rows * p_pitch;
const int s_size = mat_m * s_pitch;
const int own_size = p_size > s_size ? p_size : s_size;  // of a subgroup: its weights, or one part's scores
const int main_size = 2 * block * pitch + groups * own_size;
const int io_size = groups * rows * pitch;  // queries before, results after
shared uvec4 staged[main_size > io_size ? main_size : io_size];

uvec4 k_next[loads];
uvec4 v_next[loads];

#define SUMS coopmat<float, gl_ScopeSubgroup, mat_m, mat_n, gl_MatrixUseAccumulator>

void main() {
    if (workgroup_index() >= p.workgroups) return;
    const int id = int(gl_LocalInvocationID.x), lane = int(gl_SubgroupInvocationID), group = int(gl_SubgroupID);
    const int tile = workgroup_index() % p.tiles, at_head = workgroup_index() / p.tiles % p.heads;
    const int batch = p.batch_begin + workgroup_index() / p.tiles / p.heads;
    const int first_query = p.query_begin + tile * groups * rows, end = p.query_begin + p.query_count;
    const int q_base = (p.q_offset + at_head * head) / 2, q_stride = p.q_stride / 2;
    const int k_stride = p.k_stride / 2, v_stride = p.v_stride / 2;
    const int k_base = (p.k_offset + batch * p.key_batch * p.keys * p.k_stride + at_head * head) / 2;
    const int v_from = (p.v_offset + batch * p.key_batch * p.keys * p.v_stride + at_head * head) / 2;
    const int own = 2 * block * pitch + group * own_size;
    const int my_query = first_query + group * rows;  // the subgroup's first

    // Queries into registers, and the numbers of a matrix's columns and rows as they lie there.
    [[dont_unroll]] for (int at = id; at < groups * rows * columns; at += local) {
        const int r = at / columns, c = at % columns;
        uvec4 x = uvec4(0);
        if (first_query + r < end && c < head8) x = q_8[q_base + (batch * p.queries + first_query + r) * q_stride + c];
        staged[r * pitch + c] = x;
    }
    barrier();
    coopmat<float16_t, gl_ScopeSubgroup, mat_m, mat_k, gl_MatrixUseA> queries[parts * steps_s];
    [[unroll]] for (int i = 0; i < parts; i++)
        [[unroll]] for (int k = 0; k < steps_s; k++)
            coopMatLoad(queries[i * steps_s + k], staged, (group * rows + i * mat_m) * pitch + k * mat_k / 8, pitch,
                        gl_CooperativeMatrixLayoutRowMajor);
    barrier();
    [[dont_unroll]] for (int at = lane; at < mat_m * mat_n / 4; at += lanes) {
        const int r = at / (mat_n / 4), c = at % (mat_n / 4) * 4;
        // Both in one number: they are small.
        staged[own + at] = floatBitsToUint(vec4(r * 64 + c) + vec4(0, 1, 2, 3));
    }
    subgroupBarrier();
    SUMS place;
    coopMatLoad(place, staged, own, mat_n / 4, gl_CooperativeMatrixLayoutRowMajor);

    const coopmat<float16_t, gl_ScopeSubgroup, mat_k, mat_n, gl_MatrixUseB> ones =
        coopmat<float16_t, gl_ScopeSubgroup, mat_k, mat_n, gl_MatrixUseB>(float16_t(1.0));
    SUMS sums[parts * parts_o];
    SUMS totals[parts];
    SUMS reference[parts];
    [[unroll]] for (int i = 0; i < parts * parts_o; i++) sums[i] = SUMS(0.0);
    [[unroll]] for (int i = 0; i < parts; i++) {
        totals[i] = SUMS(0.0);
        reference[i] = SUMS(0.0);
    }
    const float scale = p.scale * 1.44269504;
    const int keys = has(FLAG_CAUSAL) ? min(p.keys, first_query + groups * rows) : p.keys;

    [[dont_unroll]] for (int first_key = -block; first_key < keys; first_key += block) {
        // Block by block: the one that was fetched into shared memory, the next one's fetch, the arithmetic between.
        if (first_key >= 0) {
            barrier();
            [[unroll]] for (int i = 0; i < loads; i++) {
                const int at = id + i * local, r = at / columns, c = at % columns;
                if (count % local == 0 || at < count) {
                    staged[r * pitch + c] = k_next[i];
                    staged[v_base + r * pitch + c] = v_next[i];
                }
            }
            barrier();
        }
        if (first_key + block < keys)
            [[unroll]] for (int i = 0; i < loads; i++) {
                const int at = id + i * local, r = first_key + block + at / columns, c = at % columns;
                k_next[i] = v_next[i] = uvec4(0);
                if ((count % local == 0 || at < count) && r < p.keys && c < head8) {
                    k_next[i] = k_8[k_base + r * k_stride + c];
                    v_next[i] = v_8[v_from + r * v_stride + c];
                }
            }
        if (first_key < 0) continue;

        SUMS scores[parts * parts_s];
        [[unroll]] for (int i = 0; i < parts * parts_s; i++) scores[i] = SUMS(0.0);
        [[unroll]] for (int k = 0; k < steps_s; k++)
            [[unroll]] for (int j = 0; j < parts_s; j++) {
                coopmat<float16_t, gl_ScopeSubgroup, mat_k, mat_n, gl_MatrixUseB> y;
                coopMatLoad(y, staged, j * mat_n * pitch + k * mat_k / 8, pitch, gl_CooperativeMatrixLayoutColumnMajor);
                [[unroll]] for (int i = 0; i < parts; i++)
                    scores[i * parts_s + j] = coopMatMulAdd(queries[i * steps_s + k], y, scores[i * parts_s + j]);
            }

        const int whole = has(FLAG_CAUSAL) ? min(p.keys, my_query + 1) : p.keys;  // every query sees all before this
        bool exceeds = first_key == 0;
        [[unroll]] for (int i = 0; i < parts; i++)
            [[unroll]] for (int j = 0; j < parts_s; j++) {
                [[unroll]] for (int e = 0; e < place.length(); e++) scores[i * parts_s + j][e] *= scale;
                if (first_key + block > whole)
                    [[unroll]] for (int e = 0; e < place.length(); e++) {
                        const int at = int(place[e]), key = first_key + j * mat_n + at % 64;
                        const int limit = has(FLAG_CAUSAL) ? min(p.keys, my_query + i * mat_m + at / 64 + 1) : p.keys;
                        if (key >= limit) scores[i * parts_s + j][e] = lowest;
                    }
                [[unroll]] for (int e = 0; e < place.length(); e++)
                    exceeds = exceeds || scores[i * parts_s + j][e] > reference[i][e] + slack;
            }

        // Mesa's CPU driver, whose subgroups have eight invocations, waits for the whole workgroup at every barrier: there
        // all subgroups go this way.
        if (lanes <= 8 || subgroupAny(exceeds)) {
            [[unroll]] for (int i = 0; i < parts; i++) {
                subgroupBarrier();
                [[unroll]] for (int j = 0; j < parts_s; j++)
                    coopMatStore(scores[i * parts_s + j], staged, own + j * mat_n / 4, s_pitch,
                                 gl_CooperativeMatrixLayoutRowMajor);
                subgroupBarrier();
                const int r = lane % mat_m;
                vec4 most = vec4(lowest);
                [[dont_unroll]] for (int c = 0; c < block / 4; c++)
                    most = max(most, uintBitsToFloat(staged[own + r * s_pitch + c]));
                const float largest = max(max(most.x, most.y), max(most.z, most.w));
                subgroupBarrier();
                [[unroll]] for (int c = lane / mat_m; c < mat_n / 4; c += lanes / mat_m)
                    staged[own + r * (mat_n / 4) + c] = floatBitsToUint(vec4(largest));
                subgroupBarrier();
                SUMS seen;
                coopMatLoad(seen, staged, own, mat_n / 4, gl_CooperativeMatrixLayoutRowMajor);
                // A query whose scores did not exceed keeps its reference, so that its result does not depend on which
                // queries it shares a subgroup with.
                [[unroll]] for (int e = 0; e < place.length(); e++) {
                    const float before = reference[i][e];
                    const float now = first_key == 0 || seen[e] > before + slack ? seen[e] : before;
                    const float factor = first_key == 0 ? 0.0 : now == before ? 1.0 : exp2(before - now);
                    reference[i][e] = now;
                    totals[i][e] *= factor;
                    [[unroll]] for (int j = 0; j < parts_o; j++) sums[i * parts_o + j][e] *= factor;
                }
            }
        }

        subgroupBarrier();
        [[unroll]] for (int i = 0; i < parts; i++)
            [[unroll]] for (int j = 0; j < parts_s; j++) {
                [[unroll]] for (int e = 0; e < place.length(); e++)
                    scores[i * parts_s + j][e] = exp2(scores[i * parts_s + j][e] - reference[i][e]);
                coopMatStore(coopmat<float16_t, gl_ScopeSubgroup, mat_m, mat_n, gl_MatrixUseAccumulator>(
                                 scores[i * parts_s + j]),
                             staged, own + i * mat_m * p_pitch + j * mat_n / 8, p_pitch,
                             gl_CooperativeMatrixLayoutRowMajor);
            }
        subgroupBarrier();
        [[unroll]] for (int k = 0; k < steps_o; k++) {
            coopmat<float16_t, gl_ScopeSubgroup, mat_m, mat_k, gl_MatrixUseA> x[parts];
            [[unroll]] for (int i = 0; i < parts; i++) {
                coopMatLoad(x[i], staged, own + i * mat_m * p_pitch + k * mat_k / 8, p_pitch,
                            gl_CooperativeMatrixLayoutRowMajor);
                totals[i] = coopMatMulAdd(x[i], ones, totals[i]);
            }
            [[unroll]] for (int j = 0; j < parts_o; j++) {
                coopmat<float16_t, gl_ScopeSubgroup, mat_k, mat_n, gl_MatrixUseB> y;
                coopMatLoad(y, staged, v_base + k * mat_k * pitch + j * mat_n / 8, pitch,
                            gl_CooperativeMatrixLayoutRowMajor);
                [[unroll]] for (int i = 0; i < parts; i++)
                    sums[i * parts_o + j] = coopMatMulAdd(x[i], y, sums[i * parts_o + j]);
            }
        }
    }

    barrier();
    [[unroll]] for (int i = 0; i < parts; i++)
        [[unroll]] for (int j = 0; j < parts_o; j++) {
            [[unroll]] for (int e = 0; e < place.length(); e++) sums[i * parts_o + j][e] /= totals[i][e];
            coopMatStore(
                coopmat<float16_t, gl_ScopeSubgroup, mat_m, mat_n, gl_MatrixUseAccumulator>(sums[i * parts_o + j]),
                staged, (group * rows + i * mat_m) * pitch + j * mat_n / 8, pitch, gl_CooperativeMatrixLayoutRowMajor);
        }
    barrier();
    [[dont_unroll]] for (int at = id; at < groups * rows * head8; at += local) {
        const int r = at / head8, c = at % head8;
        if (first_query + r >= end) break;
        const uvec4 x = staged[r * pitch + c];
        const int out_at = p.out_offset + (batch * p.queries + first_query + r) * p.out_stride + at_head * head + c * 2;
        result[out_at] = x.xy;
        result[out_at + 1] = x.zw;
    }
}
