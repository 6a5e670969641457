// What to keep, stream and free, decided before anything runs: a pure function of a program, sizes and a budget.
// No Vulkan, no files, no clock.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "ops/lower.h"
#include "ops/op.h"

namespace sluice {

struct PlanRequest {
    Precision precision = Precision::fp16;
    DeviceTraits traits;
    uint64_t budget = 0;    // bytes of device memory for this stage; 0: no limit
    uint64_t reserved = 0;  // of the budget, held by others while the stage runs (kept tensors)
    bool in_place = false;  // weights are read where they lie in host memory (unified memory, no explicit budget)
    bool staged = false;  // no host-memory import: copies go through buffers of the ring's size
    double link_bytes_per_second = 12.5e9;
    double flops_per_second = 5e12;
};

// A matrix, or some of its panels when the whole does not fit a slot of the ring.
struct Piece {
    enum class Place : uint8_t { pinned, streamed, in_place } place = Place::streamed;
    MatrixId matrix = none;
    int panel_begin = 0, panel_end = 0;
    uint64_t bytes = 0;
    uint64_t offset = 0;  // in the pinned area, or in its slot
    int segment = -1;     // streamed: the segment that brings it
    bool operator==(const Piece&) const = default;
};

// One op, or the part of it that a piece allows.
struct PlanStep {
    int op = 0;
    int piece = -1;
    Cut cut;
    // Rows of the output go to the strip buffer first, then over the rows of the input that nobody reads any more.
    bool lagged = false;
    bool operator==(const PlanStep&) const = default;
};

// A run of steps whose streamed weights lie in the ring at the same time. One upload, then its dispatches.
struct Segment {
    int first_step = 0, step_count = 0;
    int slot = -1;  // -1: nothing streamed
    std::vector<int> pieces;
    uint64_t bytes = 0;
    double flops = 0, seconds = 0;  // seconds: predicted
    bool operator==(const Segment&) const = default;
};

struct Plan {
    std::vector<Piece> pieces;
    std::vector<PlanStep> steps;
    std::vector<Segment> segments;
    std::vector<uint64_t> tensor_offset;  // by TensorId: in the arena, or in the input or output buffer by role
    std::vector<uint64_t> vector_offset;  // by VectorId, in the constants' buffer
    uint64_t arena_bytes = 0, strip_offset = 0, strip_bytes = 0;
    uint64_t vector_bytes = 0, input_bytes = 0, output_bytes = 0;
    uint64_t slot_bytes = 0;
    int slot_count = 0;
    uint64_t pinned_bytes = 0;
    uint64_t in_place_bytes = 0;
    uint64_t peak_bytes = 0;       // this stage's device memory, `reserved` included
    uint64_t smallest_budget = 0;  // the least budget with which this stage runs
    uint64_t uploaded_per_pass = 0;
    double seconds_per_pass = 0;   // predicted, steady state
    double flops = 0;
    bool operator==(const Plan&) const = default;
};

uint64_t tensor_bytes(const Tensor& tensor, Precision precision);
double op_flops(const Program& program, const Op& op);
// Tensors an op reads and writes.
void op_tensors(const Op& op, std::vector<TensorId>& reads, std::vector<TensorId>& writes);

// Plans the program with the scratch that the device wants (ops/tiles.h): tensors behind the program's own.
// Throws Error(device, "budget-too-small") that names the smallest budget.
Plan make_plan(const Program& program, const PlanRequest& request);

}  // namespace sluice
