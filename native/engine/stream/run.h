// Carries out a plan: buffers, uploads, recorded commands, and passes that replay them. Decides nothing about memory.
#pragma once
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "stream/plan.h"
#include "stream/weights.h"
#include "vk/device.h"

namespace sluice {

struct RunControl {
    std::function<bool()> cancelled;                // polled at least every 100 ms
    std::function<void(double fraction)> progress;  // of the pass
    bool profile = false;  // of a stage's constructor: a timestamp after every step, for Stage::profile
    int link_divisor = 1;  // the same: every upload is made so often, which stands in for a link so much slower
};

// One bar of the timeline: what a queue did when, in nanoseconds of the device's clock.
struct TraceEvent {
    std::string name;
    bool copy = false;
    double begin_ns = 0, end_ns = 0;
    uint64_t bytes = 0;
    double flops = 0;
};

// What one step of the plan took in the last pass.
struct StepTime {
    int step = 0;
    double ns = 0, flops = 0, bytes = 0;
    PipelineKey pipeline;  // of its last dispatch
};

class Stage {
  public:
    // `kept`: buffers of the program's kept tensors, by name; they outlive the stage. Throws what the device throws.
    Stage(vk::Device& device, Program program, const PlanRequest& request,
          std::vector<std::shared_ptr<DeviceWeights>> sources, const std::map<std::string, vk::Buffer*>& kept,
          const RunControl& control);
    ~Stage();
    Stage(const Stage&) = delete;

    const Program& program() const { return given_; }  // as it was handed in, without scratch
    const Plan& plan() const { return plan_; }

    // Channels-last values, unpadded channels: [batch, height, width, channels].
    void set_input(const std::string& name, std::span<const float> values);
    std::vector<float> output(const std::string& name) const;

    // One pass, blocking. `again`: another pass follows, so its first weights are sent ahead.
    void run(const RunControl& control, bool again);

    // Whether a stage made of these would be this one again.
    bool made_of(const Program& program, const Plan& plan, Precision precision,
                 const std::vector<std::shared_ptr<DeviceWeights>>& sources) const {
        return request_.precision == precision && sources_ == sources && plan_ == plan && given_ == program;
    }
    bool reads_kept() const { return !kept_.empty(); }
    uint64_t device_bytes() const;
    void begin_job();  // figures and trace begin anew: the stage was kept from an earlier job

    uint64_t uploaded_bytes() const { return uploaded_; }
    bool compiled() const { return compiled_; }  // a pipeline was not in the cache
    void enable_trace() { trace_ = true; }
    const std::vector<TraceEvent>& trace() const { return events_; }
    std::vector<StepTime> profile() const;  // after a pass; empty unless asked for

  private:
    struct Batch {  // one submission
        std::unique_ptr<vk::Commands> commands;
        int segment = 0;
        double flops = 0;
        int begin_stamp = 0, end_stamp = 0;
        std::string name;
        std::vector<std::pair<int, StepTime>> marks;  // stamp, and what came before it
    };
    struct Upload {
        std::unique_ptr<vk::Commands> commands;
        int segment = 0, slot = 0;
        uint64_t bytes = 0;
        int begin_stamp = 0, end_stamp = 0;
    };
    void create_buffers();
    void upload_constants(const RunControl& control);
    void record_uploads();
    void record_batches();
    void copy_to_device(const std::vector<std::pair<const std::byte*, vk::CopyRegion>>& regions,
                        const RunControl& control);
    vk::BoundRange resolve(const Binding& binding, const PlanStep& step) const;
    vk::BoundRange tensor_range(TensorId id) const;
    const DeviceWeights& weights_of(MatrixId id) const;
    uint64_t piece_source(const Piece& piece) const;
    void fill_staging(const Upload& upload);
    void pump_uploads(bool again);
    void drop_copied();
    void wait_compute(uint64_t value, const RunControl& control);
    void trace_upload(const Upload& upload);
    void collect_trace();

    vk::Device& device_;
    Program given_, program_;
    PlanRequest request_;
    std::vector<std::shared_ptr<DeviceWeights>> sources_;
    std::map<TensorId, vk::Buffer*> kept_;
    Plan plan_;

    vk::Buffer arena_, constants_, ring_, staging_, inputs_, outputs_;
    std::vector<vk::Buffer> pinned_;
    vk::Timeline copy_timeline_, compute_timeline_;
    std::vector<Batch> batches_;
    std::vector<Upload> uploads_;
    std::vector<uint64_t> segment_last_batch_;  // one past the last batch of each segment

    uint64_t pass_ = 0;             // passes begun
    uint64_t submitted_ = 0;        // compute timeline value of the last submitted batch
    uint64_t uploads_submitted_ = 0;  // over all passes
    uint64_t uploads_dropped_ = 0;    // of these, those whose sources have left resident memory
    std::vector<uint64_t> slot_free_;    // compute value at which a slot may be written
    std::vector<uint64_t> slot_copied_;  // copy value at which its bytes had left the staging buffer
    uint64_t uploaded_ = 0;
    bool compiled_ = false, trace_ = false, profile_ = false;
    int link_divisor_ = 1;
    size_t uploads_traced_ = 0;  // of this pass, because the next one's were about to replace their time stamps
    std::vector<TraceEvent> events_;
};

}  // namespace sluice
