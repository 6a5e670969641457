#include "pipeline/tokenizer.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <queue>
#include <sstream>

#include "core/error.h"
#include "core/failpoint.h"
#include "core/platform/file.h"
#include "pipeline/unicode.h"

namespace sluice {
namespace {

constexpr std::string_view kBos = "<|startoftext|>";
constexpr std::string_view kEos = "<|endoftext|>";
constexpr std::string_view kWordEnd = "</w>";
constexpr size_t kMaxFile = 64u << 20;  // CLIP's largest form has 3.6 MB
constexpr int kClipMerges = 49152 - 256 - 2;

using Pairs = std::vector<std::pair<std::string, std::string>>;

[[noreturn]] void fail(const std::string& path, const std::string& what) {
    throw Error(
        Status::input, "tokenizer-invalid", "tokenizer file " + path + ": " + what,
        "expected CLIP's vocab.json with merges.txt, tokenizer.json, or bpe_simple_vocab_16e6.txt.gz");
}

std::string read_file(const std::filesystem::path& path) {
    return read_text_file(utf8_path(path), kMaxFile);
}

std::string read_gzip(const std::filesystem::path& path) {
    std::string packed = read_file(path);
    if (!packed.starts_with("\x1f\x8b")) fail(path.string(), "is no gzip file");
    z_stream stream{};
    if (failpoint::hit("inflateInit2@tokenizer.cpp") || inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK)
        throw Error(Status::internal, "out-of-memory", "no memory to unpack " + path.string());
    const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, inflateEnd);
    stream.next_in = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_in = static_cast<uInt>(packed.size());
    std::string text;
    std::array<char, 1 << 16> buffer;
    int result = Z_OK;
    while (result == Z_OK && text.size() <= kMaxFile) {
        stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
        stream.avail_out = static_cast<uInt>(buffer.size());
        result = inflate(&stream, Z_NO_FLUSH);  // Z_BUF_ERROR at a truncated file's end
        text.append(buffer.data(), buffer.size() - stream.avail_out);
    }
    if (result != Z_STREAM_END) fail(path.string(), "is no whole gzip file");
    return text;
}

nlohmann::json parse_json(const std::filesystem::path& path) {
    nlohmann::json json = nlohmann::json::parse(read_file(path), nullptr, false);
    if (!json.is_object()) fail(path.string(), "is no JSON object");
    return json;
}

// The printable character that stands for each byte in the vocabulary's tokens: the byte itself where Latin-1
// has a visible character there, otherwise the next one from U+0100 on.
const std::array<std::string, 256>& byte_names() {
    static const std::array<std::string, 256> names = [] {
        std::array<std::string, 256> out;
        uint32_t next = 256;
        for (uint32_t b = 0; b < 256; ++b) {
            const bool visible = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
            append_utf8(visible ? b : next++, out[b]);
        }
        return out;
    }();
    return names;
}

std::pair<std::string, std::string> split_pair(const std::string& line, const std::string& source) {
    const size_t space = line.find(' ');
    if (space == 0 || space == std::string::npos || space + 1 == line.size() ||
        line.find(' ', space + 1) != std::string::npos)
        fail(source, "a merge is two tokens with a space between, found \"" + line.substr(0, 40) + "\"");
    return {line.substr(0, space), line.substr(space + 1)};
}

// Lines after the first, which names the version; at most `limit` pairs.
Pairs parse_merge_lines(const std::string& text, size_t limit, const std::string& source) {
    Pairs pairs;
    std::istringstream lines(text);
    std::string line;
    for (bool first = true; pairs.size() < limit && std::getline(lines, line); first = false) {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (line.empty() || (first && (line[0] == '#' || line[0] == '"'))) continue;
        pairs.push_back(split_pair(line, source));
    }
    return pairs;
}

int token_id(const nlohmann::json& value, const std::string& source) {
    if (!value.is_number_integer() || value.get<int64_t>() < 0 || value.get<int64_t>() > INT32_MAX)
        fail(source, "an id is no number from 0");
    return value.get<int>();
}

// "<|endoftext|>", or {"content": "<|endoftext|>", …}.
std::string token_text(const nlohmann::json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_object() && value.contains("content") && value["content"].is_string())
        return value["content"].get<std::string>();
    return {};
}

}  // namespace

void Tokenizer::find_specials(const std::string& source) {
    const auto find = [&](std::string_view token) {
        const auto it = vocabulary_.find(std::string(token));
        if (it == vocabulary_.end()) fail(source, "has no token " + std::string(token));
        return it->second;
    };
    bos_ = find(kBos);
    eos_ = pad_ = find(kEos);
    for (int b = 0; b < 256; ++b) {
        byte_ids_[b] = find(byte_names()[b]);
        final_byte_ids_[b] = find(byte_names()[b] + std::string(kWordEnd));
    }
}

void Tokenizer::add_merges(const Pairs& pairs, const std::string& source) {
    merges_.reserve(pairs.size());
    int rank = 0;
    for (const auto& [left, right] : pairs) {
        const auto l = vocabulary_.find(left), r = vocabulary_.find(right),
                   joined = vocabulary_.find(left + right);
        if (l == vocabulary_.end() || r == vocabulary_.end() || joined == vocabulary_.end())
            fail(source, "merge \"" + left + " " + right + "\" has parts that the vocabulary lacks");
        const uint64_t key = static_cast<uint64_t>(l->second) << 32 | static_cast<uint32_t>(r->second);
        merges_.emplace(key, Merge{rank++, joined->second});
    }
}

Tokenizer Tokenizer::load_embedded(const std::filesystem::path& merges_gz) {
    const Pairs pairs = parse_merge_lines(read_gzip(merges_gz), kClipMerges, merges_gz.string());
    if (pairs.size() != kClipMerges)
        fail(merges_gz.string(),
             "holds " + std::to_string(pairs.size()) + " merges, expected " + std::to_string(kClipMerges));
    Tokenizer t;
    std::vector<std::string> tokens;
    tokens.reserve(49408);
    // The visible bytes come first, in their order, then the others.
    for (const bool visible : {true, false})
        for (int b = 0; b < 256; ++b)
            if (((b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae) == visible)
                tokens.push_back(byte_names()[b]);
    for (int i = 0; i < 256; ++i) tokens.push_back(tokens[i] + std::string(kWordEnd));
    for (const auto& [left, right] : pairs) tokens.push_back(left + right);
    tokens.emplace_back(kBos);
    tokens.emplace_back(kEos);
    for (size_t i = 0; i < tokens.size(); ++i)
        t.vocabulary_.emplace(std::move(tokens[i]), static_cast<int>(i));
    t.add_merges(pairs, merges_gz.string());
    t.find_specials(merges_gz.string());
    return t;
}

Tokenizer Tokenizer::load_vocab_merges(const std::filesystem::path& vocab,
                                       const std::filesystem::path& merges) {
    Tokenizer t;
    const nlohmann::json json = parse_json(vocab);
    for (const auto& [token, id] : json.items()) t.vocabulary_.emplace(token, token_id(id, vocab.string()));
    t.add_merges(parse_merge_lines(read_file(merges), SIZE_MAX, merges.string()), merges.string());
    t.find_specials(vocab.string());
    return t;
}

Tokenizer Tokenizer::load_tokenizer_json(const std::filesystem::path& path) {
    const std::string source = path.string();
    const nlohmann::json json = parse_json(path);
    const auto model = json.find("model");
    if (model == json.end() || !model->is_object() || !model->contains("vocab") ||
        !model->contains("merges") || !(*model)["vocab"].is_object() || !(*model)["merges"].is_array())
        fail(source, "has no model with vocab and merges");
    if (model->value("end_of_word_suffix", std::string()) != kWordEnd)
        fail(source, "is no CLIP tokenizer: its words don't end in </w>");
    Tokenizer t;
    for (const auto& [token, id] : (*model)["vocab"].items())
        t.vocabulary_.emplace(token, token_id(id, source));
    if (json.contains("added_tokens") && json["added_tokens"].is_array())
        for (const auto& added : json["added_tokens"])
            if (added.is_object() && added.contains("id"))
                t.vocabulary_.emplace(token_text(added), token_id(added["id"], source));
    Pairs pairs;
    for (const auto& merge : (*model)["merges"]) {
        if (merge.is_string()) {
            pairs.push_back(split_pair(merge.get<std::string>(), source));
        } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
            pairs.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
        } else {
            fail(source, "a merge is neither \"a b\" nor [\"a\", \"b\"]");
        }
    }
    t.add_merges(pairs, source);
    t.find_specials(source);
    return t;
}

Tokenizer Tokenizer::load_folder(const std::filesystem::path& folder) {
    const auto vocab = folder / "vocab.json", merges = folder / "merges.txt", one = folder / "tokenizer.json";
    std::error_code ignored;
    const bool pair = std::filesystem::exists(vocab, ignored) && std::filesystem::exists(merges, ignored);
    if (!pair && !std::filesystem::exists(one, ignored))
        fail(folder.string(), "holds neither vocab.json with merges.txt nor tokenizer.json");
    Tokenizer t = pair ? load_vocab_merges(vocab, merges) : load_tokenizer_json(one);
    for (const char* name : {"special_tokens_map.json", "tokenizer_config.json"}) {
        if (!std::filesystem::exists(folder / name, ignored)) continue;
        const nlohmann::json json = parse_json(folder / name);
        if (!json.contains("pad_token")) continue;
        const auto it = t.vocabulary_.find(token_text(json["pad_token"]));
        if (it != t.vocabulary_.end()) t.pad_ = it->second;
    }
    return t;
}

std::vector<int> Tokenizer::encode(std::string_view text) const {
    std::vector<int> out;
    while (!text.empty()) {
        const size_t bos = text.find(kBos), eos = text.find(kEos), at = std::min(bos, eos);
        encode_plain(text.substr(0, at), out);
        if (at == std::string_view::npos) break;
        out.push_back(bos < eos ? bos_ : eos_);
        text.remove_prefix(at + (bos < eos ? kBos : kEos).size());
    }
    return out;
}

// Normal form C, lower case, then words: an English clitic, a run of letters, one digit, or a run of neither.
// White space only separates.
void Tokenizer::encode_plain(std::string_view text, std::vector<int>& out) const {
    std::vector<uint32_t> chars;
    for (const uint32_t c : to_nfc(decode_utf8(text))) append_lower(c, chars);
    const size_t n = chars.size();
    const auto matches = [&](size_t at, std::string_view word) {
        if (n - at < word.size()) return false;
        for (size_t i = 0; i < word.size(); ++i)
            if (chars[at + i] != static_cast<unsigned char>(word[i])) return false;
        return true;
    };
    const auto emit = [&](size_t from, size_t to) {
        std::string bytes;
        for (size_t i = from; i < to; ++i) append_utf8(chars[i], bytes);
        encode_word(bytes, out);
    };
    constexpr std::string_view kClitics[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
    for (size_t i = 0; i < n;) {
        if (is_space(chars[i])) {
            ++i;
            continue;
        }
        size_t end = i;
        // A special token's name in other letter case is no special token, but stays three words of its own.
        for (const std::string_view special : {kBos, kEos})
            if (matches(i, special)) end = i + special.size();
        if (end > i) {
            emit(i, i + 2);
            emit(i + 2, end - 2);
            emit(end - 2, end);
            i = end;
            continue;
        }
        for (const std::string_view clitic : kClitics)
            if (end == i && matches(i, clitic)) end = i + clitic.size();
        if (end == i) {
            const auto kind = [](uint32_t c) {
                return is_space(c) ? 0 : is_letter(c) ? 1 : is_number(c) ? 2 : 3;
            };
            const int k = kind(chars[i]);
            end = i + 1;
            while (k != 2 && end < n && kind(chars[end]) == k) ++end;
        }
        emit(i, end);
        i = end;
    }
}

// Joins the pair of lowest rank, leftmost first, until none is left. A heap keeps a word of any length cheap.
void Tokenizer::encode_word(std::string_view bytes, std::vector<int>& out) const {
    if (bytes.empty()) return;
    struct Piece {
        int id, prev, next;  // -1: none; id -1: joined into the piece before
    };
    struct Candidate {
        int rank, left, left_id, right_id, id;
        bool operator<(const Candidate& o) const { return rank != o.rank ? rank > o.rank : left > o.left; }
    };
    const int n = static_cast<int>(bytes.size());
    std::vector<Piece> pieces(bytes.size());
    for (int i = 0; i < n; ++i) {
        const unsigned char b = static_cast<unsigned char>(bytes[i]);
        pieces[i] = {i + 1 == n ? final_byte_ids_[b] : byte_ids_[b], i - 1, i + 1 == n ? -1 : i + 1};
    }
    std::priority_queue<Candidate> heap;
    const auto consider = [&](int left) {
        if (left < 0 || pieces[left].next < 0) return;
        const int l = pieces[left].id, r = pieces[pieces[left].next].id;
        const auto it = merges_.find(static_cast<uint64_t>(l) << 32 | static_cast<uint32_t>(r));
        if (it != merges_.end()) heap.push({it->second.rank, left, l, r, it->second.id});
    };
    for (int i = 0; i + 1 < n; ++i) consider(i);
    while (!heap.empty()) {
        const Candidate c = heap.top();
        heap.pop();
        Piece& left = pieces[c.left];
        if (left.id != c.left_id || left.next < 0 || pieces[left.next].id != c.right_id) continue;
        Piece& right = pieces[left.next];
        left.id = c.id;
        right.id = -1;
        left.next = right.next;
        if (left.next >= 0) pieces[left.next].prev = c.left;
        consider(left.prev);
        consider(c.left);
    }
    for (int i = 0; i >= 0; i = pieces[i].next) out.push_back(pieces[i].id);
}

std::vector<int> Tokenizer::window(std::span<const int> ids) const {
    if (ids.size() > kWindow - 2)
        throw Error(Status::internal, "window-overflow",
                    "a text window holds 75 ids, given " + std::to_string(ids.size()));
    std::vector<int> out(kWindow, pad_);
    out[0] = bos_;
    std::copy(ids.begin(), ids.end(), out.begin() + 1);
    out[ids.size() + 1] = eos_;
    return out;
}

std::vector<int> Tokenizer::encode_77(std::string_view text) const {
    const std::vector<int> ids = encode(text);
    return window(std::span<const int>(ids).first(std::min(ids.size(), kWindow - 2)));
}

}  // namespace sluice
