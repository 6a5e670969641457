#include "pipeline/unicode.h"

#include <utf8proc.h>

#include <algorithm>

#include "core/error.h"

namespace sluice {

std::vector<uint32_t> decode_utf8(std::string_view text) {
    std::vector<uint32_t> out;
    out.reserve(text.size());
    const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
    utf8proc_ssize_t left = static_cast<utf8proc_ssize_t>(text.size());
    while (left > 0) {
        utf8proc_int32_t code_point = -1;
        utf8proc_ssize_t used = utf8proc_iterate(bytes, left, &code_point);
        if (used <= 0 || code_point < 0) {
            code_point = 0xfffd;
            used = 1;
        }
        out.push_back(static_cast<uint32_t>(code_point));
        bytes += used;
        left -= used;
    }
    return out;
}

void append_utf8(uint32_t code_point, std::string& out) {
    utf8proc_uint8_t bytes[4];
    const utf8proc_ssize_t count = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), bytes);
    out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(count));
}

std::vector<uint32_t> to_nfc(const std::vector<uint32_t>& text) {
    std::vector<utf8proc_int32_t> buffer;
    for (const uint32_t c : text) {
        utf8proc_int32_t parts[32];
        int boundary = 0;
        const utf8proc_ssize_t count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts, 32,
                                                               UTF8PROC_DECOMPOSE, &boundary);
        if (count < 0 || count > 32)
            throw Error(Status::internal, "unicode", "could not decompose U+" + std::to_string(c));
        buffer.insert(buffer.end(), parts, parts + count);
    }
    // Canonical order: each run of combining marks sorted by class, stably.
    const auto mark_class = [](utf8proc_int32_t c) { return utf8proc_get_property(c)->combining_class; };
    for (auto from = buffer.begin(); from != buffer.end();) {
        from = std::find_if(from, buffer.end(), [&](auto c) { return mark_class(c) != 0; });
        const auto to = std::find_if(from, buffer.end(), [&](auto c) { return mark_class(c) == 0; });
        std::stable_sort(from, to, [&](auto l, auto r) { return mark_class(l) < mark_class(r); });
        from = to;
    }
    const utf8proc_ssize_t length =
        utf8proc_normalize_utf32(buffer.data(), static_cast<utf8proc_ssize_t>(buffer.size()),
                                 static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    if (length < 0) throw Error(Status::internal, "unicode", utf8proc_errmsg(length));
    return std::vector<uint32_t>(buffer.begin(), buffer.begin() + length);
}

void append_lower(uint32_t code_point, std::vector<uint32_t>& out) {
    if (code_point == 0x130) {  // capital I with a dot: the one character whose lower case is two
        out.push_back('i');
        out.push_back(0x307);
        return;
    }
    out.push_back(static_cast<uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code_point))));
}

bool is_letter(uint32_t code_point) {
    const utf8proc_category_t c = utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
    return c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO;
}

bool is_number(uint32_t code_point) {
    const utf8proc_category_t c = utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
    return c >= UTF8PROC_CATEGORY_ND && c <= UTF8PROC_CATEGORY_NO;
}

bool is_space(uint32_t code_point) {
    if ((code_point >= 0x9 && code_point <= 0xd) || code_point == 0x85) return true;
    const utf8proc_category_t c = utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
    return c >= UTF8PROC_CATEGORY_ZS && c <= UTF8PROC_CATEGORY_ZP;
}

}  // namespace sluice
