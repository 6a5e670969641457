// Shared by the pipeline's tests: reading goldens and comparing.
#pragma once
#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

namespace sluice::testing {

inline nlohmann::json read_golden(const std::string& name) {
    const std::string path = std::string(SLUICE_TEST_DATA) + "/samplers/" + name;
    std::ifstream in(path);
    if (!in) throw std::runtime_error("no golden file " + path);
    return nlohmann::json::parse(in);
}

inline std::string merges_path() {
    return std::string(SLUICE_TEST_DATA) + "/../../../resources/tokenizer/bpe_simple_vocab_16e6.txt.gz";
}

inline uint64_t fnv1a(const void* data, size_t size) {
    uint64_t value = 0xcbf29ce484222325;
    for (size_t i = 0; i < size; ++i) value = (value ^ static_cast<const uint8_t*>(data)[i]) * 0x100000001b3;
    return value;
}

}  // namespace sluice::testing
