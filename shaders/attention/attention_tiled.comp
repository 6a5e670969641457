// Flash attention for GPUs: a workgroup of 256 takes 32 queries of one head, eight invocations a query, and walks the
// keys 32 at a time. Queries and keys pass through shared memory four vec4s of the head at a time, so that a head of
// any size fits; the output is kept in registers, vec4s i, i + 8, … of the head with invocation i. Values are read
// where they lie: the caches serve the workgroup's queries.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "attention/attention.glsl"

layout(local_size_x = 256) in;

const int block = 32;  // queries, and keys at a time
const int team = 8;
const int step = 4;
const int slots = (head + team - 1) / team;
shared vec4 staged_q[block * (step + 1)];
shared vec4 staged_k[block * (step + 1)];
shared float scores[block * (block + 1)];

void main() {
    if (workgroup_index() >= p.workgroups) return;
    const int id = int(gl_LocalInvocationID.x), member = id % team, local_query = id / team;
    const int tile = workgroup_index() % p.tiles, at_head = workgroup_index() / p.tiles % p.heads;
    const int batch = p.batch_begin + workgroup_index() / p.tiles / p.heads;
    const int first_query = p.query_begin + tile * block, end = p.query_begin + p.query_count;
    const int query = first_query + local_query;
    const int head_at = at_head * head;
    const int k_base = p.k_offset + batch * p.key_batch * p.keys * p.k_stride + head_at;
    const int v_base = p.v_offset + batch * p.key_batch * p.keys * p.v_stride + head_at;

    vec4 sums[slots];
    for (int i = 0; i < slots; i++) sums[i] = vec4(0);
    float largest = lowest, total = 0.0;
    const int keys = has(FLAG_CAUSAL) ? min(p.keys, first_query + block) : p.keys;

    for (int first_key = 0; first_key < keys; first_key += block) {
        vec4 dots = vec4(0);  // with keys member, member + 8, +16, +24
        [[dont_unroll]] for (int base = 0; base < head; base += step) {
            const int row = id % 128 / step, column = base + id % step;
            vec4 x = vec4(0);
            if (column < head) {
                if (id < 128) {
                    if (first_query + row < end)
                        x = unpack(q[p.q_offset + (batch * p.queries + first_query + row) * p.q_stride + head_at + column]);
                } else if (first_key + row < p.keys) {
                    x = unpack(k[k_base + (first_key + row) * p.k_stride + column]);
                }
            }
            if (id < 128)
                staged_q[row * (step + 1) + id % step] = x;
            else
                staged_k[row * (step + 1) + id % step] = x;
            barrier();
            for (int c = 0; c < step; c++) {
                const vec4 x = staged_q[local_query * (step + 1) + c];
                for (int j = 0; j < 4; j++) dots[j] += dot(x, staged_k[(member + j * team) * (step + 1) + c]);
            }
            barrier();
        }
        for (int j = 0; j < 4; j++) {
            const int key = first_key + member + j * team;
            const bool seen = key < p.keys && (!has(FLAG_CAUSAL) || key <= query);
            scores[local_query * (block + 1) + member + j * team] = seen ? dots[j] * p.scale : lowest;
        }
        barrier();
        float block_largest = largest;
        for (int j = 0; j < block; j++) block_largest = max(block_largest, scores[local_query * (block + 1) + j]);
        const float correction = exp(largest - block_largest);
        largest = block_largest;
        barrier();
        for (int j = 0; j < 4; j++) {
            const int at = local_query * (block + 1) + member + j * team;
            scores[at] = scores[at] == lowest ? 0.0 : exp(scores[at] - largest);
        }
        barrier();
        total *= correction;
        for (int j = 0; j < block; j++) total += scores[local_query * (block + 1) + j];
        for (int i = 0; i < slots; i++) sums[i] *= correction;
        const int count = min(block, p.keys - first_key);
        [[dont_unroll]] for (int j = 0; j < count; j++) {
            const float weight = scores[local_query * (block + 1) + j];
            const int at = v_base + (first_key + j) * p.v_stride;
            for (int i = 0; i < slots; i++)
                sums[i] += weight * unpack(stored_v[at + min(i * team + member, head - 1)]);
        }
        barrier();
    }

    if (query >= end) return;
    const int out_at = p.out_offset + (batch * p.queries + query) * p.out_stride + head_at;
    for (int i = 0; i < slots; i++)
        if (i * team + member < head) result[out_at + i * team + member] = pack(sums[i] / total);
}
