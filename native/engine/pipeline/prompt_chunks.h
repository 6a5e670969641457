// Splits prompts of any length into the 77-token windows that the text encoder takes.
#pragma once
#include <span>
#include <string_view>
#include <vector>

#include "pipeline/tokenizer.h"

namespace sluice {

enum class PromptSyntax {
    literal,  // every character is itself
    a1111,    // with weights (prompt_weights.h)
};

// One window: BOS, up to 75 tokens, EOS, padding.
struct PromptChunk {
    std::vector<int> ids;        // always Tokenizer::kWindow
    std::vector<float> weights;  // as many, or none where all are 1
};

struct PromptPair {
    std::vector<PromptChunk> prompt;
    std::vector<PromptChunk> negative;  // as many as prompt has
};

// Chunks of 75 tokens each with its own BOS and EOS; at least one, also for an empty prompt. With weights a chunk ends
// at BREAK too, and, where it is full, behind its last comma if that is among its last 20 tokens, as in A1111's web UI.
std::vector<PromptChunk> chunk_prompt(const Tokenizer& tokenizer, std::string_view text, PromptSyntax syntax);

// Both prompts in the same number of chunks: the shorter one is lengthened by those of an empty prompt.
PromptPair chunk_prompts(const Tokenizer& tokenizer, std::string_view prompt, std::string_view negative,
                         PromptSyntax syntax);

// Lets the weights act on what the encoder made of a chunk, `states` ([77][width]): each token's row is multiplied by
// its weight, and all rows then by one number that gives the chunk its mean back.
void apply_weights(const PromptChunk& chunk, std::span<float> states);

}  // namespace sluice
