// One job's networks, plans and stages: what painting, probing and planning share. Not the order in which they run.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "format/model.h"
#include "networks/networks.h"
#include "pipeline/tokenizer.h"
#include "pipeline/warm.h"
#include "stream/run.h"

namespace sluice {

struct JobMemory {
    uint64_t budget = 0;  // 0: the driver's
    int precision = 0;    // sluice_precision
};

// Weights of one network in one role ("unet", "hint", …): two programs over one source have two caches.
struct SourceRef {
    const WeightSource* weights = nullptr;
    std::string role;
};

// A stage before it has buffers: what plan, paint and probe agree on.
struct StageDescription {
    std::string name;
    Program program;
    std::vector<SourceRef> sources;
    uint64_t reserved = 0;
};

// Fills `request` from the device and the job's memory: in place only without an explicit budget.
PlanRequest plan_request(const DeviceTraits& traits, Precision precision, uint64_t budget, bool explicit_budget,
                         uint64_t reserved);

// Without a budget: what is free, less a tenth for what others may take meanwhile.
uint64_t default_budget(uint64_t free_bytes);

// Throws Error(device, "budget-too-small") with the least budget with which every stage works.
std::vector<Plan> plan_stages(const std::vector<StageDescription>& stages, const PlanRequest& base);

class Job {
  public:
    // `warm`: what the context keeps between jobs, or null: then every stage gives all its memory back when it ends.
    Job(vk::Device& device, std::string cache_dir, const JobMemory& memory, RunControl control,
        std::function<void(const std::string&)> notice, Warm* warm = nullptr);

    vk::Device& device() { return device_; }
    Precision precision() const { return precision_; }
    const RunControl& control() const { return control_; }
    void notice(const std::string& text) const {
        if (notice_) notice_(text);
    }
    void check_cancelled() const;

    // Before planning: times the device's kernels on these stages' shapes where that was never done (tune.h).
    void tune_for(const std::vector<StageDescription>& stages);

    // Makes caches and buffers. `precision` may be fp32 for a stage that overflowed.
    std::unique_ptr<Stage> stage(const StageDescription& description, Precision precision,
                                 const std::map<std::string, vk::Buffer*>& kept = {});
    // The request that stage() plans with.
    PlanRequest request(Precision precision, uint64_t reserved) const;
    // Sets inputs, runs one pass, reads `outputs`; when any is not finite in fp16, again in fp32 and says so.
    std::vector<std::vector<float>> run_once(const StageDescription& description,
                                             const std::map<std::string, std::vector<float>>& inputs,
                                             const std::vector<std::string>& outputs,
                                             const std::map<std::string, vk::Buffer*>& kept = {});
    void retire(std::unique_ptr<Stage> stage);  // adds its figures, then keeps it for the next job or destroys it
    // Lets go of all weights that no stage uses: their mapped pages leave our resident memory.
    void release_weights();

    // Says what the job consists of: `plans` of `stages`, and `kept_bytes` of hints. Where the budget holds all of it
    // at once, a warm context keeps it all for the next job; otherwise stages have the memory one after another.
    void foresee(const std::vector<StageDescription>& stages, const std::vector<Plan>& plans, uint64_t kept_bytes);
    bool keeps() const { return keeps_; }
    void settle();  // the job went well: of the caches, those that it used are kept
    std::shared_ptr<const Tokenizer> tokenizer(const Model* model, const std::string& resource_dir);

    // Sums over the job.
    uint64_t uploaded_bytes = 0, in_place_bytes = 0, predicted_peak = 0;
    uint64_t driver_peak = 0;  // the driver's own count at its highest, over what was taken before; 0 where it has none
    bool cold = false, overflowed = false;
    bool trace = false;
    std::vector<TraceEvent> events;

  private:
    std::shared_ptr<DeviceWeights> weights(const Program& program, int index, const SourceRef& source,
                                           Precision precision);
    bool foreseen(const Program& program, const Plan& plan) const;
    vk::Device& device_;
    std::string cache_dir_;
    JobMemory memory_;
    Precision precision_;
    RunControl control_;
    std::function<void(const std::string&)> notice_;
    uint64_t budget_ = 0;
    uint64_t driver_before_ = 0;
    uint64_t held_before_ = 0;  // device memory that was taken when the job began
    std::map<std::string, std::shared_ptr<DeviceWeights>> open_;
    Warm* warm_ = nullptr;
    bool keeps_ = false;
    std::vector<std::pair<Program, Plan>> foreseen_;
};

// One stage for several pictures or tiles: buffers, recordings and resident weights stay while this lives. What
// overflows in fp16 is run again in fp32 by itself.
class RepeatedStage {
  public:
    RepeatedStage(Job& job, const StageDescription& description, std::map<std::string, vk::Buffer*> kept = {})
        : job_(job), description_(description), kept_(std::move(kept)) {}
    const StageDescription& description() const { return description_; }
    // One pass: sets inputs, reads `outputs`.
    std::vector<std::vector<float>> run(const std::map<std::string, std::vector<float>>& inputs,
                                        const std::vector<std::string>& outputs);
    void finish();  // gives the stage's figures to the job and its memory back

  private:
    Job& job_;
    const StageDescription& description_;
    std::map<std::string, vk::Buffer*> kept_;
    std::unique_ptr<Stage> stage_;
};

bool all_finite(std::span<const float> values);

// The tokenizer of a model, or CLIP's own from resource_dir.
Tokenizer load_tokenizer(const Model* model, const std::string& resource_dir);

// Token and position rows of `ids` ([batch][77]) as the text encoder's input.
std::vector<float> gather_embeddings(const TextEncoderConfig& config, const WeightSource& text,
                                     const std::vector<std::vector<int>>& ids);

// Between PyTorch's [batch][channels][height][width] and channels last.
std::vector<float> to_channels_last(std::span<const float> in, int batch, int channels, int height, int width);
std::vector<float> to_channels_first(std::span<const float> in, int batch, int channels, int height, int width);

}  // namespace sluice
