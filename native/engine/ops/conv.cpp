#include <algorithm>

#include "ops/lowering.h"
#include "ops/tiles.h"

namespace sluice {

RowRange conv_input_rows(const Conv& conv, int input_height, int output_height, int row_begin, int row_end) {
    (void)output_height;
    const int field = conv.up_height ? conv.up_height : input_height;
    const int first = std::clamp(row_begin * conv.stride - conv.pad, 0, field - 1);
    const int last = std::clamp((row_end - 1) * conv.stride - conv.pad + conv.kernel - 1, first, field - 1);
    return {int(int64_t(first) * input_height / field), int(int64_t(last) * input_height / field) + 1};
}

namespace lowering {

Geometry geometry(const Program& program, const Conv& op) {
    auto tensor = [&](TensorId id) -> const Tensor& { return program.tensors[size_t(id)]; };
    const Tensor &a = tensor(op.a), &out = tensor(op.out);
    if (op.kernel != 1 || op.stride != 1 || op.up_height != 0)
        return {out.batch, a.height, a.width, out.height, out.width, 1};
    const int pixels = int(out.rows() / out.batch), scale = out.height == 1 ? 1 : out.width;
    const bool by_image = op.affine != none || op.channel_add != none ||
                          (op.residual != none && tensor(op.residual).batch != out.batch);
    if (by_image || out.batch == 1) return {out.batch, pixels, 1, pixels, 1, scale};
    return {1, int(out.rows()), 1, int(out.rows()), 1, scale};
}

namespace {

uint32_t flags_of(const Lowering& l, const Conv& op) {
    uint32_t flags = 0;
    if (op.a2 != none) flags |= FLAG_A2;
    if (op.row_stats != none) flags |= FLAG_ROW_STATS;
    if (op.affine != none) flags |= FLAG_AFFINE;
    if (op.gamma != none) flags |= FLAG_GAMMA;
    if (op.beta != none) flags |= FLAG_BETA;
    if (op.silu_in) flags |= FLAG_SILU_IN;
    if (op.up_height) flags |= FLAG_UPSAMPLE;
    if (op.bias != none) flags |= FLAG_BIAS;
    if (op.channel_add != none) flags |= FLAG_CHANNEL_ADD;
    if (op.residual != none) flags |= FLAG_RESIDUAL;
    return flags | l.f32_flag(op.a, FLAG_A_F32) | l.f32_flag(op.a2, FLAG_A2_F32) |
           l.f32_flag(op.channel_add, FLAG_CHANNEL_ADD_F32) | l.f32_flag(op.residual, FLAG_RESIDUAL_F32) |
           l.f32_flag(op.out, FLAG_OUT_F32);
}

void check(const Lowering& l, const Conv& op, const Matrix& matrix) {
    if (op.kernel != 1 && op.kernel != 3) l.fail("kernels are 1 or 3 wide, not " + std::to_string(op.kernel));
    if (matrix.k() != int64_t(op.kernel) * op.kernel * 4 * (l.vec4s(op.a) + l.vec4s(op.a2)))
        l.fail("its matrix has " + std::to_string(matrix.k()) + " inputs, its tensors " +
               std::to_string(4 * op.kernel * op.kernel * (l.vec4s(op.a) + l.vec4s(op.a2))));
    if ((op.activation == Activation::geglu) != matrix.geglu) l.fail("GEGLU needs a matrix laid out for it");
    // Bindings are shared between what layer norm needs and what only other convolutions have.
    const bool layer_norm = op.row_stats != none || op.gamma != none || op.beta != none;
    if (layer_norm && (op.a2 != none || op.affine != none || op.channel_add != none))
        l.fail("layer norm can't be folded together with a second source, an affine or a channel_add");
    if (layer_norm && (op.kernel != 1 || op.stride != 1)) l.fail("layer norm folds into 1x1 convolutions alone");
}

struct Shape {
    Shader shader;
    int local, rows, columns;  // columns: of vec4s for each invocation
    int panels_a_tile_x8;      // output vec4s of a workgroup
    int pixels_a_tile;
    ConvTile tile{};  // of the matrix variant
};

// Depends on the uncut op alone, so that a cut's bytes are those of the whole.
Shape choose(const Lowering& l, const Conv& op, const Geometry& g, const Matrix& matrix) {
    const int64_t pixels = int64_t(g.out_height) * g.out_width;
    if (l.traits.cpu) {
        const int lanes = std::clamp(int(l.traits.subgroup_size), 4, 32);
        // Four columns for all were a twentieth faster, and its driver compiled for twice as long.
        int rows = std::min(8, lanes), columns = matrix.geglu ? 4 : 2;
        while (rows > 1 && rows > pixels) rows /= 2;
        while (columns > (matrix.geglu ? 2 : 1) && (columns / 2) * lanes >= matrix.panels() * 8) columns /= 2;
        return {Shader::conv_cpu, lanes, rows, columns, columns * lanes, rows};
    }
    if (const std::optional<ConvShape> shape = matrix_shape(l.program, op, l.precision)) {
        ConvTile tile = choose_tile(*shape, l.traits);
        if (tile.splits > 1 && op.scratch == none) l.fail("K is to be split and there is no scratch for it");
        if (tile.m)
            return {Shader::conv_matrix, workgroup_size(tile, l.traits), 0, 0, tile.n / 4, tile.m, tile};
    }
    // Fewer pixels than a tile has rows: only the weights' bytes count.
    if (g.batch * pixels / l.tensor(op.out).batch < 8 && !matrix.geglu) return {Shader::conv_few, 256, 4, 1, 8, 4};
    const int64_t large_tiles = g.batch * ((pixels + 127) / 128) * ((matrix.panels() + 1) / 2);
    const int rows = large_tiles >= 256 ? 4 : 2;
    return {Shader::conv_tiled, 256, rows, 2, 16, 32 * rows};
}

// Workgroups that cover `pixels` of each of `images` images.
int tiles_of(const Shape& shape, int images, int pixels, int width) {
    if (shape.shader != Shader::conv_matrix) return images * ((pixels + shape.pixels_a_tile - 1) / shape.pixels_a_tile);
    const int halo = shape.tile.halo;
    if (halo == 0) return (images * pixels + shape.tile.m - 1) / shape.tile.m;
    const int height = shape.tile.m / halo;
    return images * ((width + halo - 1) / halo) * ((pixels / width + height - 1) / height);
}

void specialise(PipelineKey& key, const Conv& op, const Shape& shape, const DeviceTraits& traits) {
    key.spec[SPEC_LOCAL_SIZE] = uint32_t(shape.local);
    key.spec[SPEC_ACTIVATION] = uint32_t(op.activation);
    key.spec[SPEC_KERNEL] = uint32_t(op.kernel);
    key.spec[SPEC_STRIDE] = uint32_t(op.stride);
    if (shape.shader != Shader::conv_matrix) {
        key.spec[SPEC_ROWS] = uint32_t(shape.rows);
        key.spec[SPEC_COLUMNS] = uint32_t(shape.columns);
        return;
    }
    key.spec[SPEC_TILE_M] = uint32_t(shape.tile.m);
    key.spec[SPEC_TILE_N] = uint32_t(shape.tile.n);
    key.spec[SPEC_TILE_K] = uint32_t(shape.tile.k);
    key.spec[SPEC_WARP_M] = uint32_t(shape.tile.warp_m);
    key.spec[SPEC_WARP_N] = uint32_t(shape.tile.warp_n);
    key.spec[SPEC_MATRIX_M] = traits.matrix_m;
    key.spec[SPEC_MATRIX_N] = traits.matrix_n;
    key.spec[SPEC_MATRIX_K] = traits.matrix_k;
    key.spec[SPEC_HALO] = uint32_t(shape.tile.halo);
}

constexpr uint32_t epilogue_flags =
    FLAG_BIAS | FLAG_CHANNEL_ADD | FLAG_CHANNEL_ADD_F32 | FLAG_RESIDUAL | FLAG_RESIDUAL_F32 | FLAG_OUT_F32;

// Turns a dispatch that would finish the convolution into one that leaves its shares in the scratch, and returns the
// one that adds them up and finishes. They take vec4s [first, first + count) of the scratch.
Dispatch split(const Lowering& l, const Conv& op, Dispatch& d, shaders::ConvParams& p, shaders::ConvParams& q,
               int64_t first, int64_t count) {
    Dispatch reduce = l.begin(Shader::conv_reduce, d.pipeline.spec[SPEC_FLAGS] & epilogue_flags);
    reduce.pipeline.spec[SPEC_LOCAL_SIZE] = 256;
    reduce.pipeline.spec[SPEC_ACTIVATION] = d.pipeline.spec[SPEC_ACTIVATION];
    reduce.pipeline.spec[SPEC_KERNEL] = reduce.pipeline.spec[SPEC_STRIDE] = 1;
    for (const int slot : {4, 5, 6, 7}) reduce.bindings[size_t(slot)] = d.bindings[size_t(slot)];
    q = p;
    q.a_offset = l.bind(reduce, 0, op.scratch, first, count);
    const int outputs = (p.panel_end - p.panel_begin) * 8 / (op.activation == Activation::geglu ? 2 : 1);
    q.workgroups = int((int64_t(p.images) * p.pixels * outputs + 255) / 256);

    const bool layer_norm = op.gamma != none || op.beta != none;
    d.pipeline.spec[SPEC_FLAGS] = (d.pipeline.spec[SPEC_FLAGS] & ~epilogue_flags) | FLAG_PARTIAL;
    d.pipeline.spec[SPEC_ACTIVATION] = ACTIVATION_NONE;
    d.bindings[4] = d.bindings[6] = {};
    if (!layer_norm) d.bindings[5] = {};
    p.out_offset = l.bind(d, 7, op.scratch, first, count);
    return reduce;
}

}  // namespace

void lower_conv(const Lowering& l, const Conv& op) {
    if (op.weight < 0 || size_t(op.weight) >= l.program.matrices.size()) l.fail("no matrix");
    const Matrix& matrix = l.program.matrices[size_t(op.weight)];
    check(l, op, matrix);
    const Tensor& out = l.tensor(op.out);
    const Geometry g = geometry(l.program, op);
    if (g.out_width == 1 && int64_t(g.batch) * g.out_height != l.tensor(op.a).rows() && op.kernel == 1 &&
        op.stride == 1 && op.up_height == 0)
        l.fail("reads " + std::to_string(l.tensor(op.a).rows()) + " rows, writes " + std::to_string(out.rows()));
    const Shape shape = choose(l, op, g, matrix);
    const int a_vec = l.vec4s(op.a), a2_vec = l.vec4s(op.a2), out_vec = l.vec4s(op.out);
    const int64_t in_pixels = int64_t(g.in_height) * g.in_width, out_pixels = int64_t(g.out_height) * g.out_width;
    const bool residual_broadcast = op.residual != none && l.tensor(op.residual).batch == 1 && g.batch > 1;
    const bool add_broadcast = op.channel_add != none && l.tensor(op.channel_add).batch == 1;

    const bool whole = l.cut.row_begin == 0 && l.cut.row_end < 0;
    if (!whole && out.batch != 1) l.fail("only an op on one image can be cut by rows");
    Range rows = whole ? Range{0, g.out_height} : cut_rows(l, g.out_height / g.row_scale);
    if (!whole) rows = {rows.begin * g.row_scale, rows.end * g.row_scale};
    const int panel_end = l.cut.panel_end < 0 ? matrix.panels() : l.cut.panel_end;
    if (l.cut.panel_begin < 0 || l.cut.panel_begin >= panel_end || panel_end > matrix.panels() ||
        (matrix.geglu && (l.cut.panel_begin % 2 || panel_end % 2)))
        l.fail("panels " + std::to_string(l.cut.panel_begin) + " to " + std::to_string(panel_end) + " of " +
               std::to_string(matrix.panels()));

    // How many rows, and of how many images, one dispatch does.
    const double flops_a_row = 2.0 * g.out_width * double(matrix.k()) * matrix.panels() * panel_width;
    auto fits = [&](int images, int strip) {
        const int64_t in = images > 1 ? images * in_pixels
                                      : std::min<int64_t>(g.in_height, (strip - 1) * op.stride + op.kernel) * g.in_width;
        const int64_t outs = images > 1 ? images * out_pixels : int64_t(strip) * g.out_width;
        return l.fits(op.a, in * a_vec) && l.fits(op.a2, in * a2_vec) && l.fits(op.row_stats, in) &&
               l.fits(op.out, outs * out_vec) && l.fits(op.residual, outs * out_vec) &&
               l.fits(op.scratch, outs * shape.tile.splits * matrix.panels() * 8) &&
               flops_a_row * strip * images <= std::max(flops_a_dispatch(l.traits), flops_a_row);
    };
    int images = g.batch, strip = g.out_height;
    if (!fits(images, strip)) images = 1;
    while (strip > 1 && !fits(images, strip)) strip = (strip + 1) / 2;
    const int64_t panel_bytes = matrix.panel_elements() * storage_bytes(l.precision);
    const int64_t most_panels = int64_t(l.traits.max_storage_range) / panel_bytes / 2 * 2;
    if (!fits(images, strip) || most_panels < 1)
        l.fail("one row needs a larger binding than the device's " + std::to_string(l.traits.max_storage_range) + " bytes");

    bool first = true;
    for (int p0 = l.cut.panel_begin; p0 < panel_end; p0 += int(most_panels))
        for (int batch = 0; batch < g.batch; batch += images)
            for (int row = rows.begin; row < rows.end; row += strip) {
                const int p1 = int(std::min<int64_t>(panel_end, p0 + most_panels));
                const int row_end = std::min(rows.end, row + strip);
                const bool part = row > 0 || row_end < g.out_height;
                Dispatch d = l.begin(shape.shader, flags_of(l, op));
                specialise(d.pipeline, op, shape, l.traits);

                shaders::ConvParams p{};
                const RowRange in = part ? conv_input_rows(op, g.in_height, g.out_height, row, row_end)
                                         : RowRange{0, g.in_height};
                const int64_t in_first = batch * in_pixels + int64_t(in.begin) * g.in_width;
                const int64_t in_count = (images - 1) * in_pixels + int64_t(in.end - in.begin) * g.in_width;
                p.a_offset = l.bind(d, 0, op.a, in_first * a_vec, in_count * a_vec);
                p.a2_offset = l.bind(d, 1, op.a2, in_first * a2_vec, in_count * a2_vec);
                l.bind_vector(d, 1, op.gamma);
                if (op.row_stats != none) p.fold_offset = l.bind(d, 2, op.row_stats, in_first, in_count);
                if (op.affine != none) p.fold_offset = l.bind_all(d, 2, op.affine);
                d.bindings[3] = {Binding::Kind::matrix, op.weight, uint64_t((p0 - l.cut.panel_begin) * panel_bytes),
                                 uint64_t((p1 - p0) * panel_bytes)};
                for (const int slot : {0, 1, 3}) l.fetch_texels(d, slot);
                l.bind_vector(d, 4, op.bias);
                p.add_offset = l.bind_all(d, 5, op.channel_add);
                l.bind_vector(d, 5, op.beta);
                const int64_t out_first = int64_t(row) * g.out_width;
                const int64_t out_count = (images - 1) * out_pixels + int64_t(row_end - row) * g.out_width;
                p.residual_offset =
                    l.bind(d, 6, op.residual, ((residual_broadcast ? 0 : batch * out_pixels) + out_first) * out_vec,
                           (residual_broadcast ? int64_t(row_end - row) * g.out_width : out_count) * out_vec);
                p.out_offset = l.bind(d, 7, op.out, (batch * out_pixels + out_first) * out_vec, out_count * out_vec);

                p.in_height = g.in_height;
                p.in_width = g.in_width;
                p.field_height = op.up_height ? op.up_height : g.in_height;
                p.field_width = op.up_height ? op.up_width : g.in_width;
                p.out_width = g.out_width;
                p.row_begin = row;
                p.batch_begin = batch;
                p.pixels = (row_end - row) * g.out_width;
                p.tiles = tiles_of(shape, images, p.pixels, g.out_width);
                p.out_pixels = int(out_pixels);
                p.residual_pixels = residual_broadcast ? 0 : int(out_pixels);
                p.add_stride = add_broadcast ? 0 : l.vec4s(op.channel_add);
                p.a_channels = a_vec;
                p.a2_channels = a2_vec;
                p.out_channels = out_vec;
                p.panel_begin = p0;
                p.panel_end = p1;
                p.pad = op.pad;
                p.scale = op.scale;
                p.column_tiles = ((p1 - p0) * 8 + shape.panels_a_tile_x8 - 1) / shape.panels_a_tile_x8;
                p.images = images;
                p.splits = shape.tile.splits;
                p.partial_channels = matrix.panels() * 8;
                p.workgroups = p.tiles * p.column_tiles * p.splits;
                d.flops = 2.0 * images * p.pixels * double(matrix.k()) * (p1 - p0) * panel_width;
                d.bytes += double(d.bindings[3].size);
                if (p.splits > 1) {
                    shaders::ConvParams q{};
                    const int64_t row_vecs = int64_t(p.splits) * p.partial_channels;
                    Dispatch reduce = split(l, op, d, p, q, (batch * out_pixels + out_first) * row_vecs, out_count * row_vecs);
                    l.finish(d, p, p.workgroups, op.scratch, first);
                    l.finish(reduce, q, q.workgroups, op.out, true);
                } else {
                    l.finish(d, p, p.workgroups, op.out, first);
                }
                first = false;
            }
}

}  // namespace lowering
}  // namespace sluice
