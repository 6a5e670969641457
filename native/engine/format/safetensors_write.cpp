#include "format/safetensors_write.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/platform/file.h"
#include "format/raw_tensor.h"

namespace sluice {
namespace {

const char* safetensors_name(DType dtype) {
    switch (dtype) {
        case DType::f32:
            return "F32";
        case DType::f16:
            return "F16";
        case DType::bf16:
            return "BF16";
        case DType::f64:
            return "F64";
        case DType::i64:
            return "I64";
        case DType::i32:
            return "I32";
        case DType::i16:
            return "I16";
        case DType::i8:
            return "I8";
        case DType::u8:
            return "U8";
        case DType::boolean:
            return "BOOL";
    }
    return "F32";
}

}  // namespace

TensorToWrite float_tensor(std::string name, std::vector<int64_t> shape, std::span<const float> values) {
    const auto bytes = std::as_bytes(values);
    return {std::move(name), DType::f32, std::move(shape), {bytes.begin(), bytes.end()}};
}

std::vector<std::byte> safetensors_bytes(const std::vector<TensorToWrite>& tensors,
                                         const std::map<std::string, std::string>& metadata) {
    nlohmann::ordered_json header = nlohmann::ordered_json::object();
    if (!metadata.empty()) header["__metadata__"] = metadata;
    size_t end = 0;
    for (const TensorToWrite& tensor : tensors) {
        int64_t elements = 0, bytes = 0;
        if (!checked_bytes(tensor.shape, tensor.dtype, elements, bytes) ||
            size_t(bytes) != tensor.data.size() || header.contains(tensor.name))
            throw Error(Status::internal, "tensor-to-write",
                        tensor.name + ": shape " + shape_text(tensor.shape) + " needs " +
                            std::to_string(bytes) + " bytes under a name of its own, found " +
                            std::to_string(tensor.data.size()));
        header[tensor.name] = {{"dtype", safetensors_name(tensor.dtype)},
                               {"shape", tensor.shape},
                               {"data_offsets", {end, end + tensor.data.size()}}};
        end += tensor.data.size();
    }
    std::string text = header.dump();
    text.append((8 - text.size() % 8) % 8, ' ');  // readers that map the file want aligned data
    std::vector<std::byte> out(8 + text.size() + end);
    const uint64_t length = text.size();
    std::memcpy(out.data(), &length, 8);
    std::memcpy(out.data() + 8, text.data(), text.size());
    size_t at = 8 + text.size();
    for (const TensorToWrite& tensor : tensors) {
        if (!tensor.data.empty()) std::memcpy(out.data() + at, tensor.data.data(), tensor.data.size());
        at += tensor.data.size();
    }
    return out;
}

void write_safetensors(const std::string& path, const std::vector<TensorToWrite>& tensors,
                       const std::map<std::string, std::string>& metadata) {
    write_file_atomically(path, safetensors_bytes(tensors, metadata));
}

}  // namespace sluice
