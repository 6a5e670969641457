#include "pipeline/plan_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace sluice {
namespace {

using nlohmann::json;

// What the device layer holds before any job: one binding's worth for unused descriptors.
constexpr uint64_t device_overhead = 256;

const char* place_name(Piece::Place place) {
    switch (place) {
        case Piece::Place::pinned: return "resident";
        case Piece::Place::streamed: return "streamed";
        case Piece::Place::in_place: return "in-place";
    }
    return "";
}

// One row an op with weights: what moves and what stays.
void append_blocks(json& blocks, const std::string& stage, const Program& program, const Plan& plan) {
    json* row = nullptr;
    int row_op = -1, last_piece = -1;
    for (const PlanStep& step : plan.steps) {
        if (step.piece < 0 || step.piece == last_piece) continue;
        last_piece = step.piece;
        const Piece& p = plan.pieces[size_t(step.piece)];
        if (step.op != row_op) {
            row_op = step.op;
            const Op& op = program.ops[size_t(step.op)];
            blocks.push_back({{"stage", stage}, {"name", op.name}, {"bytes", 0}, {"resident_bytes", 0},
                              {"streamed_bytes", 0}, {"pieces", 0}, {"gflop", op_flops(program, op) / 1e9},
                              {"place", place_name(p.place)}});
            row = &blocks.back();
        }
        (*row)["bytes"] = (*row)["bytes"].get<uint64_t>() + p.bytes;
        (*row)["pieces"] = (*row)["pieces"].get<int>() + 1;
        if (p.place == Piece::Place::pinned)
            (*row)["resident_bytes"] = (*row)["resident_bytes"].get<uint64_t>() + p.bytes;
        if (p.place == Piece::Place::streamed) {
            (*row)["streamed_bytes"] = (*row)["streamed_bytes"].get<uint64_t>() + p.bytes;
            (*row)["place"] = "streamed";
            (*row)["segment"] = p.segment;
        }
    }
}

}  // namespace

std::string plan_report(const PlanQuestion& q, const std::string& cache_dir) {
    const PaintRequest& r = q.request;
    if (r.width <= 0 || r.height <= 0 || r.width % 8 || r.height % 8)
        throw Error(Status::input, "bad-size", "size " + std::to_string(r.width) + "x" + std::to_string(r.height) +
                                                   ": width and height must be multiples of 8");
    const PaintModels models = open_models(r, cache_dir, false);
    const Precision precision =
        r.memory.precision == 1 || (r.memory.precision == 0 && !q.traits.fp16) ? Precision::fp32 : Precision::fp16;
    const uint64_t budget = r.memory.budget ? r.memory.budget : default_budget(q.available_bytes);
    PlanRequest request = plan_request(q.traits, precision, budget, r.memory.budget != 0, device_overhead);
    if (!q.can_import) {
        request.in_place = false;
        request.staged = true;
    }
    if (q.link_bytes_per_second > 0) request.link_bytes_per_second = q.link_bytes_per_second;
    if (q.flops_per_second > 0) request.flops_per_second = q.flops_per_second;

    const int chunks = 1;
    const PaintStages fixed = fixed_stages(r, models, chunks, precision);
    std::vector<StageDescription> stages{fixed.text};
    for (const auto& d : fixed.hints) stages.push_back(d);
    if (fixed.vae_encoder) stages.push_back(*fixed.vae_encoder);
    const size_t step_index = stages.size();
    stages.push_back(
        step_stage(r, models, chunks, std::vector<bool>(models.controls.size(), true), fixed.kept_bytes, 1));
    stages.push_back(fixed.decoder);
    const std::vector<Plan> plans = plan_stages(stages, request);

    json blocks = json::array(), rows = json::array();
    uint64_t peak = 0, smallest = 0;
    for (size_t i = 0; i < stages.size(); i++) {
        const Plan& p = plans[i];
        peak = std::max(peak, p.peak_bytes);
        smallest = std::max(smallest, p.smallest_budget);
        append_blocks(blocks, stages[i].name, stages[i].program, p);
        rows.push_back({{"name", stages[i].name}, {"peak_device_bytes", p.peak_bytes},
                        {"smallest_budget_bytes", p.smallest_budget}, {"activation_bytes", p.arena_bytes},
                        {"constant_bytes", p.vector_bytes}, {"resident_bytes", p.pinned_bytes},
                        {"ring_bytes", uint64_t(p.slot_count) * p.slot_bytes}, {"slots", p.slot_count},
                        {"kept_bytes", stages[i].reserved}, {"io_bytes", p.input_bytes + p.output_bytes},
                        {"in_place_bytes", p.in_place_bytes}, {"uploaded_bytes_per_pass", p.uploaded_per_pass},
                        {"segments", p.segments.size()}, {"seconds_per_pass", p.seconds_per_pass},
                        {"gflop_per_pass", p.flops / 1e9}});
    }
    const Plan& step = plans[step_index];
    const json report{{"peak_device_bytes", peak}, {"smallest_budget_bytes", smallest},
                      {"step_seconds", step.seconds_per_pass}, {"uploaded_bytes_per_step", step.uploaded_per_pass},
                      {"precision", precision == Precision::fp16 ? "fp16" : "fp32"},
                      {"budget_bytes", budget}, {"stages", rows}, {"blocks", blocks}};
    return report.dump();
}

}  // namespace sluice
