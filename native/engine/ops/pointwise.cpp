#include <algorithm>

#include "ops/lowering.h"

namespace sluice::lowering {

void lower_pointwise(const Lowering& l, const Pointwise& op) {
    const Tensor& out = l.tensor(op.out);
    const int pixels = int(out.rows() / out.batch), vec = l.vec4s(op.out);
    auto check = [&](TensorId id) {
        if (id == none) return;
        const Tensor& t = l.tensor(id);
        if (l.vec4s(id) != vec || t.rows() / t.batch != pixels || (t.batch != out.batch && t.batch != 1))
            l.fail("tensor " + t.name + " is not of the output's size");
    };
    check(op.a);
    check(op.b);
    if (op.a == none && op.b == none) l.fail("it has no input");
    if (op.activation == Activation::geglu) l.fail("GEGLU belongs to Conv");
    const bool a_broadcast = op.a != none && l.tensor(op.a).batch == 1;
    const bool b_broadcast = op.b != none && l.tensor(op.b).batch == 1;

    const bool whole = l.cut.row_begin == 0 && l.cut.row_end < 0;
    if (!whole && out.batch != 1) l.fail("only an op on one image can be cut by rows");
    const int scale = out.height == 1 ? 1 : out.width;
    const Range cut = whole ? Range{0, pixels} : cut_rows(l, pixels / scale);
    const int begin = whole ? 0 : cut.begin * scale, end = whole ? pixels : cut.end * scale;
    auto fits = [&](int images, int count) {
        const int64_t n = (images > 1 ? int64_t(images) * pixels : count) * int64_t(vec);
        return l.fits(op.a, n) && l.fits(op.b, n) && l.fits(op.out, n) && l.fits(op.row_stats, n / vec);
    };
    int images = out.batch, count = pixels;
    if (!fits(images, count)) images = 1;
    while (count > 1 && !fits(images, count)) count = (count + 1) / 2;

    uint32_t flags = 0;
    if (op.a != none) flags |= FLAG_A;
    if (op.b != none) flags |= FLAG_RESIDUAL;
    if (op.row_stats != none) flags |= FLAG_ROW_STATS;
    if (op.gamma != none) flags |= FLAG_GAMMA;
    if (op.beta != none) flags |= FLAG_BETA;
    flags |= l.f32_flag(op.a, FLAG_A_F32) | l.f32_flag(op.b, FLAG_RESIDUAL_F32) | l.f32_flag(op.out, FLAG_OUT_F32);
    const uint32_t local = 64;
    bool first = true;
    for (int batch = 0; batch < out.batch; batch += images)
        for (int row = begin; row < end; row += count) {
            const int rows = (images - 1) * pixels + std::min(count, end - row);
            Dispatch d = l.begin(Shader::pointwise, flags);
            d.pipeline.spec[SPEC_LOCAL_SIZE] = local;
            d.pipeline.spec[SPEC_ACTIVATION] = uint32_t(op.activation);
            shaders::PointwiseParams p{};
            const int64_t at = int64_t(batch) * pixels + row;
            const int64_t one = std::min(rows, pixels);  // of a source that serves every image
            p.a_offset = l.bind(d, 0, op.a, (a_broadcast ? row : at) * vec, (a_broadcast ? one : rows) * vec);
            p.stats_offset = l.bind(d, 1, op.row_stats, a_broadcast ? row : at, a_broadcast ? one : rows);
            l.bind_vector(d, 2, op.gamma);
            l.bind_vector(d, 3, op.beta);
            p.b_offset = l.bind(d, 4, op.b, (b_broadcast ? row : at) * vec, (b_broadcast ? one : rows) * vec);
            p.out_offset = l.bind(d, 5, op.out, at * vec, int64_t(rows) * vec);
            p.channels = vec;
            p.row_begin = int(at);
            p.pixels = pixels;
            p.a_pixels = a_broadcast ? 0 : pixels;
            p.b_pixels = b_broadcast ? 0 : pixels;
            p.count = rows * vec;
            p.scale_b = op.scale_b;
            d.flops = 4.0 * rows * vec;
            l.finish(d, p, (p.count + int64_t(local) - 1) / local, op.out, first);
            first = false;
        }
}

}  // namespace sluice::lowering
