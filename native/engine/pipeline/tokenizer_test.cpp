#include "pipeline/tokenizer.h"

#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <random>

#include "core/error.h"
#include "core/failpoint.h"
#include "pipeline/pipeline_testing.h"
#include "pipeline/prompt_chunks.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

const Tokenizer& embedded() {
    static const Tokenizer tokenizer = Tokenizer::load_embedded(testing::merges_path());
    return tokenizer;
}

struct Folder {
    fs::path path;
    Folder() {
        path = fs::temp_directory_path() / ("sluice-tokenizer-" + std::to_string(std::random_device()()));
        fs::create_directories(path);
    }
    ~Folder() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
    fs::path write(const std::string& name, const std::string& text) const {
        std::ofstream(path / name, std::ios::binary) << text;
        return path / name;
    }
};

// A vocabulary of every byte, its word-final form, and the merges for "cat" and "at".
nlohmann::json small_vocabulary() {
    nlohmann::json vocabulary;
    std::vector<std::string> bytes;
    for (int visible = 1; visible >= 0; --visible) {
        int next = 256;
        for (int b = 0; b < 256; ++b) {
            const bool shows = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
            const int c = shows ? b : next++;
            if (shows != (visible == 1)) continue;
            std::string s;
            if (c < 128) {
                s = static_cast<char>(c);
            } else {
                s = {static_cast<char>(0xc0 | c >> 6), static_cast<char>(0x80 | (c & 63))};
            }
            bytes.push_back(s);
        }
    }
    for (const auto& b : bytes) vocabulary[b] = vocabulary.size();
    for (const auto& b : bytes) vocabulary[b + "</w>"] = vocabulary.size();
    for (const char* t : {"at</w>", "cat</w>", "<|startoftext|>", "<|endoftext|>"})
        vocabulary[t] = vocabulary.size();
    return vocabulary;
}

Status status_of(const auto& action, std::string& message) {
    try {
        action();
    } catch (const Error& e) {
        message = e.what();
        return e.status;
    }
    return Status::internal;
}

TEST_CASE("ids equal those of transformers' CLIPTokenizer") {
    size_t cases = 0;
    for (const auto& golden : testing::read_golden("tokenizer.json")) {
        const std::string text = golden["text"];
        CAPTURE(text);
        CHECK(embedded().encode(text) == golden["ids"].get<std::vector<int>>());
        std::vector<int> window = golden["ids"].get<std::vector<int>>();
        window.resize(std::min<size_t>(window.size(), 75));
        window.insert(window.begin(), 49406);
        window.resize(77, 49407);
        CHECK(embedded().encode_77(text) == window);
        ++cases;
    }
    CHECK(cases > 100);
}

TEST_CASE("the published vocabulary has its size and ends") {
    CHECK(embedded().vocabulary_size() == 49408);
    CHECK(embedded().bos_id() == 49406);
    CHECK(embedded().eos_id() == 49407);
    CHECK(embedded().pad_id() == 49407);
}

TEST_CASE("bytes that are no UTF-8 read as replacement characters") {
    CHECK(embedded().encode("a\xff\xc3") == embedded().encode("a\xef\xbf\xbd\xef\xbf\xbd"));
}

TEST_CASE("a word of a hundred thousand letters takes no time") {
    const std::vector<int> ids = embedded().encode(std::string(100000, 'a'));
    CHECK(ids.size() > 1000);
    CHECK(ids.size() < 100000);
}

TEST_CASE("vocab.json with merges.txt, and tokenizer.json, read alike") {
    const Folder folder;
    const nlohmann::json vocabulary = small_vocabulary();
    const int cat = vocabulary["cat</w>"];
    folder.write("vocab.json", vocabulary.dump());
    folder.write("merges.txt", "#version: 0.2\na t</w>\nc at</w>\n");
    const Tokenizer pair = Tokenizer::load_folder(folder.path);
    CHECK(pair.encode("Cat cat") == std::vector<int>{cat, cat});
    CHECK(pair.pad_id() == pair.eos_id());

    folder.write("tokenizer_config.json", R"({"pad_token": {"content": "!</w>"}})");
    CHECK(Tokenizer::load_folder(folder.path).pad_id() == vocabulary["!</w>"].get<int>());

    for (const char* merges : {R"(["a t</w>", "c at</w>"])", R"([["a", "t</w>"], ["c", "at</w>"]])"}) {
        nlohmann::json one = {{"model", {{"vocab", vocabulary}, {"end_of_word_suffix", "</w>"}}}};
        one["model"]["merges"] = nlohmann::json::parse(merges);
        const Tokenizer t = Tokenizer::load_tokenizer_json(folder.write("tokenizer.json", one.dump()));
        CHECK(t.encode("Cat cat") == std::vector<int>{cat, cat});
        CHECK(t.bos_id() == pair.bos_id());
    }
}

TEST_CASE("files that are no tokenizer are refused with their name") {
    const Folder folder;
    std::string message;
    const auto refused = [&](const auto& action, const char* part) {
        CHECK(status_of(action, message) == Status::input);
        CAPTURE(message);
        CHECK(message.find(part) != std::string::npos);
    };
    refused([&] { Tokenizer::load_folder(folder.path); }, folder.path.c_str());
    refused([&] { Tokenizer::load_embedded(folder.path / "none.gz"); }, "none.gz");
    refused([&] { Tokenizer::load_embedded(folder.write("text.gz", "#version\na b\n")); }, "no gzip");

    std::ifstream whole(testing::merges_path(), std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(whole)), std::istreambuf_iterator<char>());
    REQUIRE(bytes.size() > 100000);
    const size_t within = bytes.size() * 2 / 3;
    refused([&] { Tokenizer::load_embedded(folder.write("cut.gz", bytes.substr(0, within))); }, "cut.gz");
    bytes[within] = static_cast<char>(bytes[within] ^ 0x55);
    refused([&] { Tokenizer::load_embedded(folder.write("flipped.gz", bytes)); }, "flipped.gz");

    refused([&] { Tokenizer::load_tokenizer_json(folder.write("a.json", "{]")); }, "no JSON object");
    refused([&] { Tokenizer::load_tokenizer_json(folder.write("a.json", "{}")); }, "no model");
    nlohmann::json vocabulary = small_vocabulary();
    const fs::path merges = folder.write("m.txt", "#version: 0.2\na t</w>\nd og</w>\n");
    refused([&] { Tokenizer::load_vocab_merges(folder.write("v.json", vocabulary.dump()), merges); },
            "d og</w>");
    vocabulary["a"] = -1;
    refused([&] { Tokenizer::load_vocab_merges(folder.write("v.json", vocabulary.dump()), merges); }, "id");
    vocabulary = small_vocabulary();
    vocabulary.erase("<|startoftext|>");
    const fs::path good = folder.write("g.txt", "#version: 0.2\na t</w>\n");
    refused([&] { Tokenizer::load_vocab_merges(folder.write("v.json", vocabulary.dump()), good); },
            "<|startoftext|>");
}

TEST_CASE("every read that fails is an error, and the next load is fine") {
    failpoint::arm_count();
    Tokenizer::load_embedded(testing::merges_path());
    const auto sites = failpoint::state().seen;
    CHECK(sites.size() >= 2);
    for (const auto& [site, passes] : sites) {
        CAPTURE(site);
        for (const uint64_t n : {uint64_t{0}, passes - 1}) {
            failpoint::arm_fail(site, n);
            CHECK_THROWS_AS(Tokenizer::load_embedded(testing::merges_path()), Error);
        }
    }
    failpoint::disarm();
    CHECK(Tokenizer::load_embedded(testing::merges_path()).vocabulary_size() == 49408);
}

TEST_CASE("prompts go in windows of 75 tokens, the shorter one filled with empty windows") {
    std::string text;
    for (int i = 0; i < 160; ++i) text += "cat ";
    const PromptPair pair = chunk_prompts(embedded(), text, "dog", PromptSyntax::literal);
    REQUIRE(pair.prompt.size() == 3);
    REQUIRE(pair.negative.size() == 3);
    for (const PromptChunk& chunk : pair.prompt) {
        CHECK(chunk.ids.size() == 77);
        CHECK(chunk.ids.front() == embedded().bos_id());
        CHECK(chunk.ids[1] == 2368);
    }
    CHECK(pair.prompt[0].ids[75] == 2368);
    CHECK(pair.prompt[0].ids[76] == embedded().eos_id());
    CHECK(pair.prompt[2].ids[10] == 2368);
    CHECK(pair.prompt[2].ids[11] == embedded().eos_id());
    CHECK(pair.negative[0].ids == embedded().encode_77("dog"));
    CHECK(pair.negative[1].ids == embedded().encode_77(""));
    CHECK(pair.negative[2].ids == embedded().encode_77(""));

    const PromptPair exact = chunk_prompts(embedded(), text.substr(0, 75 * 4), "", PromptSyntax::literal);
    CHECK(exact.prompt.size() == 1);
    CHECK(exact.negative.size() == 1);
    CHECK(chunk_prompts(embedded(), "", text, PromptSyntax::literal).prompt.size() == 3);
    CHECK_THROWS_AS(embedded().window(std::vector<int>(76, 1)), Error);
}

}  // namespace
}  // namespace sluice
