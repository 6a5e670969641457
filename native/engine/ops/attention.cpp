#include <algorithm>
#include <cmath>

#include "ops/lowering.h"
#include "ops/tiles.h"

namespace sluice::lowering {

void lower_attention(const Lowering& l, const Attention& op) {
    const Tensor &q = l.tensor(op.q), &k = l.tensor(op.k), &v = l.tensor(op.v), &out = l.tensor(op.out);
    if (op.head_size < 4 || op.head_size % 4 || op.head_size > 512)
        l.fail("a head size is a multiple of 4 up to 512, not " + std::to_string(op.head_size));
    if (op.q_offset % 4 || op.k_offset % 4 || op.v_offset % 4) l.fail("heads begin at a multiple of 4 channels");
    const int width = op.heads * op.head_size;
    if (op.q_offset + width > q.channels || op.k_offset + width > k.channels || op.v_offset + width > v.channels ||
        width != out.channels)
        l.fail("its heads lie outside its tensors' channels");
    if (q.f32 || k.f32 || v.f32 || out.f32) l.fail("its tensors are in storage precision");
    if (k.rows() != v.rows() || q.rows() != out.rows() || q.batch != out.batch || (k.batch != q.batch && k.batch != 1))
        l.fail("its tensors differ in size");
    const int queries = int(q.rows() / q.batch), keys = int(k.rows() / k.batch);

    const bool whole = l.cut.row_begin == 0 && l.cut.row_end < 0;
    if (!whole && q.batch != 1) l.fail("only an op on one image can be cut by rows");
    const int scale = q.height == 1 ? 1 : q.width;
    const Range cut = whole ? Range{0, queries} : cut_rows(l, queries / scale);
    const int begin = whole ? 0 : cut.begin * scale, end = whole ? queries : cut.end * scale;

    const double flops_a_query = 4.0 * keys * width;
    const int q_vec = l.vec4s(op.q), k_vec = l.vec4s(op.k), v_vec = l.vec4s(op.v), out_vec = l.vec4s(op.out);
    auto fits = [&](int images, int count) {
        const int64_t rows = images > 1 ? int64_t(images) * queries : count;
        const int64_t key_rows = k.batch == 1 ? keys : int64_t(images) * keys;
        return l.fits(op.q, rows * q_vec) && l.fits(op.out, rows * out_vec) && l.fits(op.k, key_rows * k_vec) &&
               l.fits(op.v, key_rows * v_vec) && flops_a_query * double(rows) <= flops_a_dispatch(l.traits);
    };
    // Queries of a workgroup. Few on a CPU device: more take its driver longer to compile and are no faster.
    const int lanes = std::clamp(int(l.traits.subgroup_size), 4, 32);
    AttentionTile tile;
    if (const auto shape = matrix_shape(l.program, op, l.precision); shape && !l.traits.cpu)
        tile = choose_tile(*shape, l.traits);
    const int block = tile.groups     ? tile.groups * std::max(1, tile.parts) * int(l.traits.matrix_m)
                      : l.traits.cpu ? std::min(8, lanes)
                                     : 32;
    const int slots = (op.head_size / 4 + lanes - 1) / lanes;
    int images = q.batch, count = queries;
    if (!fits(images, count)) images = 1;
    while (count > block && !fits(images, count)) count = round_up((count + 1) / 2, block);

    bool first = true;
    for (int batch = 0; batch < q.batch; batch += images)
        for (int query = begin; query < end; query += count) {
            Dispatch d = l.begin(l.traits.cpu    ? Shader::attention_cpu
                                 : tile.flash() ? Shader::attention_flash
                                 : tile.groups  ? Shader::attention_matrix
                                               : Shader::attention_tiled,
                                 op.causal && !l.traits.cpu ? FLAG_CAUSAL : 0u);
            if (l.traits.cpu) {
                d.pipeline.spec[SPEC_LOCAL_SIZE] = uint32_t(lanes);
                d.pipeline.spec[SPEC_SLOTS] = uint32_t(slots);
                d.pipeline.spec[SPEC_ROWS] = uint32_t(block);
                d.pipeline.spec[SPEC_COLUMNS] = slots <= 8 ? 2 : 1;
            } else {
                d.pipeline.spec[SPEC_HEAD] = uint32_t(op.head_size / 4);
            }
            if (tile.groups) {
                d.pipeline.spec[SPEC_LOCAL_SIZE] = uint32_t(workgroup_size(tile, l.traits));
                d.pipeline.spec[SPEC_GROUPS] = uint32_t(tile.groups);
                d.pipeline.spec[SPEC_KEYS] = uint32_t(tile.keys);
                if (tile.flash()) {
                    d.pipeline.spec[SPEC_PARTS] = uint32_t(tile.parts);
                } else {
                    d.pipeline.spec[SPEC_SHARES] = uint32_t(tile.shares);
                    d.pipeline.spec[SPEC_KEY_COLUMNS] = uint32_t(tile.key_columns);
                    d.pipeline.spec[SPEC_VALUE_ROWS] = uint32_t(tile.value_rows);
                }
                d.pipeline.spec[SPEC_MATRIX_M] = l.traits.matrix_m;
                d.pipeline.spec[SPEC_MATRIX_N] = l.traits.matrix_n;
                d.pipeline.spec[SPEC_MATRIX_K] = l.traits.matrix_k;
            }
            shaders::AttentionParams p{};
            p.query_begin = query;
            p.query_count = std::min(count, end - query);
            const int64_t at = int64_t(batch) * queries + query;
            const int64_t rows = int64_t(images - 1) * queries + p.query_count;
            const int64_t key_at = k.batch == 1 ? 0 : int64_t(batch) * keys;
            const int64_t key_rows = k.batch == 1 ? keys : int64_t(images) * keys;
            p.q_offset = l.bind(d, 0, op.q, at * q_vec, rows * q_vec) + op.q_offset / 4;
            p.k_offset = l.bind(d, 1, op.k, key_at * k_vec, key_rows * k_vec) + op.k_offset / 4;
            p.v_offset = l.bind(d, 2, op.v, key_at * v_vec, key_rows * v_vec) + op.v_offset / 4;
            for (const int slot : {0, 1, 2}) l.fetch_texels(d, slot);
            p.out_offset = l.bind(d, 3, op.out, at * out_vec, rows * out_vec);
            p.q_stride = q_vec;
            p.k_stride = k_vec;
            p.v_stride = v_vec;
            p.out_stride = out_vec;
            p.queries = queries;
            p.keys = keys;
            p.batch_begin = batch;
            p.key_batch = k.batch == 1 ? 0 : 1;
            p.heads = op.heads;
            p.tiles = (p.query_count + block - 1) / block;
            p.workgroups = images * op.heads * p.tiles;
            p.head = op.head_size / 4;
            p.later_keys = op.causal ? 0 : keys;
            p.scale = 1.f / std::sqrt(float(op.head_size));
            d.flops = flops_a_query * images * p.query_count;
            l.finish(d, p, p.workgroups, op.out, first);
            first = false;
        }
}

}  // namespace sluice::lowering
