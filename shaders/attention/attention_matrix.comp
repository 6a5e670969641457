// Flash attention on matrix units. A workgroup takes `groups` times matrix_m queries of one head and walks the keys
// `block` at a time. `shares` subgroups share a group: each computes the scores of some of the keys, and some channels
// of the output. Queries lie in shared memory for good; keys pass through it by columns, values by rows, so that heads
// of any size fit. Scores are turned to weights in shared memory, where their halves take the place of the floats.
// Storage: fp16 only.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_cooperative_matrix : require
#define NATIVE_HALVES
#include "attention/attention.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_LOCAL_SIZE) const int local = 128;
layout(constant_id = SPEC_GROUPS) const int groups = 4;
layout(constant_id = SPEC_SHARES) const int shares = 1;
layout(constant_id = SPEC_KEYS) const int block = 64;
layout(constant_id = SPEC_KEY_COLUMNS) const int key_columns = 48;
layout(constant_id = SPEC_VALUE_ROWS) const int value_rows = 64;
layout(constant_id = SPEC_MATRIX_M) const int mat_m = 16;
layout(constant_id = SPEC_MATRIX_N) const int mat_n = 16;
layout(constant_id = SPEC_MATRIX_K) const int mat_k = 16;

layout(binding = 0) readonly buffer Q8 { uvec4 q_8[]; };
layout(binding = 1) readonly buffer K8 { uvec4 k_8[]; };
layout(binding = 2) readonly buffer V8 { uvec4 v_8[]; };

// The head's channels, padded so that matrices and shares divide them.
const int unit = (mat_n > mat_k ? mat_n : mat_k) * shares;
const int width = (head * 4 + unit - 1) / unit * unit;
const int head8 = head / 2;
const int lanes = local / groups;        // of a group of queries
const int members = lanes / mat_m;       // invocations of a query
const int vecs = block / members / 8;    // eights of keys of an invocation
const int parts_s = block / shares / mat_n;
const int parts_o = width / shares / mat_n;

// Shared memory in uvec4s: eight halves, or four floats.
const int q_pitch = width / 8 + 1;
const int k_pitch = key_columns / 8 + 1;
const int v_pitch = width / 8 + 1;
const int s_pitch = block / 4 + 1;
const int q_size = groups * mat_m * q_pitch;
const int kv_base = q_size;
const int k_size = block * k_pitch;
const int v_size = value_rows * v_pitch;
const int s_base = kv_base + (k_size > v_size ? k_size : v_size);
const int f_base = s_base + groups * mat_m * s_pitch;  // factors, a matrix a group
const int f_size = mat_m * mat_n / 4;
const int main_size = f_base + groups * f_size;
const int o_pitch = width / 4 + 1;
const int o_size = groups * mat_m * o_pitch;
shared uvec4 staged[main_size > o_size ? main_size : o_size];
shared float rows_seen[groups * mat_m * members];

void meet() {
    if (shares == 1) subgroupBarrier();
    else barrier();
}

void main() {
    if (workgroup_index() >= p.workgroups) return;
    const int id = int(gl_LocalInvocationID.x);
    const int tile = workgroup_index() % p.tiles, at_head = workgroup_index() / p.tiles % p.heads;
    const int batch = p.batch_begin + workgroup_index() / p.tiles / p.heads;
    const int first_query = p.query_begin + tile * groups * mat_m, end = p.query_begin + p.query_count;
    const int q_base = (p.q_offset + at_head * head) / 2, q_stride = p.q_stride / 2;
    const int k_base = (p.k_offset + batch * p.key_batch * p.keys * p.k_stride + at_head * head) / 2;
    const int v_base = (p.v_offset + batch * p.key_batch * p.keys * p.v_stride + at_head * head) / 2;

    const int group = int(gl_SubgroupID) / shares, share = int(gl_SubgroupID) % shares;
    const int lane = id % lanes, row = lane % mat_m, member = lane / mat_m;
    const int s_row = s_base + (group * mat_m + row) * s_pitch;
    const int query = first_query + group * mat_m + row;

    [[dont_unroll]] for (int at = id; at < groups * mat_m * (width / 8); at += local) {
        const int r = at / (width / 8), c = at % (width / 8);
        uvec4 x = uvec4(0);
        if (first_query + r < end && c < head8) x = q_8[q_base + (batch * p.queries + first_query + r) * q_stride + c];
        staged[r * q_pitch + c] = x;
    }

    coopmat<float, gl_ScopeSubgroup, mat_m, mat_n, gl_MatrixUseAccumulator> sums[parts_o];
    [[unroll]] for (int i = 0; i < parts_o; i++)
        sums[i] = coopmat<float, gl_ScopeSubgroup, mat_m, mat_n, gl_MatrixUseAccumulator>(0.0);
    float largest = lowest, total = 0.0;  // total: this invocation's own share
    const float scale = p.scale * 1.44269504;
    const int keys = has(FLAG_CAUSAL) ? min(p.keys, first_query + groups * mat_m) : p.keys;

    [[dont_unroll]] for (int first_key = 0; first_key < keys; first_key += block) {
        coopmat<float, gl_ScopeSubgroup, mat_m, mat_n, gl_MatrixUseAccumulator> scores[parts_s];
        [[unroll]] for (int i = 0; i < parts_s; i++)
            scores[i] = coopmat<float, gl_ScopeSubgroup, mat_m, mat_n, gl_MatrixUseAccumulator>(0.0);
        [[dont_unroll]] for (int column = 0; column < width; column += key_columns) {
            barrier();
            [[unroll]] for (int i = 0; i < (block * (key_columns / 8) + local - 1) / local; i++) {
                const int at = id + i * local, r = at / (key_columns / 8), c = at % (key_columns / 8);
                if (r < block) {
                    uvec4 x = uvec4(0);
                    if (first_key + r < p.keys && column / 8 + c < head8)
                        x = k_8[k_base + (first_key + r) * (p.k_stride / 2) + column / 8 + c];
                    staged[kv_base + r * k_pitch + c] = x;
                }
            }
            barrier();
            [[unroll]] for (int k = 0; k < key_columns; k += mat_k) {
                coopmat<float16_t, gl_ScopeSubgroup, mat_m, mat_k, gl_MatrixUseA> x;
                coopMatLoad(x, staged, group * mat_m * q_pitch + (column + k) / 8, q_pitch,
                            gl_CooperativeMatrixLayoutRowMajor);
                [[unroll]] for (int j = 0; j < parts_s; j++) {
                    coopmat<float16_t, gl_ScopeSubgroup, mat_k, mat_n, gl_MatrixUseB> y;
                    coopMatLoad(y, staged, kv_base + (share * (block / shares) + j * mat_n) * k_pitch + k / 8, k_pitch,
                                gl_CooperativeMatrixLayoutColumnMajor);
                    scores[j] = coopMatMulAdd(x, y, scores[j]);
                }
            }
        }
        [[unroll]] for (int j = 0; j < parts_s; j++)
            coopMatStore(scores[j], staged,
                         s_base + group * mat_m * s_pitch + (share * (block / shares) + j * mat_n) / 4, s_pitch,
                         gl_CooperativeMatrixLayoutRowMajor);
        meet();

        vec4 low[vecs], high[vecs];
        float most = largest;
        [[unroll]] for (int i = 0; i < vecs; i++) {
            const int at = (i * members + member) * 2;
            low[i] = uintBitsToFloat(staged[s_row + at]) * scale;
            high[i] = uintBitsToFloat(staged[s_row + at + 1]) * scale;
            const int limit = (has(FLAG_CAUSAL) ? min(p.keys, query + 1) : p.keys) - first_key - at * 4;
            if (limit < 8) {
                low[i] = mix(low[i], vec4(lowest), greaterThanEqual(ivec4(0, 1, 2, 3), ivec4(limit)));
                high[i] = mix(high[i], vec4(lowest), greaterThanEqual(ivec4(4, 5, 6, 7), ivec4(limit)));
            }
            const vec4 both = max(low[i], high[i]);
            most = max(most, max(max(both.x, both.y), max(both.z, both.w)));
        }
        if (members > 1) {
            rows_seen[(group * mat_m + row) * members + member] = most;
            meet();
            [[unroll]] for (int i = 0; i < members; i++) most = max(most, rows_seen[(group * mat_m + row) * members + i]);
        }
        const float correction = exp2(largest - most);
        largest = most;
        float sum = 0.0;
        [[unroll]] for (int i = 0; i < vecs; i++) {
            low[i] = mix(exp2(low[i] - largest), vec4(0), equal(low[i], vec4(lowest)));
            high[i] = mix(exp2(high[i] - largest), vec4(0), equal(high[i], vec4(lowest)));
            const vec4 both = low[i] + high[i];
            sum += (both.x + both.y) + (both.z + both.w);
            staged[s_row + i * members + member] = uvec4(pack(low[i]), pack(high[i]));
        }
        total = total * correction + sum;
        [[unroll]] for (int i = member; i < mat_n / 4; i += members)
            staged[f_base + group * f_size + row * (mat_n / 4) + i] = floatBitsToUint(vec4(correction));
        meet();

        coopmat<float, gl_ScopeSubgroup, mat_m, mat_n, gl_MatrixUseAccumulator> factor;
        coopMatLoad(factor, staged, f_base + group * f_size, mat_n / 4, gl_CooperativeMatrixLayoutRowMajor);
        [[unroll]] for (int i = 0; i < parts_o; i++)
            [[unroll]] for (int e = 0; e < factor.length(); e++) sums[i][e] *= factor[e];

        [[dont_unroll]] for (int first = 0; first < block; first += value_rows) {
            barrier();
            [[unroll]] for (int i = 0; i < (value_rows * (width / 8) + local - 1) / local; i++) {
                const int at = id + i * local, r = at / (width / 8), c = at % (width / 8);
                if (r < value_rows) {
                    uvec4 x = uvec4(0);
                    if (first_key + first + r < p.keys && c < head8)
                        x = v_8[v_base + (first_key + first + r) * (p.v_stride / 2) + c];
                    staged[kv_base + r * v_pitch + c] = x;
                }
            }
            barrier();
            [[unroll]] for (int k = 0; k < value_rows; k += mat_k) {
                coopmat<float16_t, gl_ScopeSubgroup, mat_m, mat_k, gl_MatrixUseA> x;
                coopMatLoad(x, staged, s_base + group * mat_m * s_pitch + (first + k) / 8, s_pitch,
                            gl_CooperativeMatrixLayoutRowMajor);
                [[unroll]] for (int j = 0; j < parts_o; j++) {
                    coopmat<float16_t, gl_ScopeSubgroup, mat_k, mat_n, gl_MatrixUseB> y;
                    coopMatLoad(y, staged, kv_base + k * v_pitch + (share * (width / shares) + j * mat_n) / 8, v_pitch,
                                gl_CooperativeMatrixLayoutRowMajor);
                    sums[j] = coopMatMulAdd(x, y, sums[j]);
                }
            }
        }
    }

    barrier();
    rows_seen[(group * mat_m + row) * members + member] = total;
    [[unroll]] for (int j = 0; j < parts_o; j++)
        coopMatStore(sums[j], staged, group * mat_m * o_pitch + (share * (width / shares) + j * mat_n) / 4, o_pitch,
                     gl_CooperativeMatrixLayoutRowMajor);
    barrier();
    [[dont_unroll]] for (int at = id; at < groups * mat_m * head; at += local) {
        const int r = at / head, c = at % head;
        if (first_query + r >= end) break;
        float sum = 0.0;
        [[unroll]] for (int i = 0; i < members; i++) sum += rows_seen[r * members + i];
        result[p.out_offset + (batch * p.queries + first_query + r) * p.out_stride + at_head * head + c] =
            pack(uintBitsToFloat(staged[r * o_pitch + c]) / sum);
    }
}
