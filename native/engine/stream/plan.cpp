#include "stream/plan.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "ops/tiles.h"
#include "stream/arrange.h"
#include "stream/block_cache.h"
#include "stream/placement.h"

namespace sluice {
namespace {

std::string mib(uint64_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20); }

}  // namespace

uint64_t tensor_bytes(const Tensor& t, Precision p) {
    return uint64_t(t.elements()) * (t.f32 ? 4u : uint64_t(storage_bytes(p)));
}

void op_tensors(const Op& op, std::vector<TensorId>& reads, std::vector<TensorId>& writes) {
    auto read = [&](TensorId t) {
        if (t != none) reads.push_back(t);
    };
    std::visit(
        [&](const auto& o) {
            using T = std::decay_t<decltype(o)>;
            if constexpr (std::is_same_v<T, Conv>) {
                for (TensorId t : {o.a, o.a2, o.row_stats, o.affine, o.channel_add, o.residual}) read(t);
                if (o.scratch != none) writes.push_back(o.scratch);
            } else if constexpr (std::is_same_v<T, GroupNormStats>) {
                read(o.a);
                read(o.a2);
                writes.push_back(o.partial);
            } else if constexpr (std::is_same_v<T, LayerNormStats>) {
                read(o.a);
            } else if constexpr (std::is_same_v<T, Attention>) {
                for (TensorId t : {o.q, o.k, o.v}) read(t);
            } else {
                for (TensorId t : {o.a, o.row_stats, o.b}) read(t);
            }
            writes.push_back(o.out);
        },
        op.body);
}

double op_flops(const Program& program, const Op& op) {
    if (const Conv* c = std::get_if<Conv>(&op.body)) {
        const Matrix& m = program.matrices[size_t(c->weight)];
        return 2.0 * double(program.tensors[size_t(c->out)].rows()) * m.outputs * m.inputs * m.taps;
    }
    if (const Attention* a = std::get_if<Attention>(&op.body)) {
        const Tensor& q = program.tensors[size_t(a->q)];
        const Tensor& k = program.tensors[size_t(a->k)];
        return 4.0 * double(q.rows()) * double(k.height) * k.width * a->heads * a->head_size;
    }
    return 0;
}

Plan make_plan(const Program& given, const PlanRequest& r) {
    const Program program = with_scratch(given, r.precision, r.traits);
    Plan plan;
    plan.tensor_offset.assign(program.tensors.size(), 0);
    for (size_t i = 0; i < program.tensors.size(); i++) {
        const Tensor& t = program.tensors[i];
        uint64_t* area = t.role == TensorRole::input    ? &plan.input_bytes
                         : t.role == TensorRole::output ? &plan.output_bytes
                                                        : nullptr;
        if (!area) continue;
        plan.tensor_offset[i] = *area;
        *area += align_up(tensor_bytes(t, r.precision));
    }
    for (const Vector& v : program.vectors) {
        plan.vector_offset.push_back(plan.vector_bytes);
        plan.vector_bytes += align_up(vector_bytes(v));
    }
    // Host-visible memory is device memory where every heap is device-local.
    const uint64_t fixed =
        r.reserved + plan.vector_bytes + (r.traits.unified_memory ? plan.input_bytes + plan.output_bytes : 0);

    Placement placement = place_tensors(program, r.precision, false);
    const Placement lagged = place_tensors(program, r.precision, true);
    uint64_t all_weights = 0, least_slot = 0;
    for (size_t i = 0; i < program.ops.size(); i++) {
        const Op& op = program.ops[i];
        plan.flops += op_flops(program, op);
        const Conv* c = std::get_if<Conv>(&op.body);
        if (!c) continue;
        const Matrix& m = program.matrices[size_t(c->weight)];
        all_weights += align_up(matrix_bytes(m, r.precision));
        // A lagged convolution needs its whole matrix for every strip.
        const uint64_t panels = uint64_t(lagged.lagged_rows[i] ? m.panels() : panel_unit(m));
        least_slot = std::max(least_slot, align_up(panels * uint64_t(m.panel_elements()) *
                                                   uint64_t(storage_bytes(r.precision))));
    }
    if (r.in_place) all_weights = 0;
    const uint64_t ring_copies = r.staged && r.traits.unified_memory ? 2 : 1;
    const uint64_t least_ring = std::min(all_weights, 2 * least_slot * ring_copies);

    plan.smallest_budget = fixed + std::min(placement.bytes, lagged.bytes) + least_ring;
    if (r.budget && r.budget < plan.smallest_budget)
        throw Error(Status::device, "budget-too-small",
                    "stage " + program.name + ": a budget of " + std::to_string(r.budget >> 20) +
                        " MiB is too small, the smallest that works is " + mib(plan.smallest_budget) + " MiB",
                    "give --vram " + mib(plan.smallest_budget) + " or more, or a smaller picture");
    // Lagged rows only where the plain placement leaves no room: they cost copies.
    if (r.budget && fixed + placement.bytes + least_ring > r.budget) placement = lagged;
    plan.arena_bytes = placement.bytes;
    plan.strip_offset = placement.strip_offset;
    plan.strip_bytes = placement.strip_bytes;
    for (size_t i = 0; i < program.tensors.size(); i++)
        if (program.tensors[i].role == TensorRole::activation) plan.tensor_offset[i] = placement.offset[i];

    const uint64_t room = r.budget ? r.budget - fixed - plan.arena_bytes : all_weights;
    arrange(plan, program, r, placement, {room, all_weights, least_slot});

    plan.peak_bytes =
        fixed + plan.arena_bytes + ring_copies * uint64_t(plan.slot_count) * plan.slot_bytes + plan.pinned_bytes;
    return plan;
}

}  // namespace sluice
