// One component's folder in diffusers' layout: which weight files it holds, in which of their many names.
#pragma once
#include <string>

#include "format/raw_tensor.h"

namespace sluice {

// The stems of weight files: "diffusion_pytorch_model" for diffusers' networks, "model" and "pytorch_model"
// for transformers'.
struct WeightStems {
    std::string safetensors, bin;
};
inline const WeightStems diffusers_stems{"diffusion_pytorch_model", "diffusion_pytorch_model"};
inline const WeightStems transformers_stems{"model", "pytorch_model"};

// A file of tensors by what it contains, whatever its name: safetensors or torch.save. Throws Error(input):
// "model-corrupt" for what is neither, and what the two readers throw.
RawTensors read_tensor_file(const std::string& path);

// Full-precision safetensors are preferred to variants (.fp16., …), and both to .bin; each whole or in shards
// with an index. Empty where the folder holds none.
std::string find_weights(const std::string& folder, const WeightStems& stems);

// What find_weights found: a file, or an index whose shards lie beside it. Throws Error(input):
// "model-corrupt" where the index and its shards disagree, "file-missing" for a missing shard.
RawTensors read_weights(const std::string& file_or_index);

bool is_folder(const std::string& path);
bool is_file(const std::string& path);
std::string join(const std::string& folder, const std::string& name);

}  // namespace sluice
