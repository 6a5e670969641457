#include <algorithm>

#include "ops/lowering.h"

namespace sluice {

// About a thousand pixels a chunk keeps a GPU busy; no more than 256 chunks keeps their combination short.
int group_norm_chunk_rows(const Tensor& a) {
    return std::max((1024 + a.width - 1) / a.width, (a.height + 255) / 256);
}

int group_norm_chunks(const Tensor& a) {
    const int rows = group_norm_chunk_rows(a);
    return (a.height + rows - 1) / rows;
}

namespace lowering {

// The chunks' dispatches; with the picture's last row also the combination, so strips come in order.
void lower_group_norm(const Lowering& l, const GroupNormStats& op) {
    const Tensor &a = l.tensor(op.a), &out = l.tensor(op.out), &partial = l.tensor(op.partial);
    const int chunk_rows = group_norm_chunk_rows(a), chunks = group_norm_chunks(a);
    const int a_vec = l.vec4s(op.a), a2_vec = l.vec4s(op.a2);
    const int channels = a.channels + (op.a2 == none ? 0 : l.tensor(op.a2).channels);
    if (op.groups < 1 || channels % op.groups)
        l.fail(std::to_string(channels) + " channels don't divide into " + std::to_string(op.groups) + " groups");
    if (op.a2 != none && l.tensor(op.a2).rows() != a.rows()) l.fail("its two sources differ in size");
    if (!out.f32 || out.elements() != int64_t(a.batch) * 2 * 4 * (a_vec + a2_vec))
        l.fail("affine " + out.name + " is not [batch][2][channels] in fp32");
    if (!partial.f32 || partial.elements() < int64_t(a.batch) * chunks * op.groups * 4)
        l.fail("scratch " + partial.name + " is smaller than [batch][chunks][groups][4] in fp32");
    if (op.a2 != none && a.channels % 4 && a2_vec && op.groups < 1) l.fail("no groups");
    const Range rows = cut_rows(l, a.height);
    if ((rows.begin > 0 || rows.end < a.height) && a.batch != 1) l.fail("only an op on one image can be cut by rows");
    if (rows.begin % chunk_rows || (rows.end % chunk_rows && rows.end != a.height))
        l.fail("its strips are multiples of " + std::to_string(chunk_rows) + " rows");

    shaders::GroupNormParams p{};
    p.a_channels = a_vec;
    p.a2_channels = a2_vec;
    p.a_real = a.channels;
    p.channels = channels;
    p.groups = op.groups;
    p.group_channels = channels / op.groups;
    p.pixels = a.height * a.width;
    p.chunk_pixels = chunk_rows * a.width;
    p.chunks = chunks;
    p.batches = a.batch;
    p.eps = op.eps;

    const int first = rows.begin / chunk_rows, last = (rows.end + chunk_rows - 1) / chunk_rows;
    auto fits = [&](int images, int count) {
        const int64_t pixels = images > 1 ? int64_t(images) * p.pixels
                                          : std::min<int64_t>(p.pixels, int64_t(count) * p.chunk_pixels);
        return l.fits(op.a, pixels * a_vec) && l.fits(op.a2, pixels * a2_vec);
    };
    int images = a.batch, count = last - first;
    if (!fits(images, count)) images = 1;
    while (count > 1 && !fits(images, count)) count = (count + 1) / 2;
    if (!fits(images, count)) l.fail("one chunk needs a larger binding than the device has");
    const uint32_t local = l.traits.cpu ? 8 : 64;
    const uint32_t flags = (op.a2 != none ? FLAG_A2 : 0u) | l.f32_flag(op.a, FLAG_A_F32) | l.f32_flag(op.a2, FLAG_A2_F32) |
                           (op.gamma != none ? FLAG_GAMMA : 0u) | (op.beta != none ? FLAG_BETA : 0u);
    bool first_dispatch = true;
    for (int batch = 0; batch < a.batch; batch += images)
        for (int chunk = first; chunk < last; chunk += count) {
            Dispatch d = l.begin(Shader::group_norm_partial, flags & ~uint32_t(FLAG_GAMMA | FLAG_BETA));
            d.pipeline.spec[SPEC_LOCAL_SIZE] = l.traits.cpu ? local : 256;
            p.batch_begin = batch;
            p.chunk_begin = chunk;
            p.chunk_count = std::min(count, last - chunk);
            const int64_t begin = int64_t(chunk) * p.chunk_pixels;
            const int64_t end = std::min<int64_t>(p.pixels, begin + int64_t(p.chunk_count) * p.chunk_pixels);
            const int64_t at = int64_t(batch) * p.pixels + begin, size = (images - 1) * int64_t(p.pixels) + end - begin;
            p.a_offset = l.bind(d, 0, op.a, at * a_vec, size * a_vec);
            p.a2_offset = l.bind(d, 1, op.a2, at * a2_vec, size * a2_vec);
            p.partial_offset = l.bind_all(d, 2, op.partial);
            p.workgroups = images * p.chunk_count * op.groups;
            d.flops = 6.0 * double(size) * channels;
            l.finish(d, p, p.workgroups, op.partial, first_dispatch);
            first_dispatch = false;
        }
    if (rows.end < a.height) return;
    Dispatch d = l.begin(Shader::group_norm_combine, flags & (FLAG_GAMMA | FLAG_BETA));
    d.pipeline.spec[SPEC_LOCAL_SIZE] = local;
    p.partial_offset = l.bind_all(d, 2, op.partial);
    l.bind_vector(d, 3, op.gamma);
    l.bind_vector(d, 4, op.beta);
    p.out_offset = l.bind_all(d, 5, op.out);
    p.workgroups = int((int64_t(a.batch) * (a_vec + a2_vec) + local - 1) / local);
    d.flops = 40.0 * a.batch * channels * chunks;
    l.finish(d, p, p.workgroups, op.out, true);
}

void lower_layer_norm(const Lowering& l, const LayerNormStats& op) {
    const Tensor &a = l.tensor(op.a), &out = l.tensor(op.out);
    if (!out.f32 || l.vec4s(op.out) != 1 || out.rows() != a.rows())
        l.fail("statistics " + out.name + " are not 2 channels in fp32 for each of " + std::to_string(a.rows()) + " rows");
    const bool whole = l.cut.row_begin == 0 && l.cut.row_end < 0;
    if (!whole && a.batch != 1) l.fail("only an op on one image can be cut by rows");
    const int scale = a.height == 1 ? 1 : a.width;
    const Range cut = whole ? Range{0, int(a.rows())} : cut_rows(l, int(a.rows()) / scale);
    const int begin = whole ? 0 : cut.begin * scale, end = whole ? int(a.rows()) : cut.end * scale;
    int strip = end - begin;
    while (strip > 1 && !(l.fits(op.a, int64_t(strip) * l.vec4s(op.a)) && l.fits(op.out, strip))) strip = (strip + 1) / 2;
    const int local = l.traits.cpu ? 8 : 64, rows_a_group = local / 8;
    for (int row = begin; row < end; row += strip) {
        Dispatch d = l.begin(Shader::layer_norm, l.f32_flag(op.a, FLAG_A_F32));
        d.pipeline.spec[SPEC_LOCAL_SIZE] = uint32_t(local);
        shaders::LayerNormParams p{};
        p.a_channels = l.vec4s(op.a);
        p.channels = a.channels;
        p.row_begin = row;
        p.rows = std::min(strip, end - row);
        p.a_offset = l.bind(d, 0, op.a, int64_t(row) * p.a_channels, int64_t(p.rows) * p.a_channels);
        p.out_offset = l.bind(d, 1, op.out, row, p.rows);
        p.workgroups = (p.rows + rows_a_group - 1) / rows_a_group;
        p.eps = op.eps;
        d.flops = 6.0 * p.rows * a.channels;
        l.finish(d, p, p.workgroups, op.out, row == begin);
    }
}

}  // namespace lowering
}  // namespace sluice
