#include "pipeline/job.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/error.h"
#include "core/platform/file.h"
#include "ops/tiles.h"
#include "pipeline/tune.h"

namespace sluice {

namespace {

// Of a LoRA and its strength a network is converted as a whole: the last few are at hand, and the disk does not fill.
constexpr int adapted_caches = 3;

// The files a tokenizer is made of: vocabulary and merges, one tokenizer.json, or CLIP's own.
std::vector<std::string> tokenizer_files(const Model* model, const std::string& resource_dir) {
    if (model && !model->vocab_path.empty() && !model->merges_path.empty()) return {model->vocab_path, model->merges_path};
    if (model && !model->tokenizer_json_path.empty()) return {model->tokenizer_json_path};
    return {(std::filesystem::path(resource_dir) / "tokenizer" / "bpe_simple_vocab_16e6.txt.gz").string()};
}

}  // namespace

bool all_finite(std::span<const float> values) {
    for (float v : values)
        if (!std::isfinite(v)) return false;
    return true;
}

uint64_t default_budget(uint64_t free_bytes) { return free_bytes / 10 * 9; }

PlanRequest plan_request(const DeviceTraits& traits, Precision precision, uint64_t budget, bool explicit_budget,
                         uint64_t reserved) {
    PlanRequest r;
    r.precision = precision;
    r.traits = traits;
    r.budget = budget;
    r.reserved = reserved;
    r.in_place = traits.unified_memory && !explicit_budget;
    if (traits.matrix_m && !traits.cpu) {  // until they are measured: what such cards and their links are like
        r.flops_per_second = 75e12;
        r.link_bytes_per_second = 25e9;
    }
    if (traits.tiles && traits.tiles->flops_per_second > 0) r.flops_per_second = traits.tiles->flops_per_second;
    if (traits.tiles && traits.tiles->link_bytes_per_second > 0)
        r.link_bytes_per_second = traits.tiles->link_bytes_per_second;
    return r;
}

std::vector<Plan> plan_stages(const std::vector<StageDescription>& stages, const PlanRequest& base) {
    std::vector<Plan> plans;
    uint64_t smallest = 0;
    std::string worst;
    for (const StageDescription& s : stages) {
        PlanRequest r = base;
        r.reserved += s.reserved;
        r.budget = 0;  // finds the least first: the message shall name what the whole job needs
        Plan plan = make_plan(s.program, r);
        if (plan.smallest_budget > smallest) {
            smallest = plan.smallest_budget;
            worst = s.name;
        }
        plans.push_back(std::move(plan));
    }
    if (base.budget == 0) return plans;
    const uint64_t mib = (smallest + (1 << 20) - 1) >> 20;
    if (base.budget < smallest)
        throw Error(Status::device, "budget-too-small",
                    "a budget of " + std::to_string(base.budget >> 20) + " MiB is too small for this job: stage " + worst +
                        " needs " + std::to_string(mib) + " MiB, the smallest that works",
                    "give --vram " + std::to_string(mib) + " or more, or paint a smaller picture");
    plans.clear();
    for (const StageDescription& s : stages) {
        PlanRequest r = base;
        r.reserved += s.reserved;
        plans.push_back(make_plan(s.program, r));
    }
    return plans;
}

Job::Job(vk::Device& device, std::string cache_dir, const JobMemory& memory, RunControl control,
         std::function<void(const std::string&)> notice, Warm* warm)
    : device_(device), cache_dir_(std::move(cache_dir)), memory_(memory), control_(std::move(control)),
      notice_(std::move(notice)), warm_(warm) {
    // What was kept is the job's own: it takes it over or drops it.
    const uint64_t ours = warm ? warm->device_bytes() : 0;
    held_before_ = device.device_bytes() - ours;
    driver_before_ = device.driver_used_bytes();
    driver_before_ -= std::min(driver_before_, ours);
    const bool has_fp16 = device.traits().fp16;
    if (memory.precision == 2 && !has_fp16)
        throw Error(Status::device, "no-fp16", "device " + device.info().name + " has no 16-bit storage",
                    "use --precision fp32 or auto");
    precision_ = memory.precision == 1 || !has_fp16 ? Precision::fp32 : Precision::fp16;
    budget_ = memory.budget;
    if (budget_ == 0) {
        const uint64_t free = device.driver_budget_bytes();
        budget_ = default_budget(free ? free + ours : device.info().budget_bytes);
    }
}

void Job::check_cancelled() const {
    if (control_.cancelled && control_.cancelled()) throw Error(Status::cancelled, "cancelled", "stopped by the user");
}

void Job::tune_for(const std::vector<StageDescription>& stages) {
    if (precision_ != Precision::fp16) return;
    std::vector<const Program*> programs;
    for (const StageDescription& s : stages) programs.push_back(&s.program);
    tune(device_, programs, cache_dir_, {control_.cancelled, control_.progress, notice_});
}

PlanRequest Job::request(Precision precision, uint64_t reserved) const {
    PlanRequest r = plan_request(device_.traits(), precision, budget_, memory_.budget != 0, held_before_ + reserved);
    if (device_.import_alignment() == 0) {
        r.in_place = false;
        r.staged = true;
    }
    return r;
}

std::shared_ptr<DeviceWeights> Job::weights(const Program& program, int index, const SourceRef& source,
                                            Precision precision) {
    if (!source.weights)
        throw Error(Status::input, "no-weights", "network " + source.role + ": the model's folder holds no weights",
                    "give a model with its weight files");
    const std::string key =
        source.weights->path() + "\n" + source.role + (precision == Precision::fp16 ? "\nfp16" : "\nfp32");
    const auto it = open_.find(key);
    if (it != open_.end()) return it->second;
    BlockCache::Request r;
    r.program = &program;
    r.source_index = index;
    r.source = source.weights;
    r.role = source.role;
    if (source.weights->adapted()) {
        r.role += "-adapted";
        r.keep = adapted_caches;
    }
    r.precision = precision;
    r.directory = cache_dir_ + "/blocks";
    r.progress = [this](double fraction) {
        check_cancelled();
        if (control_.progress) control_.progress(fraction);
    };
    const std::string content =
        warm_ ? source.weights->content_hash() + "." + source.role + (precision == Precision::fp16 ? ".fp16" : ".fp32") : "";
    if (warm_) {
        const auto known = warm_->weights.find(content);
        if (known != warm_->weights.end() && known->second->cache().serves(r)) return open_[key] = known->second;
    }
    std::shared_ptr<BlockCache> cache = BlockCache::open(r);
    cold |= cache->built();
    auto opened = std::make_shared<DeviceWeights>(device_, std::move(cache));
    if (warm_) warm_->weights[content] = opened;
    return open_[key] = std::move(opened);
}

void Job::foresee(const std::vector<StageDescription>& stages, const std::vector<Plan>& plans, uint64_t kept_bytes) {
    if (!warm_) return;
    uint64_t all = held_before_ + kept_bytes;
    for (size_t i = 0; i < stages.size(); i++) {
        all += plans[i].peak_bytes - held_before_ - stages[i].reserved;
        foreseen_.emplace_back(stages[i].program, plans[i]);
    }
    keeps_ = all <= budget_;
    if (!keeps_) {
        warm_->drop_hints();
        warm_->drop_stages();
        return;
    }
    predicted_peak = all;
    warm_->drop_all_but([&](const Stage& s) { return foreseen(s.program(), s.plan()); });
}

bool Job::foreseen(const Program& program, const Plan& plan) const {
    return std::any_of(foreseen_.begin(), foreseen_.end(),
                       [&](const auto& f) { return f.second == plan && f.first == program; });
}

void Job::settle() {
    if (!warm_) return;
    std::erase_if(warm_->weights, [&](const auto& entry) {
        return std::none_of(open_.begin(), open_.end(), [&](const auto& used) { return used.second == entry.second; });
    });
}

std::unique_ptr<Stage> Job::stage(const StageDescription& d, Precision precision,
                                  const std::map<std::string, vk::Buffer*>& kept) {
    std::vector<std::shared_ptr<DeviceWeights>> sources;
    bool imported = true;
    for (size_t i = 0; i < d.sources.size(); i++) {
        sources.push_back(weights(d.program, int(i), d.sources[i], precision));
        imported &= sources.back()->imported();
    }
    PlanRequest r = request(precision, d.reserved);
    if (!imported) {
        r.in_place = false;
        r.staged = true;
    }
    if (keeps_) {
        const Plan plan = make_plan(d.program, r);
        if (std::unique_ptr<Stage> stage = warm_->take(d.program, plan, precision, sources)) {
            stage->begin_job();
            if (trace) stage->enable_trace();
            return stage;
        }
        if (!foreseen(d.program, plan)) warm_->drop_stages();  // they have the room that this one needs
    }
    auto stage = std::make_unique<Stage>(device_, d.program, r, std::move(sources), kept, control_);
    if (trace) stage->enable_trace();
    cold |= stage->compiled();
    return stage;
}

void Job::retire(std::unique_ptr<Stage> stage) {
    uploaded_bytes += stage->uploaded_bytes();
    in_place_bytes = std::max(in_place_bytes, stage->plan().in_place_bytes);
    const uint64_t used = device_.driver_used_bytes();
    if (used > driver_before_) driver_peak = std::max(driver_peak, used - driver_before_);
    predicted_peak = std::max(predicted_peak, stage->plan().peak_bytes);
    events.insert(events.end(), stage->trace().begin(), stage->trace().end());
    if (keeps_ && foreseen(stage->program(), stage->plan())) warm_->keep(std::move(stage));
}

void Job::release_weights() {
    if (warm_) return;
    std::erase_if(open_, [](const auto& entry) { return entry.second.use_count() == 1; });
}

std::vector<std::vector<float>> Job::run_once(const StageDescription& d,
                                              const std::map<std::string, std::vector<float>>& inputs,
                                              const std::vector<std::string>& outputs,
                                              const std::map<std::string, vk::Buffer*>& kept) {
    RepeatedStage stage(*this, d, kept);
    std::vector<std::vector<float>> results = stage.run(inputs, outputs);
    stage.finish();
    return results;
}

std::vector<std::vector<float>> RepeatedStage::run(const std::map<std::string, std::vector<float>>& inputs,
                                                   const std::vector<std::string>& outputs) {
    const Precision precision = job_.precision();
    for (Precision p : {precision, Precision::fp32}) {
        if (!stage_) stage_ = job_.stage(description_, p, kept_);
        for (const auto& [name, values] : inputs) stage_->set_input(name, values);
        stage_->run(job_.control(), false);
        std::vector<std::vector<float>> results;
        bool finite = true;
        for (const std::string& name : outputs) {
            results.push_back(stage_->output(name));
            finite &= all_finite(results.back());
        }
        if (!finite || p != precision) finish();  // the next picture begins in the job's precision
        if (finite) return results;
        if (p == Precision::fp32) break;
        job_.overflowed = true;
        job_.notice("stage " + description_.name + " overflowed in fp16 and is run again in fp32");
    }
    throw Error(Status::input, "not-finite", "stage " + description_.name + " gave NaN or infinity in fp32",
                "the model's weights are damaged, or were trained for another pipeline");
}

void RepeatedStage::finish() {
    if (stage_) job_.retire(std::move(stage_));
}

std::shared_ptr<const Tokenizer> Job::tokenizer(const Model* model, const std::string& resource_dir) {
    if (!warm_) return std::make_shared<const Tokenizer>(load_tokenizer(model, resource_dir));
    std::string key;
    for (const std::string& path : tokenizer_files(model, resource_dir)) {
        const File::Identity identity = File::open(path)->identity();
        key += identity.real_path + "\n" + std::to_string(identity.size) + "\n" + std::to_string(identity.modified_ns) + "\n";
    }
    if (!warm_->tokenizer || warm_->tokenizer_key != key) {
        warm_->tokenizer = std::make_shared<const Tokenizer>(load_tokenizer(model, resource_dir));
        warm_->tokenizer_key = key;
    }
    return warm_->tokenizer;
}

Tokenizer load_tokenizer(const Model* model, const std::string& resource_dir) {
    const std::vector<std::string> files = tokenizer_files(model, resource_dir);
    if (files.size() == 2) return Tokenizer::load_vocab_merges(files[0], files[1]);
    if (model && !model->tokenizer_json_path.empty()) return Tokenizer::load_tokenizer_json(files[0]);
    return Tokenizer::load_embedded(files[0]);
}

std::vector<float> gather_embeddings(const TextEncoderConfig& config, const WeightSource& text,
                                     const std::vector<std::vector<int>>& ids) {
    const size_t c = size_t(config.hidden_size), tokens = size_t(config.max_position_embeddings);
    std::vector<float> positions(tokens * c);
    text.read("text_model.embeddings.position_embedding.weight", 0, positions);
    std::vector<float> out(ids.size() * tokens * c);
    for (size_t b = 0; b < ids.size(); b++) {
        if (ids[b].size() != tokens)
            throw Error(Status::input, "input", "input_ids: rows of " + std::to_string(ids[b].size()) + ", expected " +
                                                    std::to_string(tokens));
        for (size_t t = 0; t < tokens; t++) {
            const int id = ids[b][t];
            if (id < 0 || id >= config.vocab_size)
                throw Error(Status::input, "input", "token id " + std::to_string(id) + ": the model's vocabulary has " +
                                                        std::to_string(config.vocab_size));
            float* row = out.data() + (b * tokens + t) * c;
            text.read("text_model.embeddings.token_embedding.weight", int64_t(id) * int64_t(c), {row, c});
            for (size_t i = 0; i < c; i++) row[i] += positions[t * c + i];
        }
    }
    return out;
}

std::vector<float> to_channels_last(std::span<const float> in, int batch, int channels, int height, int width) {
    std::vector<float> out(in.size());
    const size_t area = size_t(height) * size_t(width), n = size_t(channels);
    for (size_t b = 0; b < size_t(batch); b++)
        for (size_t c = 0; c < n; c++)
            for (size_t i = 0; i < area; i++) out[(b * area + i) * n + c] = in[(b * n + c) * area + i];
    return out;
}

std::vector<float> to_channels_first(std::span<const float> in, int batch, int channels, int height, int width) {
    std::vector<float> out(in.size());
    const size_t area = size_t(height) * size_t(width), n = size_t(channels);
    for (size_t b = 0; b < size_t(batch); b++)
        for (size_t c = 0; c < n; c++)
            for (size_t i = 0; i < area; i++) out[(b * n + c) * area + i] = in[(b * area + i) * n + c];
    return out;
}

}  // namespace sluice
