// What the lowerings of the ops share: binding parts of tensors, push constants, workgroup counts. Internal to ops/.
#pragma once
#include <cstring>
#include <string>

#include "core/error.h"
#include "ops/lower.h"
#include "shared/params.h"

namespace sluice::lowering {

enum class Shader : uint16_t {
#define SLUICE_SHADER(name, folder, twin, tolerance_f32, tolerance_f16) name,
#include "table.def"
#undef SLUICE_SHADER
};

// Work of one dispatch, so that even slow devices of a kind return within about 200 ms.
constexpr double flops_a_dispatch(const DeviceTraits& traits) {
    return traits.cpu ? 2e9 : traits.matrix_m ? 2e11 : 2e10;
}

struct Lowering {
    const Program& program;
    const Op& op;
    const Cut& cut;
    Precision precision;
    const DeviceTraits& traits;
    std::vector<Dispatch>& out;

    [[noreturn]] void fail(const std::string& what) const {
        throw Error(Status::internal, "op-shape", "op " + op.name + ": " + what);
    }
    const Tensor& tensor(TensorId id) const {
        if (id < 0 || size_t(id) >= program.tensors.size()) fail("no tensor " + std::to_string(id));
        return program.tensors[size_t(id)];
    }
    // Bytes of four channels.
    int64_t vec4_bytes(TensorId id) const { return tensor(id).f32 ? 16 : 4 * storage_bytes(precision); }
    int vec4s(TensorId id) const { return id == none ? 0 : padded_channels(tensor(id).channels) / 4; }
    uint32_t f32_flag(TensorId id, uint32_t flag) const { return id != none && tensor(id).f32 ? flag : 0u; }

    // Whether vec4s [0, count) of a tensor fit one binding wherever they begin.
    bool fits(TensorId id, int64_t count) const {
        if (id == none) return true;
        return uint64_t(count * vec4_bytes(id)) + alignment() <= traits.max_storage_range ||
               (count >= tensor(id).elements() / 4 && uint64_t(count * vec4_bytes(id)) <= traits.max_storage_range);
    }
    uint64_t alignment() const { return std::max<uint64_t>(traits.storage_alignment, 16); }

    // Binds vec4s [first, first + count). Returns what the shader adds to an index into the whole tensor.
    int bind(Dispatch& d, int slot, TensorId id, int64_t first, int64_t count) const {
        if (id == none) return 0;
        const int64_t unit = vec4_bytes(id), begin = first * unit;
        if (first < 0 || count <= 0 || first + count > tensor(id).elements() / 4)
            fail("reads or writes past the end of tensor " + tensor(id).name);
        const uint64_t offset = uint64_t(begin) / alignment() * alignment();
        d.bindings[size_t(slot)] = {Binding::Kind::tensor, id, offset, uint64_t(begin + count * unit) - offset};
        d.bytes += double(count * unit);
        return int((begin - int64_t(offset)) / unit - first);
    }
    int bind_all(Dispatch& d, int slot, TensorId id) const {
        return id == none ? 0 : bind(d, slot, id, 0, tensor(id).elements() / 4);
    }
    // Lets the shader fetch what is bound there as texels of four channels, which costs a CPU device much less than
    // loads from a storage buffer, whose lanes it loops over.
    void fetch_texels(Dispatch& d, int slot) const {
        if (!traits.cpu) return;
        const Binding& b = d.bindings[size_t(slot)];
        const uint64_t texels = b.size / (4 * storage_bytes(precision));
        if (texels == 0 || texels > traits.max_texels || b.kind == Binding::Kind::vector) return;
        if (b.kind == Binding::Kind::tensor && tensor(b.id).f32 && precision != Precision::fp32) return;
        d.texels |= 1u << slot;
        d.pipeline.spec[SPEC_FLAGS] |= FLAG_TEXELS << slot;
    }
    void bind_vector(Dispatch& d, int slot, VectorId id) const {
        if (id == none) return;
        d.bindings[size_t(slot)] = {Binding::Kind::vector, id, 0,
                                    uint64_t(program.vectors[size_t(id)].stored()) * sizeof(float)};
    }

    Dispatch begin(Shader shader, uint32_t flags) const {
        Dispatch d;
        d.pipeline.shader = uint16_t(shader);
        d.pipeline.precision = precision;
        d.pipeline.spec[SPEC_FLAGS] = flags;
        return d;
    }

    // Completes a dispatch that writes `written`. `first`: of those that only depend on the ops before.
    template <class Params>
    void finish(Dispatch& d, const Params& params, int64_t workgroups, TensorId written, bool first) const {
        static_assert(sizeof(Params) <= sizeof(d.push));
        std::memcpy(d.push.data(), &params, sizeof params);
        d.push_bytes = sizeof params;
        const int64_t limit = traits.max_workgroup_count[0];
        const int64_t x = std::min(workgroups, limit), y = (workgroups + x - 1) / std::max<int64_t>(x, 1);
        if (workgroups <= 0 || y > int64_t(traits.max_workgroup_count[1]))
            fail(std::to_string(workgroups) + " workgroups are not a number that the device takes");
        d.groups[0] = uint32_t(x);
        d.groups[1] = uint32_t(y);
        d.reads_previous = first || touches_unfinished(d, written);
        out.push_back(d);
    }

  private:
    // Whether bytes that the dispatches since the last barrier write, or read of `written`, are bound here again: the
    // alignment of bindings makes neighbouring strips share some, which drivers' and validators' ranges count.
    bool touches_unfinished(const Dispatch& d, TensorId written) const {
        for (size_t i = out.size(); i-- > 0;) {
            for (const Binding& x : out[i].bindings)
                for (const Binding& y : d.bindings)
                    if (x.kind == Binding::Kind::tensor && y.kind == Binding::Kind::tensor && x.id == written &&
                        y.id == written && x.offset < y.offset + y.size && y.offset < x.offset + x.size)
                        return true;
            if (out[i].reads_previous) return false;
        }
        return false;
    }
};

struct Range {
    int begin, end;
};
// Cut's rows of an op whose output has `height` rows, checked.
inline Range cut_rows(const Lowering& l, int height) {
    const Range r{l.cut.row_begin, l.cut.row_end < 0 ? height : l.cut.row_end};
    if (r.begin < 0 || r.begin >= r.end || r.end > height)
        l.fail("rows " + std::to_string(r.begin) + " to " + std::to_string(r.end) + " of " + std::to_string(height));
    return r;
}

// The picture as a convolution's shader is told of it. To a 1x1 convolution rows and columns are all the same: its
// pixels are put in one column, so that they can be cut anywhere, and where nothing depends on the image, all images
// in one.
struct Geometry {
    int batch, in_height, in_width, out_height, out_width;
    int row_scale;  // rows here for each row of Cut
};
Geometry geometry(const Program& program, const Conv& op);

void lower_conv(const Lowering& l, const Conv& op);
void lower_group_norm(const Lowering& l, const GroupNormStats& op);
void lower_layer_norm(const Lowering& l, const LayerNormStats& op);
void lower_attention(const Lowering& l, const Attention& op);
void lower_pointwise(const Lowering& l, const Pointwise& op);

}  // namespace sluice::lowering
