// Flash attention for CPU devices. A workgroup is one subgroup. A memory access costs a CPU device one scalar access
// a lane, so lanes read different things and shuffle them to all (see conv_cpu.comp): of the queries each lane its own. For
// the scores a lane holds other keys, for the output other channels, each for all of the workgroup's queries.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_EXT_control_flow_attributes : require
#define ANY_HEAD
#include "attention/attention.glsl"

layout(binding = 8) uniform samplerBuffer q_texels;
layout(binding = 9) uniform samplerBuffer k_texels;
layout(binding = 10) uniform samplerBuffer v_texels;
vec4 load_q(int at) { return has(FLAG_TEXELS) ? texelFetch(q_texels, at) : unpack(q[at]); }
vec4 load_k(int at) { return has(FLAG_TEXELS << 1) ? texelFetch(k_texels, at) : unpack(k[at]); }
vec4 load_v(int at) { return has(FLAG_TEXELS << 2) ? texelFetch(v_texels, at) : unpack(stored_v[at]); }

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_LOCAL_SIZE) const int lanes = 8;
layout(constant_id = SPEC_ROWS) const int rows = 8;        // queries of the workgroup, at most one for each lane
layout(constant_id = SPEC_COLUMNS) const int columns = 2;  // keys of a lane at a time
layout(constant_id = SPEC_SLOTS) const int slots = 2;      // vec4s of output channels of a lane

const int block = lanes * columns;  // keys between updates of the maximum

void main() {
    if (workgroup_index() >= p.workgroups) return;
    const int lane = int(gl_SubgroupInvocationID);
    const int tile = workgroup_index() % p.tiles, at_head = workgroup_index() / p.tiles % p.heads;
    const int batch = p.batch_begin + workgroup_index() / p.tiles / p.heads;
    const int first_query = p.query_begin + tile * rows, end = p.query_begin + p.query_count;
    const int head = p.head, head_at = at_head * head;
    const int k_base = p.k_offset + batch * p.key_batch * p.keys * p.k_stride + head_at;
    const int v_base = p.v_offset + batch * p.key_batch * p.keys * p.v_stride + head_at;

    const int q_at = p.q_offset + (batch * p.queries + min(first_query + min(lane, rows - 1), end - 1)) * p.q_stride + head_at;
    float largest[rows], total[rows];  // total: a lane's own share
    vec4 sums[rows][slots];
    [[unroll]] for (int r = 0; r < rows; r++) {
        largest[r] = lowest;
        total[r] = 0.0;
        [[unroll]] for (int s = 0; s < slots; s++) sums[r][s] = vec4(0);
    }

    const int keys = min(p.keys, first_query + rows + p.later_keys);
    [[dont_unroll]] for (int first_key = 0; first_key < keys; first_key += block) {
        float score[rows][columns];
        int k_at[columns];
        [[unroll]] for (int v = 0; v < columns; v++) {
            k_at[v] = k_base + min(first_key + v * lanes + lane, p.keys - 1) * p.k_stride;
            [[unroll]] for (int r = 0; r < rows; r++) score[r][v] = 0.0;
        }
        [[dont_unroll]] for (int i = 0; i < head; i++) {
            const vec4 x = load_q(q_at + i) * p.scale;
            vec4 key[columns];
            [[unroll]] for (int v = 0; v < columns; v++) key[v] = load_k(k_at[v] + i);
            [[unroll]] for (int r = 0; r < rows; r++) {
                const vec4 xi = subgroupShuffle(x, uint(r));
                [[unroll]] for (int v = 0; v < columns; v++)
                    score[r][v] = fma(xi.w, key[v].w, fma(xi.z, key[v].z,
                                      fma(xi.y, key[v].y, fma(xi.x, key[v].x, score[r][v]))));
            }
        }
        [[unroll]] for (int r = 0; r < rows; r++) {
            float most = lowest;
            [[unroll]] for (int v = 0; v < columns; v++) {
                const int key = first_key + v * lanes + lane;
                if (key >= p.keys || key > first_query + r + p.later_keys) score[r][v] = lowest;
                most = max(most, score[r][v]);
            }
            most = max(largest[r], subgroupMax(most));
            const float correction = exp(largest[r] - most);
            largest[r] = most;
            total[r] *= correction;
            [[unroll]] for (int v = 0; v < columns; v++) {
                score[r][v] = score[r][v] == lowest ? 0.0 : exp(score[r][v] - most);
                total[r] += score[r][v];
            }
            [[unroll]] for (int s = 0; s < slots; s++) sums[r][s] *= correction;
        }
        [[unroll]] for (int v = 0; v < columns; v++) {
            const int first = first_key + v * lanes, count = min(lanes, p.keys - first);
            [[dont_unroll]] for (int i = 0; i < count; i++) {
                vec4 value[slots];
                [[unroll]] for (int s = 0; s < slots; s++)
                    value[s] = load_v(v_base + (first + i) * p.v_stride + min(s * lanes + lane, head - 1));
                [[unroll]] for (int r = 0; r < rows; r++) {
                    const vec4 weight = vec4(subgroupShuffle(score[r][v], uint(i)));
                    [[unroll]] for (int s = 0; s < slots; s++) sums[r][s] = fma(weight, value[s], sums[r][s]);
                }
            }
        }
    }

    // A query at a time, picked by comparing, as in conv_cpu.comp.
    const int queries = min(rows, end - first_query);
    [[dont_unroll]] for (int r = 0; r < queries; r++) {
        float share = total[0];
        vec4 picked[slots];
        [[unroll]] for (int s = 0; s < slots; s++) picked[s] = sums[0][s];
        [[unroll]] for (int other = 1; other < rows; other++) {
            share = r == other ? total[other] : share;
            [[unroll]] for (int s = 0; s < slots; s++) picked[s] = mix(picked[s], sums[other][s], bvec4(r == other));
        }
        const int at = p.out_offset + (batch * p.queries + first_query + r) * p.out_stride + head_at;
        const float sum = subgroupAdd(share);
        [[unroll]] for (int s = 0; s < slots; s++)
            if (s * lanes + lane < head) result[at + s * lanes + lane] = pack(picked[s] / sum);
    }
}
