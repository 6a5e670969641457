#include "pipeline/prompt_weights.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>

#include "core/error.h"

namespace sluice {
namespace {

constexpr double bracket_weight = 1.1;

Error refused(std::string_view what, const std::string& why, const std::string& hint) {
    return Error(Status::usage, "not-available", "prompt: \"" + std::string(what) + "\": " + why, hint);
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || (c & 0x80); }
bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

struct Part {
    std::string text;
    double weight = 1;
    bool begins_window = false;
};

// Where a bracket was opened: in the prompt, and the first part that it weighs.
struct Opened {
    size_t at, part;
};

class Parser {
  public:
    explicit Parser(std::string_view prompt) : prompt_(prompt) {}

    std::vector<WeightedText> run() {
        while (at_ < prompt_.size()) step();
        for (const Opened& o : round_) weigh(o.part, bracket_weight);
        for (const Opened& o : square_) weigh(o.part, 1 / bracket_weight);
        return merged();
    }

  private:
    void step() {
        const char c = prompt_[at_];
        if (c == '\\') {
            at_++;
            if (at_ < prompt_.size() && std::string_view("()[]\\").find(prompt_[at_]) != std::string_view::npos)
                add(prompt_.substr(at_++, 1));
            return;
        }
        if (c == '(' || c == '[') {
            (c == '(' ? round_ : square_).push_back({at_++, parts_.size()});
            fresh_ = true;
            return;
        }
        if (c == ')' && !round_.empty()) return close(round_, bracket_weight, 1);
        if (c == ']' && !square_.empty()) {
            refuse_editing(prompt_.substr(square_.back().at, at_ + 1 - square_.back().at));
            return close(square_, 1 / bracket_weight, 1);
        }
        if (c == ':' && !round_.empty())
            if (const auto [weight, length] = weight_at(at_); length > 0) return close(round_, weight, length);
        if (c == '<') refuse_network();
        plain();
    }

    void close(std::vector<Opened>& brackets, double weight, size_t length) {
        weigh(brackets.back().part, weight);
        brackets.pop_back();
        at_ += length;
        fresh_ = true;
    }

    void weigh(size_t from, double weight) {
        for (size_t i = from; i < parts_.size(); i++) parts_[i].weight *= weight;
    }

    // Brackets weigh whole parts: the text behind one is a part of its own.
    void add(std::string_view text) {
        if (fresh_ || parts_.empty()) parts_.emplace_back();
        fresh_ = false;
        parts_.back().text += text;
    }

    // Text up to the next character that may mean something, BREAK taken out.
    void plain() {
        size_t end = std::min(prompt_.find_first_of("\\()[]:<", at_ + 1), prompt_.size());
        std::string_view text = prompt_.substr(at_, end - at_);
        at_ = end;
        for (size_t found; (found = find_break(text)) != std::string_view::npos;) {
            std::string_view before = text.substr(0, found);
            while (!before.empty() && is_space(before.back())) before.remove_suffix(1);
            if (!before.empty()) add(before);
            text.remove_prefix(found + 5);
            while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
            parts_.emplace_back().begins_window = true;
            fresh_ = false;
        }
        if (!text.empty()) add(text);
    }

    static size_t find_break(std::string_view text) {
        for (size_t at = text.find("BREAK"); at != std::string_view::npos; at = text.find("BREAK", at + 1)) {
            const bool starts = at == 0 || !is_word(text[at - 1]);
            const bool ends = at + 5 == text.size() || !is_word(text[at + 5]);
            if (starts && ends) return at;
        }
        return std::string_view::npos;
    }

    struct Weight {
        double value;
        size_t length;  // 0: no weight stands here
    };

    // ":1.3)" with blanks around the number.
    Weight weight_at(size_t at) const {
        size_t i = at + 1;
        while (i < prompt_.size() && is_space(prompt_[i])) i++;
        const size_t begin = i;
        if (i < prompt_.size() && (prompt_[i] == '+' || prompt_[i] == '-')) i++;
        while (i < prompt_.size() && (std::isdigit(static_cast<unsigned char>(prompt_[i])) || prompt_[i] == '.')) i++;
        std::string_view number = prompt_.substr(begin, i - begin);
        while (i < prompt_.size() && is_space(prompt_[i])) i++;
        if (i >= prompt_.size() || prompt_[i] != ')') return {1, 0};
        if (!number.empty() && number.front() == '+') number.remove_prefix(1);
        double value = 1;
        const auto [end, fault] = std::from_chars(number.data(), number.data() + number.size(), value);
        if (fault == std::errc::result_out_of_range)
            throw Error(Status::usage, "bad-value", "prompt: a weight of " + std::string(number) + " is beyond all measure",
                        "weights lie around 1, such as 0.7 or 1.3");
        if (fault != std::errc{} || end != number.data() + number.size()) return {1, 0};
        return {value, i + 1 - at};
    }

    // A pair of square brackets that would choose by the step: "[a|b]", "[a:b:0.5]", "[a:0.5]".
    static void refuse_editing(std::string_view bracket) {
        const std::string_view inner = bracket.substr(1, bracket.size() - 2);
        const size_t colon = inner.rfind(':');
        bool by_step = inner.find('|') != std::string_view::npos;
        if (colon != std::string_view::npos) {
            std::string_view number = inner.substr(colon + 1);
            while (!number.empty() && is_space(number.front())) number.remove_prefix(1);
            while (!number.empty() && is_space(number.back())) number.remove_suffix(1);
            by_step = by_step || (!number.empty() && number.find_first_not_of("0123456789.") == std::string_view::npos);
        }
        if (by_step)
            throw refused(bracket, "prompts that change while sampling are not there yet",
                          "write \\[ and \\] where the brackets are meant as such");
    }

    // "<lora:NAME:1>" and its kin, which name files and no words.
    void refuse_network() const {
        const size_t end = prompt_.find('>', at_);
        if (end == std::string_view::npos) return;
        const std::string_view tag = prompt_.substr(at_, end + 1 - at_);
        if (tag.starts_with("<lora:"))
            throw refused(tag, "no LoRA is named that way here",
                          "write <lora:NAME:STRENGTH> into the prompt, and not into the negative one");
        for (const std::string_view kind : {"<lyco:", "<hypernet:"})
            if (tag.starts_with(kind)) throw refused(tag, "such files are not there yet", "leave it out");
    }

    std::vector<WeightedText> merged() const {
        std::vector<WeightedText> texts;
        for (const Part& part : parts_) {
            const float weight = float(part.weight);
            if (!std::isfinite(weight))
                throw Error(Status::usage, "bad-value", "prompt: the weights of \"" + part.text + "\" multiply beyond all measure",
                            "weights lie around 1, such as 0.7 or 1.3");
            if (!texts.empty() && !part.begins_window && texts.back().weight == weight) {
                texts.back().text += part.text;
            } else {
                texts.push_back({part.text, weight, part.begins_window});
            }
        }
        if (texts.empty()) texts.emplace_back();
        return texts;
    }

    std::string_view prompt_;
    size_t at_ = 0;
    bool fresh_ = true;  // the next text is a part of its own
    std::vector<Part> parts_;
    std::vector<Opened> round_, square_;
};

}  // namespace

std::vector<WeightedText> parse_weights(std::string_view prompt) { return Parser(prompt).run(); }

}  // namespace sluice
