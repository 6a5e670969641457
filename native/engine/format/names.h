// How model files name the tensors: variants of diffusers' own names, and the original (latent-diffusion)
// layout. Every function goes from the canonical name to the file's; nothing is guessed from a file's name.
#pragma once
#include <string>
#include <vector>

#include "networks/config.h"

namespace sluice {

// Variants in diffusers and transformers files.
std::vector<std::string> diffusers_vae_names(const std::string& canonical);
std::vector<std::string> transformers_text_names(const std::string& canonical);
bool ignorable_text_tensor(const std::string& name);

// Original layout, without the file's prefix ("model.diffusion_model." and its like).
std::string original_unet_name(const std::string& canonical, int layers_per_block);
std::string original_controlnet_name(const std::string& canonical, const ControlNetConfig& config);
std::string original_vae_name(const std::string& canonical, size_t levels);

}  // namespace sluice
