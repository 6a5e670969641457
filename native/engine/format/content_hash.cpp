#include "format/content_hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "core/error.h"

namespace sluice {
namespace {

using Json = nlohmann::json;

constexpr size_t buffer_bytes = size_t(1) << 20;
constexpr int version = 1;  // of what goes into the hash

class Hasher {
  public:
    Hasher() : state_(XXH3_createState()) {
        if (!state_) throw std::bad_alloc();
        XXH3_128bits_reset(state_.get());
    }
    void add(const void* data, size_t bytes) { XXH3_128bits_update(state_.get(), data, bytes); }
    void add(int64_t value) { add(&value, sizeof value); }
    void add(const std::string& text) {
        add(int64_t(text.size()));
        add(text.data(), text.size());
    }
    std::string digest() const {
        XXH128_canonical_t canonical;
        XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_.get()));
        static const char digits[] = "0123456789abcdef";
        std::string text;
        for (unsigned char byte : canonical.digest) {
            text += digits[byte >> 4];
            text += digits[byte & 15];
        }
        return text;
    }

  private:
    struct Free {
        void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
    };
    std::unique_ptr<XXH3_state_t, Free> state_;
};

// Every file once, by path: what the memoised hash stands for.
Json identities(const std::vector<RawTensor>& raw) {
    std::set<const File*> files;
    for (const RawTensor& tensor : raw) files.insert(tensor.file.get());
    std::vector<File::Identity> all;
    for (const File* file : files) all.push_back(file->identity());
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.real_path < b.real_path; });
    Json list = Json::array();
    for (const auto& identity : all)
        list.push_back({identity.real_path, identity.size, identity.modified_ns});
    return list;
}

void add_data(Hasher& hasher, const RawTensor& tensor, std::vector<std::byte>& buffer) {
    int64_t span = tensor.elements();  // elements from the first to the last in the file
    if (span == 0) return;
    if (!tensor.strides.empty()) {
        span = 1;
        for (size_t axis = 0; axis < tensor.shape.size(); ++axis)
            span += (tensor.shape[axis] - 1) * tensor.strides[axis];
    }
    const uint64_t bytes = uint64_t(span) * dtype_size(tensor.dtype);
    for (uint64_t done = 0; done < bytes; done += buffer.size()) {
        const auto part = std::span(buffer).first(size_t(std::min<uint64_t>(buffer.size(), bytes - done)));
        tensor.file->read_at(tensor.offset + done, part);
        hasher.add(part.data(), part.size());
    }
}

std::string compute(const std::vector<TensorInfo>& infos, const std::vector<RawTensor>& raw) {
    Hasher hasher;
    hasher.add(int64_t(version));
    std::vector<size_t> order(infos.size());
    std::iota(order.begin(), order.end(), size_t(0));
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return infos[a].name < infos[b].name; });
    std::vector<std::byte> buffer(buffer_bytes);
    for (size_t i : order) {
        hasher.add(infos[i].name);
        hasher.add(int64_t(infos[i].dtype));
        for (const auto* list : {&infos[i].shape, &raw[i].strides}) {
            hasher.add(int64_t(list->size()));
            for (int64_t value : *list) hasher.add(value);
        }
        add_data(hasher, raw[i], buffer);
    }
    return hasher.digest();
}

bool is_digest(const Json& value) {
    if (!value.is_string()) return false;
    const auto& text = value.get_ref<const std::string&>();
    return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

std::string hash_of_texts(const std::vector<std::string>& texts) {
    Hasher hasher;
    for (const std::string& text : texts) hasher.add(text);
    return hasher.digest();
}

std::string content_hash(const std::vector<TensorInfo>& infos, const std::vector<RawTensor>& raw,
                         const std::string& network, const std::string& cache_dir) {
    const Json key{{"version", version}, {"network", network}, {"files", identities(raw)}};
    std::string memo_path;
    if (!cache_dir.empty()) {
        Hasher hasher;
        hasher.add(key.dump(-1, ' ', true, Json::error_handler_t::replace));
        memo_path = utf8_path(native_path(cache_dir) / ("hash-" + hasher.digest() + ".json"));
        try {
            const Json memo = Json::parse(read_text_file(memo_path, 1 << 20), nullptr, false);
            if (memo.is_object() && memo.contains("key") && memo["key"] == key && memo.contains("hash") &&
                is_digest(memo["hash"]))
                return memo["hash"].get<std::string>();
        } catch (const Error&) {
            // Not there yet, or not readable: computed below.
        }
    }
    const std::string hash = compute(infos, raw);
    if (identities(raw) != key["files"])
        throw Error(Status::input, "model-changed",
                    raw.front().file->path() + ": the file changed while it was read", "Try again.");
    if (!memo_path.empty()) {
        try {
            std::error_code ignored;
            std::filesystem::create_directories(native_path(cache_dir), ignored);
            const std::string text =
                Json{{"key", key}, {"hash", hash}}.dump(-1, ' ', true, Json::error_handler_t::replace);
            write_file_atomically(memo_path, std::as_bytes(std::span(text)));
        } catch (const Error&) {
            // A full or read-only cache costs the next start a second reading, nothing else.
        }
    }
    return hash;
}

}  // namespace sluice
