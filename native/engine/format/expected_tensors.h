// The tensors that a network of a given configuration has, with their shapes, in diffusers' and transformers'
// naming and roughly in order of execution. Linear layers are [out, in], convolutions [out, in, kernel,
// kernel].
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "networks/config.h"

namespace sluice {

struct ExpectedTensor {
    std::string name;
    std::vector<int64_t> shape;
};

std::vector<ExpectedTensor> expected_tensors(const TextEncoderConfig& config);
std::vector<ExpectedTensor> expected_tensors(const UNetConfig& config);
std::vector<ExpectedTensor> expected_tensors(const ControlNetConfig& config);
std::vector<ExpectedTensor> expected_tensors(const VaeConfig& config);

}  // namespace sluice
