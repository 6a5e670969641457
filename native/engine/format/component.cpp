#include "format/component.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/error.h"
#include "format/config_json.h"
#include "format/safetensors.h"
#include "format/torch_file.h"

namespace sluice {
namespace {

void refuse_other_files(const std::string& path, std::span<const std::byte> begin) {
    uint64_t header = 0;
    if (begin.size() < sizeof header) return;
    std::memcpy(&header, begin.data(), sizeof header);
    if (header <= largest_safetensors_header) return;
    const std::string_view text(reinterpret_cast<const char*>(begin.data()), begin.size());
    const auto refuse = [&](const char* found, const char* hint) {
        throw Error(
            Status::input, "model-corrupt",
            path + ": expected a safetensors file or a checkpoint of torch.save, found " + std::string(found),
            hint);
    };
    if (text.starts_with("version https://git-lfs"))
        refuse("a pointer of Git LFS", "Fetch the file that it stands for: git lfs pull.");
    if (text.starts_with("<"))
        refuse("a web page", "Fetch the file again, by the address of the file itself.");
    if (text.starts_with("GGUF")) refuse("a GGUF file", "Use the model as safetensors.");
    refuse("bytes that are neither", "The file is damaged or of another kind: fetch it again.");
}

RawTensors read_shards(const std::string& index_path) {
    const nlohmann::json index = read_json_object(index_path);
    const auto corrupt = [&](const std::string& what) {
        return Error(Status::input, "model-corrupt", index_path + ": " + what,
                     "The index and its shards are not of one model: fetch them again.");
    };
    const auto map = index.find("weight_map");
    if (map == index.end() || !map->is_object())
        throw corrupt("expected an object \"weight_map\", found none");
    const std::string folder = utf8_path(native_path(index_path).parent_path());
    std::map<std::string, RawTensors> shards;
    RawTensors tensors;
    for (const auto& [name, value] : map->items()) {
        const std::string shard = value.is_string() ? value.get<std::string>() : std::string();
        // An index must not lead out of its folder.
        if (shard.empty() || shard == "." || shard == ".." ||
            shard.find_first_of(std::string("/\\:\0", 4)) != std::string::npos)
            throw corrupt("tensor " + name + ": expected the name of a file beside the index");
        auto opened = shards.find(shard);
        if (opened == shards.end()) {
            if (shards.size() >= 1000) throw corrupt("more than 1000 shards");
            opened = shards.emplace(shard, read_tensor_file(join(folder, shard))).first;
        }
        const auto tensor = opened->second.find(name);
        if (tensor == opened->second.end()) throw corrupt(shard + " lacks tensor " + name);
        tensors.emplace(name, tensor->second);
    }
    for (const auto& [shard, all] : shards)
        for (const auto& [name, tensor] : all)
            if (!tensors.count(name))
                throw corrupt(shard + " holds tensor " + name + ", which the index does not");
    return tensors;
}

}  // namespace

bool is_folder(const std::string& path) {
    std::error_code ignored;
    return std::filesystem::is_directory(native_path(path), ignored);
}

bool is_file(const std::string& path) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(native_path(path), ignored);
}

std::string join(const std::string& folder, const std::string& name) {
    return utf8_path(native_path(folder) / native_path(name));
}

RawTensors read_tensor_file(const std::string& path) {
    std::byte first[32]{};
    const auto file = File::open(path);
    const auto begin = std::span(first).first(size_t(std::min<uint64_t>(sizeof first, file->size())));
    file->read_at(0, begin);
    if (looks_like_torch_file(begin, file->size())) return read_torch_file(path);
    refuse_other_files(path, begin);
    return read_safetensors(path);
}

std::string find_weights(const std::string& folder, const WeightStems& stems) {
    for (const auto& [stem, suffix] : {std::pair(stems.safetensors, std::string(".safetensors")),
                                       std::pair(stems.bin, std::string(".bin"))}) {
        for (const char* variant : {"", ".fp32", ".fp16", ".bf16", ".non_ema"}) {
            const std::string v = variant;
            // Both forms of a variant's index are in use.
            for (const std::string& name : {stem + v + suffix, stem + suffix + ".index" + v + ".json",
                                            stem + v + suffix + ".index.json"})
                if (is_file(join(folder, name))) return join(folder, name);
        }
    }
    return {};
}

RawTensors read_weights(const std::string& file_or_index) {
    return file_or_index.ends_with(".json") ? read_shards(file_or_index) : read_tensor_file(file_or_index);
}

}  // namespace sluice
