// Reading safetensors files. Grammar: u64 little-endian header length N; N bytes of JSON, an object that maps
// each tensor's name to {"dtype", "shape", "data_offsets": [begin, end)} and "__metadata__" to strings; then
// the data, which the tensors cover without gap or overlap.
#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "format/raw_tensor.h"

namespace sluice {

// No header is longer: a file that says so is something else, and often what a download left instead.
inline constexpr uint64_t largest_safetensors_header = 100'000'000;

// Reads and checks the header; no tensor data. Throws Error(input) with code "model-truncated" where the file
// is shorter than its header says, "model-corrupt" where the header contradicts itself, "model-unsupported"
// for an element type that the engine does not read.
RawTensors read_safetensors(const std::string& path, std::map<std::string, std::string>* metadata = nullptr);

}  // namespace sluice
