#include "pipeline/warm.h"

#include <algorithm>

namespace sluice {

std::unique_ptr<Stage> Warm::take(const Program& program, const Plan& plan, Precision precision,
                                  const std::vector<std::shared_ptr<DeviceWeights>>& sources) {
    const auto it = std::find_if(stages_.begin(), stages_.end(),
                                 [&](const auto& s) { return s->made_of(program, plan, precision, sources); });
    if (it == stages_.end()) {
        // Of another model or LoRA: the stage that is made now takes its place, and was planned with its room.
        drop_all_but([&](const Stage& s) { return s.program() != program || s.plan() != plan; });
        return nullptr;
    }
    std::unique_ptr<Stage> stage = std::move(*it);
    stages_.erase(it);
    return stage;
}

void Warm::keep(std::unique_ptr<Stage> stage) { stages_.push_back(std::move(stage)); }

void Warm::drop_all_but(const std::function<bool(const Stage&)>& wanted) {
    std::erase_if(stages_, [&](const auto& s) { return !wanted(*s); });
}

void Warm::drop_hints() {
    drop_all_but([](const Stage& s) { return !s.reads_kept(); });
    hints.clear();
}

void Warm::clear() {
    stages_.clear();
    hints.clear();
    weights.clear();
    tokenizer.reset();
}

uint64_t Warm::device_bytes() const {
    uint64_t bytes = 0;
    for (const auto& s : stages_) bytes += s->device_bytes();
    for (const auto& [name, buffer] : hints) bytes += buffer.device_bytes();
    return bytes;
}

}  // namespace sluice
