#include "pipeline/prompt_chunks.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "pipeline/prompt_weights.h"

namespace sluice {
namespace {

constexpr size_t room = Tokenizer::kWindow - 2;
constexpr size_t comma_reach = 20;  // tokens that a full chunk may hand on so that it ends with a comma

std::vector<PromptChunk> chunk_literal(const Tokenizer& tokenizer, std::string_view text) {
    const std::vector<int> ids = tokenizer.encode(text);
    std::vector<PromptChunk> chunks;
    for (size_t at = 0; at == 0 || at < ids.size(); at += room) {
        const size_t count = std::min(room, ids.size() - at);
        chunks.push_back({tokenizer.window(std::span<const int>(ids).subspan(at, count)), {}});
    }
    return chunks;
}

class WeightedChunks {
  public:
    explicit WeightedChunks(const Tokenizer& tokenizer) : tokenizer_(tokenizer), comma_(tokenizer.encode(",")) {}

    void add(int id, float weight) {
        const bool is_comma = comma_.size() == 1 && id == comma_.front();
        if (!is_comma && ids_.size() == room && behind_comma_ > 0 && ids_.size() - behind_comma_ < comma_reach) {
            const std::vector<int> ids(ids_.begin() + long(behind_comma_), ids_.end());
            const std::vector<float> weights(weights_.begin() + long(behind_comma_), weights_.end());
            ids_.resize(behind_comma_);
            weights_.resize(behind_comma_);
            close();
            ids_ = ids;
            weights_ = weights;
        }
        if (ids_.size() == room) close();
        ids_.push_back(id);
        weights_.push_back(weight);
        if (is_comma) behind_comma_ = ids_.size();
    }

    void close() {
        PromptChunk chunk{tokenizer_.window(ids_), {}};
        if (std::any_of(weights_.begin(), weights_.end(), [](float w) { return w != 1.f; })) {
            chunk.weights.assign(Tokenizer::kWindow, 1.f);
            std::copy(weights_.begin(), weights_.end(), chunk.weights.begin() + 1);  // behind BOS
        }
        chunks_.push_back(std::move(chunk));
        ids_.clear();
        weights_.clear();
        behind_comma_ = 0;
    }

    std::vector<PromptChunk> finish() {
        if (!ids_.empty() || chunks_.empty()) close();
        return std::move(chunks_);
    }

  private:
    const Tokenizer& tokenizer_;
    std::vector<int> comma_, ids_;
    std::vector<float> weights_;
    size_t behind_comma_ = 0;  // where the token after the last comma stands; 0: there is no comma
    std::vector<PromptChunk> chunks_;
};

double mean(std::span<const float> values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());
}

}  // namespace

std::vector<PromptChunk> chunk_prompt(const Tokenizer& tokenizer, std::string_view text, PromptSyntax syntax) {
    if (syntax == PromptSyntax::literal) return chunk_literal(tokenizer, text);
    WeightedChunks chunks(tokenizer);
    for (const WeightedText& part : parse_weights(text)) {
        if (part.begins_window) chunks.close();
        for (int id : tokenizer.encode(part.text)) chunks.add(id, part.weight);
    }
    return chunks.finish();
}

PromptPair chunk_prompts(const Tokenizer& tokenizer, std::string_view prompt, std::string_view negative,
                         PromptSyntax syntax) {
    PromptPair pair{chunk_prompt(tokenizer, prompt, syntax), chunk_prompt(tokenizer, negative, syntax)};
    const PromptChunk empty{tokenizer.window({}), {}};
    const size_t count = std::max(pair.prompt.size(), pair.negative.size());
    pair.prompt.resize(count, empty);
    pair.negative.resize(count, empty);
    return pair;
}

void apply_weights(const PromptChunk& chunk, std::span<float> states) {
    if (chunk.weights.empty()) return;
    const double before = mean(states);
    const size_t width = states.size() / chunk.weights.size();
    for (size_t token = 0; token < chunk.weights.size(); token++)
        for (float& value : states.subspan(token * width, width)) value *= chunk.weights[token];
    const double restore = before / mean(states);
    if (!std::isfinite(restore)) return;  // a mean of 0 cannot be given back
    for (float& value : states) value = float(value * restore);
}

}  // namespace sluice
