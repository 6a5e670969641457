// The few Unicode operations that tokenizers need, over utf8proc.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

// Code points of UTF-8 text; each byte that is not part of a valid sequence becomes U+FFFD.
std::vector<uint32_t> decode_utf8(std::string_view text);
void append_utf8(uint32_t code_point, std::string& out);

// Normalization form C.
std::vector<uint32_t> to_nfc(const std::vector<uint32_t>& text);

// Full lower case of one character without regard to its neighbours; appends one or two code points.
void append_lower(uint32_t code_point, std::vector<uint32_t>& out);

bool is_letter(uint32_t code_point);  // general category L
bool is_number(uint32_t code_point);  // general category N
bool is_space(uint32_t code_point);   // White_Space

}  // namespace sluice
