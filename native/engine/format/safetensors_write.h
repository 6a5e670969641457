// Writing small safetensors files: probe's outputs, latents, test fixtures. The file is written whole or not
// at all.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/dtype.h"

namespace sluice {

struct TensorToWrite {
    std::string name;
    DType dtype = DType::f32;
    std::vector<int64_t> shape;
    std::vector<std::byte> data;  // row-major, little-endian, exactly the shape's size
};

TensorToWrite float_tensor(std::string name, std::vector<int64_t> shape, std::span<const float> values);

// The file's bytes. Throws Error(internal) where data and shape disagree or a name comes twice.
std::vector<std::byte> safetensors_bytes(const std::vector<TensorToWrite>& tensors,
                                         const std::map<std::string, std::string>& metadata = {});

// Throws Error(input) "file-unwritable" where the folder is missing or the disk is full.
void write_safetensors(const std::string& path, const std::vector<TensorToWrite>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace sluice
