#include "format/pickle.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/error.h"
#include "format/raw_tensor.h"

namespace sluice {
namespace {

using Kind = PickleNode::Kind;

constexpr uint64_t largest_pickle = uint64_t(64) << 20;
constexpr size_t most_nodes = 1'000'000;
constexpr size_t most_on_stack = 1'000'000;
constexpr size_t largest_rank = 16;

std::optional<DType> storage_type(std::string_view name) {
    static constexpr std::pair<std::string_view, DType> types[] = {
        {"torch.FloatStorage", DType::f32},         {"torch.HalfStorage", DType::f16},
        {"torch.BFloat16Storage", DType::bf16},     {"torch.DoubleStorage", DType::f64},
        {"torch.LongStorage", DType::i64},          {"torch.IntStorage", DType::i32},
        {"torch.ShortStorage", DType::i16},         {"torch.CharStorage", DType::i8},
        {"torch.ByteStorage", DType::u8},           {"torch.BoolStorage", DType::boolean},
        {"torch.storage.UntypedStorage", DType::u8}};
    for (const auto& [known, type] : types)
        if (name == known) return type;
    return std::nullopt;
}

bool builds_value(std::string_view name) {
    return name == "collections.OrderedDict" || name == "torch._utils._rebuild_tensor_v2" ||
           name == "torch._utils._rebuild_tensor" || name == "torch._utils._rebuild_parameter" ||
           name == "torch.Size";
}

// What training leaves in checkpoints beside the weights.
bool inert(std::string_view name) {
    for (std::string_view prefix :
         {"pytorch_lightning.", "lightning.", "lightning_fabric.", "omegaconf.", "torch.optim."})
        if (name.starts_with(prefix)) return true;
    static constexpr std::string_view known[] = {"numpy.core.multiarray.scalar",
                                                 "numpy._core.multiarray.scalar",
                                                 "numpy.core.multiarray._reconstruct",
                                                 "numpy._core.multiarray._reconstruct",
                                                 "numpy.dtype",
                                                 "numpy.ndarray",
                                                 "_codecs.encode",
                                                 "argparse.Namespace",
                                                 "collections.defaultdict",
                                                 "collections.Counter",
                                                 "builtins.set",
                                                 "__builtin__.set",
                                                 "builtins.dict",
                                                 "__builtin__.dict",
                                                 "builtins.list",
                                                 "__builtin__.list",
                                                 "builtins.int",
                                                 "__builtin__.int",
                                                 "typing.Any",
                                                 "pathlib.PosixPath",
                                                 "torch.device",
                                                 "torch.float32",
                                                 "torch.float16",
                                                 "torch.bfloat16",
                                                 "torch.float64",
                                                 "torch.int64",
                                                 "torch.int32"};
    return std::find(std::begin(known), std::end(known), name) != std::end(known);
}

class Interpreter {
  public:
    Interpreter(const ReadBytes& read, uint64_t begin, uint64_t end, const std::string& path)
        : read_(read), path_(path), begin_(begin), at_(begin), end_(std::min(end, begin + largest_pickle)) {}

    Pickle run() {
        while (step(byte())) {
        }
        pickle_.root = pop();
        pickle_.end = at_;
        return std::move(pickle_);
    }

  private:
    [[noreturn]] void corrupt(const std::string& what) const {
        throw Error(Status::input, "model-corrupt",
                    path_ + ": pickle, byte " + std::to_string(at_ - begin_) + ": " + what,
                    "The file is damaged, or torch.save did not write it.");
    }
    [[noreturn]] void hostile(const std::string& what) const {
        throw Error(
            Status::input, "model-hostile",
            path_ + ": the file asks for " + what + ", for which a model has no need; nothing of it was run",
            "Do not trust this file. Get the model as safetensors.");
    }

    // Bytes, through a window of the file.
    const std::byte* take(size_t count) {
        if (count > end_ - at_) corrupt("it goes on past its end");
        if (at_ < window_at_ || at_ + count > window_at_ + window_.size()) {
            window_.resize(size_t(std::min<uint64_t>(std::max<size_t>(count, 1 << 16), end_ - at_)));
            read_(at_, window_.data(), window_.size());
            window_at_ = at_;
        }
        const std::byte* from = window_.data() + (at_ - window_at_);
        at_ += count;
        return from;
    }
    template <typename T>
    T number() {
        T value;
        std::memcpy(&value, take(sizeof(T)), sizeof(T));
        return value;
    }
    uint8_t byte() { return number<uint8_t>(); }
    std::string text(size_t count) {
        const std::byte* from = take(count);
        return std::string(reinterpret_cast<const char*>(from), count);
    }
    std::string line() {
        std::string out;
        for (char c = char(byte()); c != '\n'; c = char(byte())) {
            if (out.size() >= 256) corrupt("a name is longer than 256 bytes");
            out += c;
        }
        return out;
    }

    // The stack. What lies below the topmost mark cannot be reached.
    size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
    void push(uint32_t node) {
        if (stack_.size() >= most_on_stack) corrupt("more than 1000000 values wait on the stack");
        stack_.push_back(node);
    }
    uint32_t pop() {
        if (stack_.size() <= floor()) corrupt("a value is missing");
        const uint32_t node = stack_.back();
        stack_.pop_back();
        return node;
    }
    uint32_t top() const {
        if (stack_.size() <= floor()) corrupt("a value is missing");
        return stack_.back();
    }
    std::vector<uint32_t> pop_to_mark() {
        if (marks_.empty()) corrupt("a mark is missing");
        std::vector<uint32_t> items(stack_.begin() + std::ptrdiff_t(marks_.back()), stack_.end());
        stack_.resize(marks_.back());
        marks_.pop_back();
        return items;
    }
    uint32_t add(PickleNode node) {
        if (pickle_.nodes.size() >= most_nodes) corrupt("more than 1000000 values");
        pickle_.nodes.push_back(std::move(node));
        return uint32_t(pickle_.nodes.size() - 1);
    }
    void push_node(PickleNode node) { push(add(std::move(node))); }
    PickleNode& node(uint32_t i) { return pickle_.nodes[i]; }

    void push_items(Kind kind, std::vector<uint32_t> items) {
        PickleNode value{.kind = kind};
        value.items = std::move(items);
        push_node(std::move(value));
    }
    void push_integer(int64_t value) { push_node({.kind = Kind::integer, .integer = value}); }
    void push_text(std::string value) { push_node({.kind = Kind::text, .text = std::move(value)}); }

    void push_long(size_t count) {
        // Two's complement, little-endian. What exceeds 64 bits (torch.save's magic number) is kept as its
        // bytes.
        const std::string digits = text(count);
        if (count > 8) return push_node({.kind = Kind::opaque, .text = digits.substr(0, 16)});
        uint64_t value = 0;
        for (size_t i = 0; i < count; ++i) value |= uint64_t(uint8_t(digits[i])) << (8 * i);
        if (count > 0 && count < 8 && (uint8_t(digits.back()) & 0x80)) value |= ~uint64_t(0) << (8 * count);
        push_integer(int64_t(value));
    }

    void memoise(uint32_t index) {
        if (memo_.size() >= most_nodes) corrupt("more than 1000000 values are remembered");
        memo_[index] = top();
    }
    void recall(uint32_t index) {
        const auto found = memo_.find(index);
        if (found == memo_.end())
            corrupt("value " + std::to_string(index) + " is recalled before it is stored");
        push(found->second);
    }

    void push_global() {
        const std::string module = line();
        std::string name = module + "." + line();
        if (!builds_value(name) && !storage_type(name) && !inert(name)) hostile(name);
        push_node({.kind = Kind::global, .text = std::move(name)});
    }

    void set_items(const std::vector<uint32_t>& items) {
        if (items.size() % 2 != 0) corrupt("a key without a value");
        PickleNode& to = node(top());
        if (to.kind == Kind::opaque) return;
        if (to.kind != Kind::dictionary) corrupt("items are set on something else than a dictionary");
        to.items.insert(to.items.end(), items.begin(), items.end());
    }
    void append(const std::vector<uint32_t>& items) {
        PickleNode& to = node(top());
        if (to.kind == Kind::opaque) return;
        if (to.kind != Kind::list) corrupt("items are appended to something else than a list");
        to.items.insert(to.items.end(), items.begin(), items.end());
    }

    int64_t integer(uint32_t i, const char* what) {
        if (node(i).kind != Kind::integer) corrupt(std::string(what) + " is no whole number");
        return node(i).integer;
    }
    std::vector<int64_t> integers(uint32_t i, const char* what) {
        const PickleNode& from = node(i);
        if (from.kind != Kind::tuple && from.kind != Kind::list) corrupt(std::string(what) + " is no tuple");
        if (from.items.size() > largest_rank) corrupt(std::string(what) + " has more than 16 axes");
        std::vector<int64_t> out;
        for (uint32_t item : from.items) out.push_back(integer(item, what));
        return out;
    }

    // ("storage", class, key, device, elements[, view])
    void persistent_storage() {
        const uint32_t id = pop();
        if (node(id).kind != Kind::tuple || node(id).items.size() < 5 || node(id).items.size() > 6)
            corrupt("a storage is not described as torch.save does");
        const std::vector<uint32_t> items = node(id).items;
        const auto type =
            node(items[1]).kind == Kind::global ? storage_type(node(items[1]).text) : std::optional<DType>();
        if (node(items[0]).kind != Kind::text || node(items[0]).text != "storage" || !type ||
            node(items[2]).kind != Kind::text)
            corrupt("a storage is not described as torch.save does");
        if (items.size() == 6 && node(items[5]).kind != Kind::none)
            corrupt("views of storages are not supported");
        const int64_t elements = integer(items[4], "a storage's size");
        if (elements < 0 || elements > (int64_t(1) << 56)) corrupt("a storage's size is impossible");
        push_node({.kind = Kind::storage, .dtype = *type, .integer = elements, .text = node(items[2]).text});
    }

    void rebuild_tensor(const std::vector<uint32_t>& arguments) {
        if (arguments.size() < 4 || node(arguments[0]).kind != Kind::storage)
            corrupt("a tensor is not described as torch.save does");
        PickleNode tensor{.kind = Kind::tensor};
        tensor.items = {arguments[0]};
        tensor.integer = integer(arguments[1], "a tensor's offset");
        tensor.shape = integers(arguments[2], "a tensor's shape");
        tensor.strides = integers(arguments[3], "a tensor's strides");
        const PickleNode& storage = node(arguments[0]);
        tensor.dtype = storage.dtype;
        int64_t elements = 0, bytes = 0;
        if (tensor.shape.size() != tensor.strides.size() || tensor.integer < 0 ||
            !checked_bytes(tensor.shape, tensor.dtype, elements, bytes))
            corrupt("a tensor has the impossible shape " + shape_text(tensor.shape));
        int64_t last = tensor.integer;
        bool inside = last <= storage.integer;
        for (size_t axis = 0; axis < tensor.shape.size() && elements > 0 && inside; ++axis) {
            const int64_t steps = tensor.shape[axis] - 1, stride = tensor.strides[axis];
            if (stride < 0) corrupt("a tensor has a negative stride");
            inside = steps == 0 || stride <= storage.integer / steps;
            if (inside) last += steps * stride;
            inside = inside && last < storage.integer;
        }
        if (!inside || (elements > 0 && last >= storage.integer))
            corrupt("a tensor of shape " + shape_text(tensor.shape) + " and strides " +
                    shape_text(tensor.strides) + " reaches past its storage of " +
                    std::to_string(storage.integer) + " elements");
        push_node(std::move(tensor));
    }

    void ordered_dictionary(const std::vector<uint32_t>& arguments) {
        std::vector<uint32_t> items;
        if (!arguments.empty()) {
            const std::vector<uint32_t>& pairs = node(arguments[0]).items;
            copied_ += pairs.size();
            if (copied_ > most_nodes) corrupt("more than 1000000 values are copied into dictionaries");
            for (uint32_t pair : pairs) {
                if (node(pair).items.size() != 2) corrupt("a dictionary is not made of pairs");
                items.insert(items.end(), node(pair).items.begin(), node(pair).items.end());
            }
        }
        push_items(Kind::dictionary, std::move(items));
    }

    // What REDUCE and NEWOBJ would call is a name; only these few have a meaning here.
    void call() {
        const uint32_t arguments_node = pop(), function = pop();
        if (node(function).kind == Kind::opaque || node(arguments_node).kind == Kind::opaque)
            return push_node({.kind = Kind::opaque, .text = node(function).text});
        if (node(function).kind != Kind::global || node(arguments_node).kind != Kind::tuple)
            corrupt("something else than a known name is called");
        const std::string name = node(function).text;
        if (!builds_value(name)) return push_node({.kind = Kind::opaque, .text = name});
        // Copied only when few: a remembered tuple of a million could be passed a million times.
        if (node(arguments_node).items.size() > 16) corrupt("more than 16 arguments");
        const std::vector<uint32_t> arguments = node(arguments_node).items;
        if (name == "collections.OrderedDict") return ordered_dictionary(arguments);
        if (name == "torch._utils._rebuild_tensor_v2" || name == "torch._utils._rebuild_tensor")
            return rebuild_tensor(arguments);
        if (name == "torch._utils._rebuild_parameter") {
            if (arguments.empty() || node(arguments[0]).kind != Kind::tensor)
                corrupt("a parameter has no tensor");
            return push(arguments[0]);
        }
        if (arguments.size() != 1) corrupt("a size is not described as torch.save does");
        push(arguments[0]);  // torch.Size, the last of those that build a value
    }

    // Attributes of what was built (a dictionary's _metadata, a callback's state) carry no weights.
    void build() {
        pop();
        const Kind kind = node(top()).kind;
        if (kind != Kind::opaque && kind != Kind::dictionary)
            corrupt("a state is set on something without one");
    }

    // One opcode; false at the end.
    bool step(uint8_t opcode) {
        switch (opcode) {
            case 0x80:
                if (const int protocol = byte(); protocol != 2)
                    corrupt("protocol " + std::to_string(protocol) + ", where torch.save uses 2");
                return true;
            case '.':
                return false;
            case '(':
                marks_.push_back(stack_.size());
                return limit_marks();
            case '}':
                push_node({.kind = Kind::dictionary});
                return true;
            case ']':
                push_node({.kind = Kind::list});
                return true;
            case ')':
                push_node({.kind = Kind::tuple});
                return true;
            case 'N':
                push_node({.kind = Kind::none});
                return true;
            case 0x88:
                push_node({.kind = Kind::boolean, .integer = 1});
                return true;
            case 0x89:
                push_node({.kind = Kind::boolean, .integer = 0});
                return true;
            case 'K':
                push_integer(byte());
                return true;
            case 'M':
                push_integer(number<uint16_t>());
                return true;
            case 'J':
                push_integer(number<int32_t>());
                return true;
            case 0x8a:
                push_long(byte());
                return true;
            case 0x8b:
                push_long(number<uint32_t>());
                return true;
            case 'G':
                push_real();
                return true;
            case 'X':
                push_text(text(number<uint32_t>()));
                return true;
            case 'T':
                push_text(text(number<uint32_t>()));
                return true;
            case 'U':
                push_text(text(byte()));
                return true;
            case 'q':
                memoise(byte());
                return true;
            case 'r':
                memoise(number<uint32_t>());
                return true;
            case 'h':
                recall(byte());
                return true;
            case 'j':
                recall(number<uint32_t>());
                return true;
            case 'c':
                push_global();
                return true;
            case 'Q':
                persistent_storage();
                return true;
            case 'R':
            case 0x81:
                call();
                return true;
            case 'b':
                build();
                return true;
            case 't':
                push_items(Kind::tuple, pop_to_mark());
                return true;
            case 0x85:
            case 0x86:
            case 0x87:
                return short_tuple(size_t(opcode - 0x84));
            case 's': {
                const uint32_t value = pop(), key = pop();
                set_items({key, value});
                return true;
            }
            case 'u':
                set_items(pop_to_mark());
                return true;
            case 'a':
                append({pop()});
                return true;
            case 'e':
                append(pop_to_mark());
                return true;
            default:
                hostile("the pickle opcode " + std::to_string(opcode));
        }
    }
    bool limit_marks() {
        if (marks_.size() > most_on_stack) corrupt("more than 1000000 marks");
        return true;
    }
    bool short_tuple(size_t count) {
        std::vector<uint32_t> items(count);
        for (size_t i = count; i-- > 0;) items[i] = pop();
        push_items(Kind::tuple, std::move(items));
        return true;
    }
    void push_real() {
        uint64_t bits = 0;  // big-endian, the only such number in the format
        for (int i = 0; i < 8; ++i) bits = (bits << 8) | byte();
        push_node({.kind = Kind::real, .real = std::bit_cast<double>(bits)});
    }

    const ReadBytes& read_;
    const std::string& path_;
    uint64_t begin_, at_, end_;
    std::vector<std::byte> window_;
    uint64_t window_at_ = 0;
    Pickle pickle_;
    std::vector<uint32_t> stack_;
    std::vector<size_t> marks_;
    std::unordered_map<uint32_t, uint32_t> memo_;
    size_t copied_ = 0;
};

}  // namespace

const PickleNode* Pickle::find(const PickleNode& dictionary, const std::string& key) const {
    if (dictionary.kind != Kind::dictionary) return nullptr;
    for (size_t i = dictionary.items.size(); i >= 2; i -= 2) {
        const PickleNode& candidate = nodes[dictionary.items[i - 2]];
        if (candidate.kind == Kind::text && candidate.text == key) return &nodes[dictionary.items[i - 1]];
    }
    return nullptr;
}

Pickle read_pickle(const ReadBytes& read, uint64_t begin, uint64_t end, const std::string& path) {
    if (begin >= end)
        throw Error(Status::input, "model-truncated", path + ": expected a pickle, found the end of the file",
                    "Fetch the file again.");
    return Interpreter(read, begin, end, path).run();
}

}  // namespace sluice
