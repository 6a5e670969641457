#include "stream/plan.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "ops/tiles.h"
#include "stream/block_cache.h"
#include "stream/placement.h"

namespace sluice {
namespace {

constexpr uint64_t alignment = 256;
constexpr uint64_t preferred_slot = 16u << 20;  // copies of 8 MiB and more run at link speed
constexpr uint64_t pinned_chunk = 512u << 20;   // pinned pieces never straddle a multiple of this

uint64_t align_up(uint64_t v, uint64_t a = alignment) { return (v + a - 1) / a * a; }

int panel_unit(const Matrix& m) { return m.geglu ? 2 : 1; }  // value and gate panels stay together

std::string mib(uint64_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20); }

// Seconds of one steady pass: copies run ahead of compute as far as the slots allow.
double simulate(const Plan& plan, const PlanRequest& r) {
    constexpr double segment_overhead = 11e-6;  // a timeline hop between queues, measured
    std::vector<double> slot_free(size_t(std::max(1, plan.slot_count)), 0.0);
    double copy_free = 0, compute_free = 0, first_end = 0;
    for (int pass = 0; pass < 3; pass++) {
        for (const Segment& s : plan.segments) {
            double ready = 0;
            if (s.slot >= 0) {
                const double start = std::max(copy_free, slot_free[size_t(s.slot)]);
                copy_free = start + double(s.bytes) / r.link_bytes_per_second;
                ready = copy_free + segment_overhead;
            }
            compute_free = std::max(compute_free, ready) + s.flops / r.flops_per_second;
            if (s.slot >= 0) slot_free[size_t(s.slot)] = compute_free + segment_overhead;
        }
        if (pass == 1) first_end = compute_free;
    }
    return compute_free - first_end;
}

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
    const bool resident = !r.in_place && all_weights <= room;
    if (!r.in_place && !resident) {
        plan.slot_count = 2;
        plan.slot_bytes = std::max(least_slot, std::min(room / (2 * ring_copies), preferred_slot) / alignment * alignment);
    }

    // Pieces, in execution order.
    for (size_t i = 0; i < program.ops.size(); i++) {
        const Conv* c = std::get_if<Conv>(&program.ops[i].body);
        if (!c) {
            plan.steps.push_back({int(i), -1, {}, false});
            continue;
        }
        const Matrix& m = program.matrices[size_t(c->weight)];
        const uint64_t panel = uint64_t(m.panel_elements()) * uint64_t(storage_bytes(r.precision));
        const int unit = panel_unit(m);
        int per_piece = m.panels();
        if (plan.slot_count) {
            const int most = int(plan.slot_bytes / panel) / unit * unit;
            const int parts = (m.panels() + most - 1) / most;
            per_piece = std::min(m.panels(), ((m.panels() + parts - 1) / parts + unit - 1) / unit * unit);
        }
        for (int p = 0; p < m.panels(); p += per_piece) {
            Piece piece;
            piece.matrix = c->weight;
            piece.panel_begin = p;
            piece.panel_end = std::min(m.panels(), p + per_piece);
            piece.bytes = align_up(uint64_t(piece.panel_end - p) * panel);
            piece.place = r.in_place ? Piece::Place::in_place : resident ? Piece::Place::pinned : Piece::Place::streamed;
            PlanStep step{int(i), int(plan.pieces.size()), {}, false};
            if (per_piece < m.panels()) step.cut = {.panel_begin = p, .panel_end = piece.panel_end};
            plan.pieces.push_back(piece);
            const int rows = placement.lagged_rows[i];
            if (rows == 0) {
                plan.steps.push_back(step);
                continue;
            }
            if (per_piece < m.panels())
                throw Error(Status::internal, "plan", "a lagged convolution cannot be cut by channels as well");
            const int height = program.tensors[size_t(c->out)].height;
            for (int y = 0; y < height; y += rows) {
                step.cut.row_begin = y;
                step.cut.row_end = std::min(height, y + rows);
                step.lagged = true;
                plan.steps.push_back(step);
            }
        }
    }

    // Pins, spread evenly over the pass: uploads are cyclic, so every pinned byte is saved in every pass, and even
    // spreading keeps copies and compute balanced along the way.
    if (resident || plan.slot_count) {
        uint64_t total = 0;
        for (const Piece& p : plan.pieces) total += p.bytes;
        const uint64_t ring = ring_copies * uint64_t(plan.slot_count) * plan.slot_bytes;
        uint64_t left = resident ? ~uint64_t(0) : room - ring;
        auto pin = [&](Piece& p) {
            uint64_t at = plan.pinned_bytes;
            if (at / pinned_chunk != (at + p.bytes - 1) / pinned_chunk && p.bytes <= pinned_chunk)
                at = align_up(at, pinned_chunk);
            const uint64_t cost = at + p.bytes - plan.pinned_bytes;
            if (cost > left) return false;
            left -= resident ? 0 : cost;
            p.place = Piece::Place::pinned;
            p.offset = at;
            plan.pinned_bytes = at + p.bytes;
            return true;
        };
        const double share = resident ? 1.0 : double(left) / double(std::max<uint64_t>(1, total));
        double owed = 0;
        for (Piece& p : plan.pieces) {
            owed += share * double(p.bytes);
            if ((resident || owed >= double(p.bytes)) && pin(p)) owed -= double(p.bytes);
        }
    }

    // Segments: as many streamed pieces as a slot holds; everything between rides along.
    Segment current;
    int slot = 0;
    auto close = [&](int next_step) {
        if (current.step_count == 0) return;
        if (!current.pieces.empty()) {
            current.slot = slot;
            slot = (slot + 1) % plan.slot_count;
        }
        plan.segments.push_back(std::move(current));
        current = {};
        current.first_step = next_step;
    };
    for (size_t i = 0; i < plan.steps.size(); i++) {
        const PlanStep& step = plan.steps[i];
        if (step.piece >= 0) {
            Piece& p = plan.pieces[size_t(step.piece)];
            if (p.place == Piece::Place::streamed && p.segment < 0) {
                if (current.bytes + p.bytes > plan.slot_bytes) close(int(i));
                p.offset = current.bytes;
                p.segment = int(plan.segments.size());
                current.bytes += p.bytes;
                current.pieces.push_back(step.piece);
                plan.uploaded_per_pass += p.bytes;
            } else if (p.place == Piece::Place::streamed && p.segment != int(plan.segments.size())) {
                throw Error(Status::internal, "plan", "steps of one piece in two segments");
            }
            if (p.place == Piece::Place::in_place) plan.in_place_bytes += step.cut.row_begin == 0 ? p.bytes : 0;
            const double all = op_flops(program, program.ops[size_t(step.op)]);
            const Matrix& m = program.matrices[size_t(p.matrix)];
            double part = double(p.panel_end - p.panel_begin) / m.panels();
            if (step.lagged) {
                const Conv& c = std::get<Conv>(program.ops[size_t(step.op)].body);
                part *= double(step.cut.row_end - step.cut.row_begin) / program.tensors[size_t(c.out)].height;
            }
            current.flops += all * part;
        } else {
            current.flops += op_flops(program, program.ops[size_t(step.op)]);
        }
        current.step_count++;
    }
    close(int(plan.steps.size()));

    plan.peak_bytes =
        fixed + plan.arena_bytes + ring_copies * uint64_t(plan.slot_count) * plan.slot_bytes + plan.pinned_bytes;
    plan.seconds_per_pass = simulate(plan, r);
    return plan;
}

}  // namespace sluice
