// A prompt with weights, as A1111's web UI writes them, taken apart into texts and their weights:
//   (a)      1.1 times        [a]  divided by 1.1        (a:1.3)  1.3 times        \( \) \[ \] \\  the character itself
//   BREAK    what follows begins a new window of 77 tokens
// Brackets nest, and one that is never closed reaches to the end. Not read: prompts that change while sampling
// ("[cat:dog:0.5]", "[cat|dog]") and "<lora:NAME:1>"; they are refused by name.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

struct WeightedText {
    std::string text;  // UTF-8, escapes resolved
    float weight = 1;
    bool begins_window = false;  // it stood behind BREAK
};

// At least one text, in order; neighbours of one weight are one text. Throws Error(usage, "not-available") for what is
// not read, and Error(usage) for a weight that is beyond float.
std::vector<WeightedText> parse_weights(std::string_view prompt);

}  // namespace sluice
