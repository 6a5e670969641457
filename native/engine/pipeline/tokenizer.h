// CLIP's tokenizer: lower-cased, byte-level byte-pair encoding, as transformers' CLIPTokenizer does it. Does
// not decode, and reads no other kind of tokenizer.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sluice {

class Tokenizer {
  public:
    static constexpr size_t kWindow = 77;  // ids that the text encoder takes at once, BOS and EOS included

    // OpenAI's merges as published (bpe_simple_vocab_16e6.txt.gz): 49408 ids, BOS 49406, EOS and padding
    // 49407. Throws Error(input) if the file is missing, truncated or something else.
    static Tokenizer load_embedded(const std::filesystem::path& merges_gz);
    // A model's own vocabulary: vocab.json (token to id) and merges.txt (one pair a line, best first).
    static Tokenizer load_vocab_merges(const std::filesystem::path& vocab,
                                       const std::filesystem::path& merges);
    // The one-file form that transformers 5 saves.
    static Tokenizer load_tokenizer_json(const std::filesystem::path& path);
    // A tokenizer/ folder: vocab.json + merges.txt, or tokenizer.json; the padding token comes from
    // tokenizer_config.json or special_tokens_map.json where these are.
    static Tokenizer load_folder(const std::filesystem::path& folder);

    // Ids of the text, without BOS, EOS and padding. Text is UTF-8; bytes that are not count as U+FFFD. The
    // words
    // <|startoftext|> and <|endoftext|> give their ids, as in transformers.
    std::vector<int> encode(std::string_view text) const;

    // BOS, the first 75 ids of the text, EOS, then padding: kWindow ids.
    std::vector<int> encode_77(std::string_view text) const;

    // The same around ids that are there already. Throws Error(internal) for more than 75.
    std::vector<int> window(std::span<const int> ids) const;

    int bos_id() const { return bos_; }
    int eos_id() const { return eos_; }
    int pad_id() const { return pad_; }
    void set_pad_id(int id) { pad_ = id; }
    size_t vocabulary_size() const { return vocabulary_.size(); }

  private:
    struct Merge {
        int rank;
        int id;  // of the joined token
    };

    Tokenizer() = default;
    void add_merges(const std::vector<std::pair<std::string, std::string>>& merges,
                    const std::string& source);
    void find_specials(const std::string& source);
    void encode_plain(std::string_view text, std::vector<int>& out) const;
    void encode_word(std::string_view bytes, std::vector<int>& out) const;

    std::unordered_map<std::string, int> vocabulary_;
    std::unordered_map<uint64_t, Merge> merges_;  // key: left id << 32 | right id
    int byte_ids_[256] = {};                      // a byte within a word
    int final_byte_ids_[256] = {};                // a word's last byte ("</w>")
    int bos_ = 0, eos_ = 0, pad_ = 0;
};

}  // namespace sluice
