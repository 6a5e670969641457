#include "stream/arrange.h"

#include <algorithm>
#include <array>
#include <set>

#include "core/error.h"
#include "ops/tiles.h"
#include "stream/block_cache.h"

namespace sluice {
namespace {

constexpr uint64_t preferred_slot = 16u << 20;  // copies of 8 MiB and more run at link speed

// Flops a second that the device was seen to reach on this op; 0 where it was not timed.
double timed_rate(const Program& program, const Op& op, const PlanRequest& r) {
    const TileTable* table = r.traits.tiles.get();
    if (!table || !(table->flops_per_second > 0)) return 0;
    double rate = 0;
    if (const Conv* c = std::get_if<Conv>(&op.body)) {
        if (const auto shape = matrix_shape(program, *c, r.precision)) rate = rate_of(table->conv_rates, *shape);
    } else if (const Attention* a = std::get_if<Attention>(&op.body)) {
        if (const auto shape = matrix_shape(program, *a, r.precision)) rate = rate_of(table->attention_rates, *shape);
    }
    return rate * r.flops_per_second / table->flops_per_second;  // the request may ask about a quicker or slower device
}

// Seconds that an op takes by itself: its arithmetic or its memory traffic, and its dispatches' latency. Where nothing was
// timed, attention reaches about a third of the matrix products' speed.
double op_seconds(const Program& program, const Op& op, const PlanRequest& r) {
    const double memory = r.flops_per_second / (r.traits.matrix_m ? 75 : 15);  // bytes a second: what cards have
    double flops = op_flops(program, op), weights = 0;
    if (const Conv* c = std::get_if<Conv>(&op.body)) weights = double(matrix_bytes(program.matrices[size_t(c->weight)], r.precision));
    // What is timed by itself finds its weights in the device's caches, and waits for nobody.
    if (const double rate = timed_rate(program, op, r); rate > 0) return flops / rate + weights / memory + 6e-6;
    if (std::holds_alternative<Attention>(op.body)) flops *= 3;
    // The others next to it are short and keep few multiprocessors busy; group norm's are two.
    double latency = 4e-6;
    if (r.traits.matrix_m && !r.traits.cpu) latency = std::holds_alternative<GroupNormStats>(op.body) ? 20e-6 : 10e-6;
    std::vector<TensorId> reads, writes;
    op_tensors(op, reads, writes);
    double bytes = weights;
    for (const auto* list : {&reads, &writes})
        for (const TensorId t : *list) bytes += double(tensor_bytes(program.tensors[size_t(t)], r.precision));
    return std::max(flops / r.flops_per_second, bytes / memory) + latency;
}

// Seconds of one steady pass: copies run ahead of compute as far as the slots allow.
double simulate(const Plan& plan, const PlanRequest& r) {
    constexpr double hop = 11e-6;  // a timeline hop between queues, measured
    std::vector<double> slot_free(size_t(std::max(1, plan.slot_count)), 0.0);
    double copy_free = 0, compute_free = 0, first_end = 0;
    for (int pass = 0; pass < 3; pass++) {
        for (const Segment& s : plan.segments) {
            double ready = 0;
            if (s.slot >= 0) {
                const double start = std::max(copy_free, slot_free[size_t(s.slot)]);
                copy_free = start + double(s.bytes) / r.link_bytes_per_second;
                ready = copy_free + hop;
            }
            compute_free = std::max(compute_free, ready) + s.seconds;
            if (s.slot >= 0) slot_free[size_t(s.slot)] = compute_free + hop;
        }
        if (pass == 1) first_end = compute_free;
    }
    return compute_free - first_end;
}

struct Arranger {
    const Program& program;
    const PlanRequest& r;
    const Placement& placement;
    const Room& room;
    uint64_t ring_copies;
    bool resident;
    std::vector<double> seconds;  // by op
    std::vector<int64_t> rows;    // by op: of what it writes
    // By op, where a convolution may be cut and matrix units do it; elsewhere the tile has no rows.
    std::vector<std::pair<ConvShape, ConvTile>> tiles;

    void cut(Plan& plan) const;
    void pin(Plan& plan, int64_t most_rows) const;
    void segment(Plan& plan) const;
    Plan arranged(const Plan& bare, int slots, uint64_t slot_bytes, int64_t most_rows) const;
};

// Pieces, in execution order.
void Arranger::cut(Plan& plan) const {
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
            const int lagged = placement.lagged_rows[i];
            if (lagged == 0) {
                plan.steps.push_back(step);
                continue;
            }
            if (per_piece < m.panels())
                throw Error(Status::internal, "plan", "a lagged convolution cannot be cut by channels as well");
            const int height = program.tensors[size_t(c->out)].height;
            for (int y = 0; y < height; y += lagged) {
                step.cut.row_begin = y;
                step.cut.row_end = std::min(height, y + lagged);
                step.lagged = true;
                plan.steps.push_back(step);
            }
        }
    }
}

// Pins, spread evenly over the pass: uploads are cyclic, so every pinned byte is saved in every pass, and even
// spreading keeps copies and compute balanced along the way. Matrices of ops with at most `most_rows` rows come first:
// those are used up quicker than the link brings them.
void Arranger::pin(Plan& plan, int64_t most_rows) const {
    if (!resident && !plan.slot_count) return;
    uint64_t left = resident ? ~uint64_t(0) : room.bytes - ring_copies * uint64_t(plan.slot_count) * plan.slot_bytes;
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
    std::vector<int64_t> piece_rows(plan.pieces.size(), 0);
    for (const PlanStep& s : plan.steps)
        if (s.piece >= 0) piece_rows[size_t(s.piece)] = rows[size_t(s.op)];
    for (const bool first : {true, false}) {
        auto wanted = [&](size_t i) { return (piece_rows[i] <= most_rows) == first; };
        uint64_t total = 0;
        for (size_t i = 0; i < plan.pieces.size(); i++) total += wanted(i) ? plan.pieces[i].bytes : 0;
        const double share = resident ? 1.0 : double(left) / double(std::max<uint64_t>(1, total));
        double owed = 0;
        for (size_t i = 0; i < plan.pieces.size(); i++) {
            if (!wanted(i)) continue;
            Piece& p = plan.pieces[i];
            owed += share * double(p.bytes);
            if ((resident || owed >= double(p.bytes)) && pin(p)) owed -= double(p.bytes);
        }
    }
}

// Segments: as many streamed pieces as a slot holds; everything between rides along.
void Arranger::segment(Plan& plan) const {
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
        double part = 1, time = 1;
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
            const Matrix& m = program.matrices[size_t(p.matrix)];
            part = double(p.panel_end - p.panel_begin) / m.panels();
            if (part < 1) {
                const auto& [shape, tile] = tiles[size_t(step.op)];
                time = tile.m ? time_share(tile, shape, p.panel_end - p.panel_begin, r.traits) : std::min(1.0, part + 0.4);
            }
            if (step.lagged) {
                const Conv& c = std::get<Conv>(program.ops[size_t(step.op)].body);
                const double rows_part = double(step.cut.row_end - step.cut.row_begin) / program.tensors[size_t(c.out)].height;
                part *= rows_part;
                time *= rows_part;
            }
        }
        current.flops += op_flops(program, program.ops[size_t(step.op)]) * part;
        current.seconds += seconds[size_t(step.op)] * time;
        current.step_count++;
    }
    close(int(plan.steps.size()));
}

Plan Arranger::arranged(const Plan& bare, int slots, uint64_t slot_bytes, int64_t most_rows) const {
    Plan plan = bare;
    plan.slot_count = slots;
    plan.slot_bytes = slot_bytes;
    cut(plan);
    pin(plan, most_rows);
    segment(plan);
    plan.seconds_per_pass = simulate(plan, r);
    return plan;
}

}  // namespace

void arrange(Plan& plan, const Program& program, const PlanRequest& r, const Placement& placement, const Room& room) {
    Arranger a{program, r, placement, room, r.staged && r.traits.unified_memory ? 2u : 1u,
               !r.in_place && room.all_weights <= room.bytes, {}, {}, {}};
    for (const Op& op : program.ops) {
        a.seconds.push_back(op_seconds(program, op, r));
        const Conv* c = std::get_if<Conv>(&op.body);
        a.rows.push_back(c ? program.tensors[size_t(c->out)].rows() : 0);
    }
    constexpr int64_t any = int64_t(1) << 60;
    const Plan bare = plan;
    if (r.in_place || a.resident) {
        plan = a.arranged(bare, 0, 0, any);
        return;
    }
    a.tiles.resize(program.ops.size());
    for (size_t i = 0; i < program.ops.size(); i++)
        if (const Conv* c = std::get_if<Conv>(&program.ops[i].body))
            if (const auto shape = matrix_shape(program, *c, r.precision)) a.tiles[i] = {*shape, choose_tile(*shape, r.traits)};
    const uint64_t two = room.bytes / (2 * a.ring_copies);
    plan = a.arranged(bare, 2, std::max(room.least_slot, std::min(two, preferred_slot) / range_alignment * range_alignment), any);
    if (r.traits.cpu) return;

    // Deeper rings carry copies over stretches that compute for long with few weights; larger slots cut less.
    struct Ring {
        int slots;
        uint64_t bytes;
    };
    constexpr std::array<Ring, 6> rings{
        {{2, 16u << 20}, {4, 16u << 20}, {8, 8u << 20}, {3, 30u << 20}, {6, 16u << 20}, {8, 16u << 20}}};
    const std::set<int64_t> heights(a.rows.begin(), a.rows.end());
    for (const Ring& ring : rings) {
        if (ring.bytes < room.least_slot || ring.bytes * uint64_t(ring.slots) * a.ring_copies > room.bytes / 2) continue;
        for (const int64_t most : heights) {
            Plan other = a.arranged(bare, ring.slots, ring.bytes, most == *heights.rbegin() ? any : most);
            if (other.seconds_per_pass < plan.seconds_per_pass * 0.99) plan = std::move(other);
        }
    }
}

}  // namespace sluice
