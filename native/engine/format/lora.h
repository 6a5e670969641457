// Low-rank adapters: LoRA (Hu et al. 2021, arXiv 2106.09685) and LoCon (the same for convolutions), as kohya-ss's
// trainers, LyCORIS, diffusers and PEFT save them. A layer's weight W becomes W + strength * alpha / rank * up @ down,
// computed in float32 while the weights are read, so that whatever reads a network reads it adapted. Not here: LoHa,
// LoKr, DoRA and OFT, which are refused by name.
#pragma once
#include <string>
#include <vector>

#include "format/model.h"

namespace sluice {

struct LoraUse {
    std::string path;    // .safetensors or a file of torch.save
    float strength = 1;  // any finite number; at 0 the model is as it was
};

// Puts the adapters over the model's text encoder and UNet, in order. Returns what a person should know, such as
// layers that the model has not. Throws Error(input): "lora-missing", "lora-unsupported" for another kind of adapter,
// "lora-wrong-architecture" where no layer or a layer's size does not fit the model, and what reading files throws.
std::vector<std::string> apply_loras(Model& model, const std::vector<LoraUse>& loras, const std::string& cache_dir);

}  // namespace sluice
