#include "stream/run.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "ops/tiles.h"
#include "stream/arrange.h"

namespace sluice {
namespace {

// A submission is cut at so much work: about a tenth of a second on a CPU device, and on the slowest GPU that can
// hope to paint. Drivers reset at 2 s, and cancelling waits for what was submitted.
constexpr double cpu_batch_flops = 1e9, gpu_batch_flops = 40e9, matrix_batch_flops = 400e9;
constexpr uint64_t poll_ns = 50'000'000;

}  // namespace

DeviceWeights::DeviceWeights(vk::Device& device, std::shared_ptr<BlockCache> cache) : cache_(std::move(cache)) {
    if (device.import_alignment() == 0 || cache_alignment % device.import_alignment() != 0) return;
    import_ = device.import_host(const_cast<std::byte*>(cache_->data()), cache_->size());
}

Stage::Stage(vk::Device& device, Program program, const PlanRequest& request,
             std::vector<std::shared_ptr<DeviceWeights>> sources, const std::map<std::string, vk::Buffer*>& kept,
             const RunControl& control)
    : device_(device), given_(std::move(program)),
      program_(with_scratch(given_, request.precision, request.traits)), request_(request),
      sources_(std::move(sources)), plan_(make_plan(program_, request_)), copy_timeline_(device), compute_timeline_(device) {
    for (size_t i = 0; i < program_.tensors.size(); i++) {
        if (program_.tensors[i].role != TensorRole::kept) continue;
        const auto it = kept.find(program_.tensors[i].name);
        if (it == kept.end() || it->second->size() < tensor_bytes(program_.tensors[i], request_.precision))
            throw Error(Status::internal, "run", "no buffer for kept tensor " + program_.tensors[i].name);
        kept_[TensorId(i)] = it->second;
    }
    profile_ = control.profile;
    link_divisor_ = control.link_divisor;
    create_buffers();
    record_batches();
    record_uploads();
    upload_constants(control);
}

Stage::~Stage() { device_.wait_idle(); }

void Stage::create_buffers() {
    const uint64_t least = 256;
    arena_ = device_.create_buffer(std::max(least, plan_.arena_bytes), vk::MemoryKind::device, "activations");
    constants_ = device_.create_buffer(std::max(least, plan_.vector_bytes), vk::MemoryKind::device, "biases and norms");
    inputs_ = device_.create_buffer(std::max(least, plan_.input_bytes), vk::MemoryKind::upload, "inputs");
    outputs_ = device_.create_buffer(std::max(least, plan_.output_bytes), vk::MemoryKind::readback, "results");
    std::memset(inputs_.mapped(), 0, inputs_.size());
    const uint64_t ring = uint64_t(plan_.slot_count) * plan_.slot_bytes;
    if (ring) {
        ring_ = device_.create_buffer(ring, vk::MemoryKind::device, "weight ring");
        bool staged = false;
        for (const auto& s : sources_) staged |= !s->imported();
        if (staged) staging_ = device_.create_buffer(ring, vk::MemoryKind::upload, "weight staging");
        slot_free_.assign(size_t(plan_.slot_count), 0);
        slot_copied_.assign(size_t(plan_.slot_count), 0);
    }
    for (uint64_t at = 0; at < plan_.pinned_bytes; at += pinned_chunk)
        pinned_.push_back(device_.create_buffer(std::min(pinned_chunk, plan_.pinned_bytes - at),
                                                vk::MemoryKind::device, "resident weights"));
}

uint64_t Stage::device_bytes() const {
    uint64_t bytes = 0;
    for (const vk::Buffer* b : {&arena_, &constants_, &ring_, &staging_, &inputs_, &outputs_}) bytes += b->device_bytes();
    for (const vk::Buffer& b : pinned_) bytes += b.device_bytes();
    return bytes;
}

void Stage::begin_job() {
    uploaded_ = 0;
    compiled_ = trace_ = false;
    events_.clear();
}

const DeviceWeights& Stage::weights_of(MatrixId id) const {
    return *sources_[size_t(program_.matrix_source[size_t(id)])];
}

uint64_t Stage::piece_source(const Piece& piece) const {
    const Matrix& m = program_.matrices[size_t(piece.matrix)];
    const uint64_t panel = uint64_t(m.panel_elements()) * uint64_t(storage_bytes(request_.precision));
    return weights_of(piece.matrix).cache().offset(matrix_key(m)) + panel * uint64_t(piece.panel_begin);
}

void Stage::copy_to_device(const std::vector<std::pair<const std::byte*, vk::CopyRegion>>& regions,
                           const RunControl& control) {
    // Imported sources are copied straight; the rest goes through a staging buffer, filled and waited for in turns.
    constexpr uint64_t staging_bytes = 16u << 20;
    constexpr uint64_t batch_bytes = 256u << 20;
    vk::Buffer staging;
    uint64_t staged = 0, batched = 0;
    vk::Timeline done(device_);
    uint64_t value = 0;
    std::unique_ptr<vk::Commands> commands;
    auto flush = [&] {
        if (!commands) return;
        commands->end();
        const vk::Commands* list[] = {commands.get()};
        const vk::TimelinePoint signal[] = {{&done, ++value}};
        device_.submit(vk::QueueKind::transfer, list, {}, signal);
        while (!done.wait(value, poll_ns)) {
        }
        commands.reset();
        staged = batched = 0;
        if (control.cancelled && control.cancelled()) throw Error(Status::cancelled, "cancelled", "stopped by the user");
    };
    try {
        for (const auto& [bytes, whole] : regions) {
            for (uint64_t at = 0; at < whole.size;) {
                vk::CopyRegion r = whole;
                r.source_offset += at;
                r.destination_offset += at;
                r.size = whole.size - at;
                if (!r.source) {
                    if (!staging) staging = device_.create_buffer(staging_bytes, vk::MemoryKind::upload, "staging");
                    if (staged == staging_bytes) flush();
                    r.size = std::min(r.size, staging_bytes - staged);
                    std::memcpy(static_cast<std::byte*>(staging.mapped()) + staged, bytes + at, r.size);
                    r.source = staging.handle();
                    r.source_offset = staged;
                    staged += r.size;
                }
                if (!commands) {
                    commands = std::make_unique<vk::Commands>(device_, vk::QueueKind::transfer);
                    commands->begin();
                }
                commands->copy(r);
                at += r.size;
                batched += r.size;
                uploaded_ += r.size;
                if (batched >= batch_bytes) flush();
            }
        }
        flush();
    } catch (...) {
        device_.wait_idle();
        throw;
    }
}

void Stage::upload_constants(const RunControl& control) {
    std::vector<std::pair<const std::byte*, vk::CopyRegion>> regions;
    for (size_t i = 0; i < program_.vectors.size(); i++) {
        const DeviceWeights& w = *sources_[size_t(program_.vector_source[i])];
        const uint64_t offset = w.cache().offset(vector_key(program_.vectors[i]));
        regions.push_back({w.cache().data() + offset,
                           {w.buffer().handle(), constants_.handle(), offset, plan_.vector_offset[i],
                            vector_bytes(program_.vectors[i])}});
    }
    for (const Piece& p : plan_.pieces) {
        if (p.place != Piece::Place::pinned) continue;
        const DeviceWeights& w = weights_of(p.matrix);
        const uint64_t offset = piece_source(p);
        regions.push_back({w.cache().data() + offset,
                           {w.buffer().handle(), pinned_[p.offset / pinned_chunk].handle(), offset, p.offset % pinned_chunk,
                            p.bytes}});
    }
    copy_to_device(regions, control);
    if (!device_.traits().cpu) return;
    for (const Piece& p : plan_.pieces)
        if (p.place == Piece::Place::pinned) weights_of(p.matrix).cache().drop(piece_source(p), p.bytes);
}

vk::BoundRange Stage::tensor_range(TensorId id) const {
    const Tensor& t = program_.tensors[size_t(id)];
    const uint64_t bytes = tensor_bytes(t, request_.precision), offset = plan_.tensor_offset[size_t(id)];
    switch (t.role) {
        case TensorRole::activation: return arena_.range(offset, bytes);
        case TensorRole::input: return inputs_.range(offset, bytes);
        case TensorRole::output: return outputs_.range(offset, bytes);
        case TensorRole::kept: break;
    }
    return kept_.at(id)->range(0, bytes);
}

vk::BoundRange Stage::resolve(const Binding& b, const PlanStep& step) const {
    vk::BoundRange range;
    switch (b.kind) {
        case Binding::Kind::unused: return {};
        case Binding::Kind::tensor: {
            range = tensor_range(b.id);
            if (step.lagged && b.id == std::get<Conv>(program_.ops[size_t(step.op)].body).out) {
                // The strip buffer stands for rows [row_begin, row_end) of the output.
                const Tensor& t = program_.tensors[size_t(b.id)];
                const uint64_t row = tensor_bytes(t, request_.precision) / uint64_t(t.height);
                const uint64_t skipped =
                    row * uint64_t(step.cut.row_begin) / request_.traits.storage_alignment *
                    request_.traits.storage_alignment;
                return arena_.range(plan_.strip_offset + b.offset - skipped, b.size);
            }
            break;
        }
        case Binding::Kind::vector:
            range = constants_.range(plan_.vector_offset[size_t(b.id)], vector_bytes(program_.vectors[size_t(b.id)]));
            break;
        case Binding::Kind::matrix: {
            const Piece& p = plan_.pieces[size_t(step.piece)];
            switch (p.place) {
                case Piece::Place::pinned:
                    range = pinned_[p.offset / pinned_chunk].range(p.offset % pinned_chunk, p.bytes);
                    break;
                case Piece::Place::streamed:
                    range = ring_.range(
                        uint64_t(plan_.segments[size_t(p.segment)].slot) * plan_.slot_bytes + p.offset, p.bytes);
                    break;
                case Piece::Place::in_place:
                    range = weights_of(p.matrix).buffer().range(piece_source(p), p.bytes);
                    break;
            }
            break;
        }
    }
    if (b.offset + b.size > range.size)
        throw Error(Status::internal, "run",
                    "op " + program_.ops[size_t(step.op)].name + " binds " + std::to_string(b.offset + b.size) +
                        " bytes of a resource of " + std::to_string(range.size));
    return {range.buffer, range.offset + b.offset, b.size, range.room - b.offset};
}

void Stage::record_batches() {
    const double limit = device_.traits().cpu        ? cpu_batch_flops
                         : device_.traits().matrix_m ? matrix_batch_flops
                                                     : gpu_batch_flops;
    std::vector<std::vector<Dispatch>> lowered(plan_.steps.size());
    std::vector<PipelineKey> keys;
    for (size_t i = 0; i < plan_.steps.size(); i++) {
        const PlanStep& step = plan_.steps[i];
        lower(program_, program_.ops[size_t(step.op)], step.cut, request_.precision, request_.traits, lowered[i]);
        for (const Dispatch& d : lowered[i])
            if (std::find(keys.begin(), keys.end(), d.pipeline) == keys.end()) keys.push_back(d.pipeline);
    }
    compiled_ = device_.prepare(keys);

    Batch batch;
    auto open = [&](int segment) {
        if (batch.commands) return;
        batch = {};
        batch.segment = segment;
        batch.commands = std::make_unique<vk::Commands>(device_, vk::QueueKind::compute);
        batch.commands->begin();
        batch.begin_stamp = batch.commands->timestamp();
        batch.commands->barrier();  // what earlier submissions wrote
    };
    auto close = [&](bool last) {
        if (!batch.commands) return;
        if (last) batch.commands->host_barrier();
        batch.end_stamp = batch.commands->timestamp();
        batch.commands->end();
        batches_.push_back(std::move(batch));
        batch = {};
    };
    for (size_t s = 0; s < plan_.segments.size(); s++) {
        const Segment& segment = plan_.segments[s];
        for (int i = segment.first_step; i < segment.first_step + segment.step_count; i++) {
            const PlanStep& step = plan_.steps[size_t(i)];
            for (const Dispatch& d : lowered[size_t(i)]) {
                if (batch.commands && batch.flops + d.flops > limit) close(false);
                open(int(s));
                if (batch.name.empty()) batch.name = program_.ops[size_t(step.op)].name;
                std::array<vk::BoundRange, max_bindings> ranges{};
                for (size_t k = 0; k < max_bindings; k++) ranges[k] = resolve(d.bindings[k], step);
                if (d.reads_previous) batch.commands->barrier();
                batch.commands->dispatch(d, ranges);
                batch.flops += d.flops;
                if (profile_) batch.marks.push_back({batch.commands->timestamp(), {i, 0, d.flops, d.bytes, d.pipeline}});
            }
            if (step.lagged) {
                open(int(s));
                const TensorId out = std::get<Conv>(program_.ops[size_t(step.op)].body).out;
                const Tensor& t = program_.tensors[size_t(out)];
                const uint64_t row = tensor_bytes(t, request_.precision) / uint64_t(t.height);
                const uint64_t begin = row * uint64_t(step.cut.row_begin), end = row * uint64_t(step.cut.row_end);
                const uint64_t left_over = begin % request_.traits.storage_alignment;
                batch.commands->barrier();
                batch.commands->copy({arena_.handle(), arena_.handle(), plan_.strip_offset + left_over,
                                      plan_.tensor_offset[size_t(out)] + begin, end - begin});
                batch.commands->barrier();
            }
        }
        close(s + 1 == plan_.segments.size());
        segment_last_batch_.push_back(batches_.size());
    }
}

void Stage::record_uploads() {
    for (size_t s = 0; s < plan_.segments.size(); s++) {
        const Segment& segment = plan_.segments[s];
        if (segment.slot < 0) continue;
        Upload u;
        u.segment = int(s);
        u.slot = segment.slot;
        u.bytes = segment.bytes;
        u.commands = std::make_unique<vk::Commands>(device_, vk::QueueKind::transfer);
        u.commands->begin();
        u.begin_stamp = u.commands->timestamp();
        for (int id : segment.pieces) {
            const Piece& p = plan_.pieces[size_t(id)];
            const DeviceWeights& w = weights_of(p.matrix);
            const uint64_t slot = uint64_t(segment.slot) * plan_.slot_bytes + p.offset;
            for (int i = 0; i < link_divisor_; i++) {
                if (i) u.commands->barrier();
                u.commands->copy({w.imported() ? w.buffer().handle() : staging_.handle(), ring_.handle(),
                                  w.imported() ? piece_source(p) : slot, slot, p.bytes});
            }
        }
        u.commands->barrier();
        u.end_stamp = u.commands->timestamp();
        u.commands->end();
        uploads_.push_back(std::move(u));
    }
}

void Stage::fill_staging(const Upload& upload) {
    bool waited = false;
    for (int id : plan_.segments[size_t(upload.segment)].pieces) {
        const Piece& p = plan_.pieces[size_t(id)];
        const DeviceWeights& w = weights_of(p.matrix);
        if (w.imported()) continue;
        // The slot's last copy out of the staging buffer must be over before the host writes there again.
        while (!waited && !copy_timeline_.wait(slot_copied_[size_t(upload.slot)], poll_ns)) {
        }
        waited = true;
        std::memcpy(static_cast<std::byte*>(staging_.mapped()) + uint64_t(upload.slot) * plan_.slot_bytes + p.offset,
                    w.cache().data() + piece_source(p), p.bytes);
    }
}

// A CPU device reads the mapped caches like any other memory: what was copied needs no place in ours until the next
// pass, and comes back from the system's file cache in a fraction of the pass's time.
void Stage::drop_copied() {
    if (!device_.traits().cpu || uploads_.empty()) return;
    for (const uint64_t copied = copy_timeline_.value(); uploads_dropped_ < copied; uploads_dropped_++)
        for (int id : plan_.segments[size_t(uploads_[uploads_dropped_ % uploads_.size()].segment)].pieces) {
            const Piece& p = plan_.pieces[size_t(id)];
            weights_of(p.matrix).cache().drop(piece_source(p), p.bytes);
        }
}

// Submits every upload whose slot is free, or will be by work already submitted (on a device with one queue a wait
// for anything later would never end).
void Stage::pump_uploads(bool again) {
    if (uploads_.empty()) return;
    drop_copied();
    const uint64_t per_pass = uploads_.size();
    const uint64_t end = pass_ * per_pass + (again ? std::min<uint64_t>(per_pass, uint64_t(plan_.slot_count)) : 0);
    while (uploads_submitted_ < end) {
        const Upload& u = uploads_[uploads_submitted_ % per_pass];
        const size_t slot = size_t(u.slot);
        if (slot_free_[slot] > submitted_) return;
        if (staging_) fill_staging(u);
        const uint64_t value = uploads_submitted_ + 1;
        if (trace_ && uploads_submitted_ >= pass_ * per_pass) {
            while (!copy_timeline_.wait(value - per_pass, poll_ns)) {
            }
            trace_upload(u);
            uploads_traced_++;
        }
        const vk::Commands* list[] = {u.commands.get()};
        const vk::TimelinePoint waits[] = {{&compute_timeline_, slot_free_[slot]}};
        const vk::TimelinePoint signals[] = {{&copy_timeline_, value}};
        device_.submit(vk::QueueKind::transfer, list, waits, signals);
        const uint64_t pass = uploads_submitted_ / per_pass;
        slot_free_[slot] = pass * batches_.size() + segment_last_batch_[size_t(u.segment)];
        slot_copied_[slot] = value;
        uploaded_ += u.bytes;
        uploads_submitted_++;
    }
}

void Stage::wait_compute(uint64_t value, const RunControl& control) {
    while (!compute_timeline_.wait(value, poll_ns))
        if (control.cancelled && control.cancelled()) throw Error(Status::cancelled, "cancelled", "stopped by the user");
}

void Stage::run(const RunControl& control, bool again) {
    const uint64_t base = pass_ * batches_.size();
    const uint64_t per_pass_uploads = uploads_.size(), first_upload = pass_ * per_pass_uploads;
    pass_++;
    const uint64_t window = device_.traits().cpu ? 2 : 64;  // submissions in flight
    double done_flops = 0, reported = 0;
    uint64_t upload = 0;
    int segment = -1;
    for (size_t i = 0; i < batches_.size(); i++) {
        if (submitted_ >= base + window) {
            wait_compute(submitted_ - window + 1, control);
            if (control.progress && plan_.flops > 0 && done_flops / plan_.flops > reported + 0.01)
                control.progress(reported = done_flops / plan_.flops);
        }
        if (control.cancelled && control.cancelled()) throw Error(Status::cancelled, "cancelled", "stopped by the user");
        pump_uploads(false);
        const Batch& b = batches_[i];
        const vk::Commands* list[] = {b.commands.get()};
        std::vector<vk::TimelinePoint> waits;
        if (b.segment != segment) {
            segment = b.segment;
            if (plan_.segments[size_t(segment)].slot >= 0)
                waits.push_back({&copy_timeline_, first_upload + ++upload});
        }
        const vk::TimelinePoint signals[] = {{&compute_timeline_, base + i + 1}};
        device_.submit(vk::QueueKind::compute, list, waits, signals);
        submitted_ = base + i + 1;
        done_flops += b.flops;
    }
    pump_uploads(again);
    wait_compute(submitted_, control);
    if (trace_) collect_trace();
}

void Stage::trace_upload(const Upload& u) {
    const auto t = u.commands->read_timestamps();
    if (t.size() > size_t(u.end_stamp))
        events_.push_back({program_.name + " upload " + std::to_string(u.segment), true, t[size_t(u.begin_stamp)],
                           t[size_t(u.end_stamp)], u.bytes, 0});
}

void Stage::collect_trace() {
    for (size_t i = uploads_traced_; i < uploads_.size(); i++) trace_upload(uploads_[i]);
    uploads_traced_ = 0;
    for (const Batch& b : batches_) {
        const auto t = b.commands->read_timestamps();
        if (t.size() > size_t(b.end_stamp))
            events_.push_back(
                {b.name, false, t[size_t(b.begin_stamp)], t[size_t(b.end_stamp)], 0, b.flops});
    }
}

std::vector<StepTime> Stage::profile() const {
    std::vector<StepTime> times;
    for (const Batch& b : batches_) {
        const auto t = b.commands->read_timestamps();
        if (t.empty()) continue;
        double before = t[size_t(b.begin_stamp)];
        for (const auto& [stamp, time] : b.marks) {
            times.push_back(time);
            times.back().ns = t[size_t(stamp)] - before;
            before = t[size_t(stamp)];
        }
    }
    return times;
}

void Stage::set_input(const std::string& name, std::span<const float> values) {
    for (size_t i = 0; i < program_.tensors.size(); i++) {
        const Tensor& t = program_.tensors[i];
        if (t.role != TensorRole::input || t.name != name) continue;
        const size_t rows = size_t(t.rows()), channels = size_t(t.channels), stride = size_t(padded_channels(t.channels));
        if (!t.f32 || values.size() != rows * channels)
            throw Error(Status::internal, "run",
                        "input " + name + ": " + std::to_string(values.size()) + " values, expected " +
                            std::to_string(rows * channels));
        float* out = reinterpret_cast<float*>(static_cast<std::byte*>(inputs_.mapped()) + plan_.tensor_offset[i]);
        for (size_t r = 0; r < rows; r++) std::memcpy(out + r * stride, values.data() + r * channels, channels * 4);
        return;
    }
    throw Error(Status::internal, "run", "program " + program_.name + " has no input " + name);
}

std::vector<float> Stage::output(const std::string& name) const {
    for (size_t i = 0; i < program_.tensors.size(); i++) {
        const Tensor& t = program_.tensors[i];
        if (t.role != TensorRole::output || t.name != name) continue;
        const size_t rows = size_t(t.rows()), channels = size_t(t.channels), stride = size_t(padded_channels(t.channels));
        const float* in =
            reinterpret_cast<const float*>(static_cast<const std::byte*>(outputs_.mapped()) + plan_.tensor_offset[i]);
        std::vector<float> values(rows * channels);
        for (size_t r = 0; r < rows; r++) std::memcpy(values.data() + r * channels, in + r * stride, channels * 4);
        return values;
    }
    throw Error(Status::internal, "run", "program " + program_.name + " has no output " + name);
}

}  // namespace sluice
