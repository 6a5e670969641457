// Splits prompts of any length into the 77-token windows that the text encoder takes.
#pragma once
#include <string_view>
#include <vector>

#include "pipeline/tokenizer.h"

namespace sluice {

// One window: BOS, up to 75 tokens, EOS, padding. Always Tokenizer::kWindow ids.
using PromptChunk = std::vector<int>;

struct PromptPair {
    std::vector<PromptChunk> prompt;
    std::vector<PromptChunk> negative;  // as many as prompt has
};

// Chunks of 75 tokens each with its own BOS and EOS; at least one, also for an empty prompt.
std::vector<PromptChunk> chunk_prompt(const Tokenizer& tokenizer, std::string_view text);

// Both prompts in the same number of chunks: the shorter one is lengthened by those of an empty prompt.
PromptPair chunk_prompts(const Tokenizer& tokenizer, std::string_view prompt, std::string_view negative);

}  // namespace sluice
