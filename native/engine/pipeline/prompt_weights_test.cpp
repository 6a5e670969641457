#include "pipeline/prompt_weights.h"

#include <doctest/doctest.h>

#include <random>

#include "core/error.h"
#include "pipeline/pipeline_testing.h"
#include "pipeline/prompt_chunks.h"

namespace sluice {
namespace {

// "text*weight|…", "^" before a text that begins a window.
std::string parsed(std::string_view prompt) {
    std::string all;
    for (const WeightedText& part : parse_weights(prompt)) {
        char weight[32];
        std::snprintf(weight, sizeof weight, "%.4g", double(part.weight));
        all += (all.empty() ? "" : "|") + std::string(part.begins_window ? "^" : "") + part.text + "*" + weight;
    }
    return all;
}

std::string code_of(std::string_view prompt) {
    try {
        parse_weights(prompt);
    } catch (const Error& e) {
        return e.code;
    }
    return "";
}

const Tokenizer& embedded() {
    static const Tokenizer tokenizer = Tokenizer::load_embedded(testing::merges_path());
    return tokenizer;
}

}  // namespace

TEST_CASE("weights of a prompt are read as A1111's web UI reads them") {
    CHECK(parsed("") == "*1");
    CHECK(parsed("a red hat") == "a red hat*1");
    CHECK(parsed("a (red:1.2) hat") == "a *1|red*1.2| hat*1");
    CHECK(parsed("(a)") == "a*1.1");
    CHECK(parsed("((a))b[c]") == "a*1.21|b*1|c*0.9091");
    CHECK(parsed("(a (b:0.5) c)") == "a *1.1|b*0.55| c*1.1");
    CHECK(parsed("(a [b) c]") == "a *1.1|b*1| c*0.9091");  // each kind of bracket closes its own
    CHECK(parsed("(a: 1.3 )") == "a*1.3");
    CHECK(parsed("(a:-1)(b:+2)(c:.5)(d:0)") == "a*-1|b*2|c*0.5|d*0");
    CHECK(parsed("(a, b:1.5, c)") == "a, b:1.5, c*1.1");  // a weight stands before the bracket, or is none
    CHECK(parsed("(a:b)") == "a:b*1.1");
    CHECK(parsed("(a:1.2.3)") == "a:1.2.3*1.1");
    CHECK(parsed("a:1.2) b") == "a:1.2) b*1");
    CHECK(parsed("a) b] c:") == "a) b] c:*1");
    CHECK(parsed("(never closed") == "never closed*1.1");
    CHECK(parsed("[(never closed") == "never closed*1");
    CHECK(parsed("\\(a\\) \\[b\\] \\\\ \\c\\") == "(a) [b] \\ c*1");
    CHECK(parsed("()a[]") == "a*1");
    CHECK(parsed("(a)(b)") == "ab*1.1");
    CHECK(parsed("a < b > c <3") == "a < b > c <3*1");
}

TEST_CASE("BREAK begins a window, wherever it stands as a word") {
    CHECK(parsed("a BREAK b") == "a*1|^b*1");
    CHECK(parsed("a, BREAK\n b BREAK") == "a,*1|^b*1|^*1");
    CHECK(parsed("(a BREAK b:1.5) c") == "a*1.5|^b*1.5| c*1");
    CHECK(parsed("a BREAK (b)") == "a*1|^*1|b*1.1");
    CHECK(parsed("BREAKFAST, aBREAK, break") == "BREAKFAST, aBREAK, break*1");
}

TEST_CASE("what a prompt asks for and is not there is refused by name") {
    for (const char* prompt : {"[cat:dog:0.5]", "a [cat:10] b", "[cat|dog]", "[a (b|c)]", "[:dog: 12 ]", "<lora:fur:0.8>",
                               "a <lyco:x> b", "<hypernet:y:1>"}) {
        CAPTURE(prompt);
        CHECK(code_of(prompt) == "not-available");
    }
    for (const char* prompt : {"[a: b]", "a|b", "(a|b)", "[(a:1.2)]", "[a:(b:0.5)]", "\\[a|b\\]", "<lora", "<b>"}) {
        CAPTURE(prompt);
        CHECK(code_of(prompt).empty());
    }
    CHECK(code_of("(a:" + std::string(400, '9') + ")") == "bad-value");
    CHECK(code_of("(((a:1" + std::string(30, '0') + "):1" + std::string(30, '0') + "):1)") == "bad-value");
}

TEST_CASE("no text is too strange to be read, and brackets never weigh more than they hold") {
    std::mt19937 random(5);
    const std::string alphabet = "()[]:\\ a,1.BREAK<|>\xc3\xa9";
    for (int round = 0; round < 20000; round++) {
        std::string prompt;
        for (size_t i = random() % 24; i > 0; i--) prompt += alphabet[random() % alphabet.size()];
        CAPTURE(prompt);
        if (!code_of(prompt).empty()) continue;
        size_t length = 0;
        for (const WeightedText& part : parse_weights(prompt)) length += part.text.size();
        CHECK(length <= prompt.size());
    }
    CHECK(parse_weights(std::string(300, '(') + "a").front().text == "a");
    CHECK(code_of(std::string(100000, '(') + "a") == "bad-value");
}

TEST_CASE("a full window with weights ends behind its last comma") {
    std::string words;
    for (int i = 0; i < 60; i++) words += "cat ";
    words += ", ";
    for (int i = 0; i < 20; i++) words += "dog ";
    const int cat = embedded().encode("cat")[0], dog = embedded().encode("dog")[0], end = embedded().eos_id();
    const auto chunks = chunk_prompt(embedded(), words, PromptSyntax::a1111);
    REQUIRE(chunks.size() == 2);
    CHECK(chunks[0].ids[60] == cat);
    CHECK(chunks[0].ids[62] == end);  // BOS, 60 cats, the comma
    CHECK(chunks[1].ids[1] == dog);
    CHECK(chunks[1].ids[20] == dog);
    CHECK(chunks[1].ids[21] == end);
    CHECK(chunks[0].weights.empty());
    // Too far back, the comma does not count; literal prompts never look for one.
    std::string far;
    for (int i = 0; i < 50; i++) far += "cat ";
    far += ", ";
    for (int i = 0; i < 40; i++) far += "dog ";
    CHECK(chunk_prompt(embedded(), far, PromptSyntax::a1111)[0].ids[75] == dog);
    CHECK(chunk_prompt(embedded(), words, PromptSyntax::literal)[0].ids[75] == dog);
    CHECK(chunk_prompt(embedded(), "a (b) c", PromptSyntax::literal)[0].weights.empty());

    const auto weighed = chunk_prompt(embedded(), "cat (dog:1.5) BREAK [cat]", PromptSyntax::a1111);
    REQUIRE(weighed.size() == 2);
    CHECK(weighed[0].weights[1] == 1.f);
    CHECK(weighed[0].weights[2] == 1.5f);
    CHECK(weighed[0].weights[3] == 1.f);
    CHECK(weighed[1].weights[1] == doctest::Approx(1 / 1.1));
}

TEST_CASE("weights scale a token's states and leave the mean of a window") {
    const auto chunk = chunk_prompt(embedded(), "cat (dog:2)", PromptSyntax::a1111)[0];
    std::vector<float> states(77 * 4);
    for (size_t i = 0; i < states.size(); i++) states[i] = 1.f + float(i % 7);
    const std::vector<float> before = states;
    apply_weights(chunk, states);
    double sum = 0, sum_before = 0;
    for (size_t i = 0; i < states.size(); i++) sum += states[i], sum_before += before[i];
    CHECK(sum == doctest::Approx(sum_before));
    CHECK(states[2 * 4] / before[2 * 4] == doctest::Approx(2 * states[0] / before[0]));

    std::vector<float> zero(77 * 4, 0.f);
    apply_weights(chunk, zero);  // there is no mean to give back
    CHECK(zero == std::vector<float>(77 * 4, 0.f));
}

}  // namespace sluice
