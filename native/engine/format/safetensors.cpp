#include "format/safetensors.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "core/error.h"

namespace sluice {
namespace {

constexpr size_t largest_rank = 16;
constexpr size_t most_tensors = 1'000'000;

std::optional<DType> dtype_of(const std::string& name) {
    static const std::map<std::string, DType> names{
        {"F32", DType::f32}, {"F16", DType::f16},     {"BF16", DType::bf16}, {"F64", DType::f64},
        {"I64", DType::i64}, {"I32", DType::i32},     {"I16", DType::i16},   {"I8", DType::i8},
        {"U8", DType::u8},   {"BOOL", DType::boolean}};
    const auto found = names.find(name);
    if (found == names.end()) return std::nullopt;
    return found->second;
}

struct Entry {
    std::string name, dtype;
    std::vector<int64_t> shape, offsets;
    bool has_dtype = false, has_shape = false, has_offsets = false;
};

// Takes the header event by event: a document object model would silently keep the last of two equal keys and
// would turn sizes beyond 64 bits into fractions.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
  public:
    explicit HeaderReader(const std::string& path) : path_(path) {}
    std::vector<Entry> entries;
    std::map<std::string, std::string> metadata;

    bool null() override { return unexpected("null"); }
    bool boolean(bool) override { return unexpected("a truth value"); }
    bool number_integer(number_integer_t value) override {
        return unexpected("the negative number " + std::to_string(value));
    }
    bool number_unsigned(number_unsigned_t value) override {
        if (!list_) return unexpected("a number");
        if (value > uint64_t(INT64_MAX)) return unexpected("the number " + std::to_string(value));
        if (list_->size() >= largest_rank) return unexpected("more than 16 numbers");
        list_->push_back(int64_t(value));
        return true;
    }
    bool number_float(number_float_t, const string_t& text) override {
        return unexpected("the number " + text);
    }
    bool string(string_t& value) override {
        if (depth_ == 2 && in_metadata_) {
            metadata[key_] = value;
            return true;
        }
        if (depth_ == 2 && key_ == "dtype" && !list_) {
            entries.back().dtype = value;
            return true;
        }
        return unexpected("the text \"" + value.substr(0, 64) + "\"");
    }
    bool binary(binary_t&) override { return unexpected("binary data"); }
    bool start_object(std::size_t) override {
        if (list_ || depth_ >= 2) return unexpected("an object");
        if (depth_ == 1 && !in_metadata_) {
            if (entries.size() >= most_tensors) return unexpected("more than 1000000 tensors");
            entries.emplace_back();
            entries.back().name = key_;
        }
        ++depth_;
        return true;
    }
    bool end_object() override {
        if (depth_ == 2 && !in_metadata_) {
            const Entry& entry = entries.back();
            if (!entry.has_dtype || !entry.has_shape || !entry.has_offsets)
                fail("tensor " + entry.name + " lacks dtype, shape or data_offsets");
        }
        in_metadata_ = false;
        --depth_;
        return true;
    }
    bool start_array(std::size_t) override {
        if (depth_ != 2 || in_metadata_ || list_) return unexpected("a list");
        if (key_ == "shape")
            list_ = &entries.back().shape;
        else if (key_ == "data_offsets")
            list_ = &entries.back().offsets;
        else
            return unexpected("a list");
        return true;
    }
    bool end_array() override {
        list_ = nullptr;
        return true;
    }
    bool key(string_t& value) override {
        if (depth_ == 1) {
            if (!names_.insert(value).second) fail("\"" + value + "\" stands there twice");
            in_metadata_ = value == "__metadata__";
        } else if (in_metadata_) {
            if (metadata.count(value)) fail("metadata \"" + value + "\" stands there twice");
        } else {
            Entry& entry = entries.back();
            bool* seen = value == "dtype"          ? &entry.has_dtype
                         : value == "shape"        ? &entry.has_shape
                         : value == "data_offsets" ? &entry.has_offsets
                                                   : nullptr;
            if (!seen) fail("tensor " + entry.name + " has the unknown key \"" + value + "\"");
            if (*seen) fail("tensor " + entry.name + " has \"" + value + "\" twice");
            *seen = true;
        }
        key_ = value;
        return true;
    }
    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
        fail("not JSON at byte " + std::to_string(position));
    }

    [[noreturn]] void fail(const std::string& what) const {
        throw Error(Status::input, "model-corrupt", path_ + ": safetensors header: " + what,
                    "The file is damaged or is no safetensors file: fetch it again.");
    }

  private:
    bool unexpected(const std::string& what) const {
        fail((depth_ == 0 ? std::string("expected an object") : "at \"" + key_ + "\"") + ", found " + what);
    }
    const std::string& path_;
    std::string key_;
    std::set<std::string> names_;
    std::vector<int64_t>* list_ = nullptr;
    int depth_ = 0;
    bool in_metadata_ = false;
};

}  // namespace

RawTensors read_safetensors(const std::string& path, std::map<std::string, std::string>* metadata) {
    const auto file = File::open(path);
    const auto truncated = [&](const std::string& what) {
        return Error(Status::input, "model-truncated", path + ": " + what, "Fetch the file again.");
    };
    if (file->size() < 8)
        throw truncated("expected a safetensors header of at least 8 bytes, found " +
                        std::to_string(file->size()) + " bytes");
    uint64_t length = 0;
    file->read_at(0, std::as_writable_bytes(std::span(&length, 1)));
    HeaderReader reader(path);
    if (length > largest_safetensors_header)
        reader.fail("expected at most " + std::to_string(largest_safetensors_header) + " bytes, it claims " +
                    std::to_string(length));
    if (length > file->size() - 8)
        throw truncated("the safetensors header claims " + std::to_string(length) + " bytes, found " +
                        std::to_string(file->size() - 8));
    if (length < 2) reader.fail("it is empty");
    {
        std::string header(size_t(length), '\0');
        file->read_at(8, std::as_writable_bytes(std::span(header.data(), header.size())));
        nlohmann::json::sax_parse(header, &reader);
    }

    const uint64_t data = 8 + length;
    const int64_t available = int64_t(file->size() - data);
    std::vector<const Entry*> by_place;
    for (const Entry& entry : reader.entries) {
        const auto dtype = dtype_of(entry.dtype);
        if (!dtype)
            throw Error(Status::input, "model-unsupported",
                        path + ": tensor " + entry.name + " has element type " + entry.dtype +
                            "; F64, F32, F16, BF16, I64, I32, I16, I8, U8 and BOOL are read",
                        "Convert the file to float16 or float32.");
        int64_t elements = 0, bytes = 0;
        if (!checked_bytes(entry.shape, *dtype, elements, bytes))
            reader.fail("tensor " + entry.name + " has the impossible shape " + shape_text(entry.shape));
        if (entry.offsets.size() != 2 || entry.offsets[0] > entry.offsets[1])
            reader.fail("tensor " + entry.name + " has data_offsets " + shape_text(entry.offsets));
        if (entry.offsets[1] - entry.offsets[0] != bytes)
            reader.fail("tensor " + entry.name + " of shape " + shape_text(entry.shape) + " and type " +
                        entry.dtype + " needs " + std::to_string(bytes) + " bytes, its data_offsets span " +
                        std::to_string(entry.offsets[1] - entry.offsets[0]));
        if (entry.offsets[1] > available)
            throw truncated("tensor " + entry.name + " ends at byte " + std::to_string(entry.offsets[1]) +
                            " of the data, found " + std::to_string(available));
        by_place.push_back(&entry);
    }
    std::sort(by_place.begin(), by_place.end(),
              [](const Entry* a, const Entry* b) { return a->offsets < b->offsets; });
    int64_t covered = 0;
    for (const Entry* entry : by_place) {
        if (entry->offsets[0] < covered) reader.fail("tensor " + entry->name + " overlaps another");
        if (entry->offsets[0] > covered)
            reader.fail("no tensor covers the data from byte " + std::to_string(covered) + " to " +
                        std::to_string(entry->offsets[0]));
        covered = entry->offsets[1];
    }
    if (covered != available)
        reader.fail("the tensors end at byte " + std::to_string(covered) + " of the data, the file has " +
                    std::to_string(available));

    RawTensors tensors;
    for (Entry& entry : reader.entries) {
        RawTensor tensor;
        tensor.name = entry.name;
        tensor.dtype = *dtype_of(entry.dtype);
        tensor.shape = std::move(entry.shape);
        tensor.file = file;
        tensor.offset = data + uint64_t(entry.offsets[0]);
        tensors.emplace(entry.name, std::move(tensor));
    }
    if (metadata) *metadata = std::move(reader.metadata);
    return tensors;
}

}  // namespace sluice
