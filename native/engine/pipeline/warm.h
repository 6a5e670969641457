// What a context keeps from one job to the next, when its host asked for it: stages with their resident weights and
// recordings, the caches' maps and imports, hints' buffers, the tokenizer. A job takes what equals what it would have
// made, and gives it back only when it went well, so that a picture is the same from a warm context and a cold one.
// Everything here may be dropped between jobs at any time.
#pragma once
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "pipeline/tokenizer.h"
#include "stream/run.h"

namespace sluice {

class Warm {
  public:
    // A stage made of just this, removed from here; null when there is none, and then none but for other weights either.
    std::unique_ptr<Stage> take(const Program& program, const Plan& plan, Precision precision,
                                const std::vector<std::shared_ptr<DeviceWeights>>& sources);
    void keep(std::unique_ptr<Stage> stage);
    void drop_stages() { stages_.clear(); }
    // Drops stages that none of `wanted` describes. Stages come and go with their hints.
    void drop_all_but(const std::function<bool(const Stage&)>& wanted);
    void clear();
    uint64_t device_bytes() const;  // of stages and hints

    std::map<std::string, vk::Buffer> hints;  // by the kept tensor's name; outlive the stages that read them
    void drop_hints();                        // and the stages that read them
    std::map<std::string, std::shared_ptr<DeviceWeights>> weights;  // by source's content, role and precision
    std::shared_ptr<const Tokenizer> tokenizer;
    std::string tokenizer_key;

  private:
    std::list<std::unique_ptr<Stage>> stages_;
};

}  // namespace sluice
