#include "pipeline/prompt_chunks.h"

#include <algorithm>

namespace sluice {

std::vector<PromptChunk> chunk_prompt(const Tokenizer& tokenizer, std::string_view text) {
    const std::vector<int> ids = tokenizer.encode(text);
    constexpr size_t kRoom = Tokenizer::kWindow - 2;
    std::vector<PromptChunk> chunks;
    for (size_t at = 0; at == 0 || at < ids.size(); at += kRoom) {
        const size_t count = std::min(kRoom, ids.size() - at);
        chunks.push_back(tokenizer.window(std::span<const int>(ids).subspan(at, count)));
    }
    return chunks;
}

PromptPair chunk_prompts(const Tokenizer& tokenizer, std::string_view prompt, std::string_view negative) {
    PromptPair pair{chunk_prompt(tokenizer, prompt), chunk_prompt(tokenizer, negative)};
    const PromptChunk empty = tokenizer.window({});
    const size_t count = std::max(pair.prompt.size(), pair.negative.size());
    pair.prompt.resize(count, empty);
    pair.negative.resize(count, empty);
    return pair;
}

}  // namespace sluice
