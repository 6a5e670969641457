// Configurations inferred from tensor names and shapes, for files that come without a config.json. Shapes do
// not tell heads, groups, epsilons and the timestep embedding's form: those are SD 1.5's (8 heads, 32
// groups); a text encoder's heads are 64 wide, as in every CLIP.
#pragma once
#include <string>

#include "format/raw_tensor.h"
#include "networks/config.h"

namespace sluice {

// `tensors` without the file's prefix. Each throws Error(input) "model-incomplete" naming the tensor without
// which nothing can be inferred, "config-invalid" for impossible sizes.
UNetConfig infer_original_unet(const RawTensors& tensors, const std::string& path);
UNetConfig infer_diffusers_unet(const RawTensors& tensors, const std::string& path);
ControlNetConfig infer_original_controlnet(const RawTensors& tensors, const std::string& path);
ControlNetConfig infer_diffusers_controlnet(const RawTensors& tensors, const std::string& path);
VaeConfig infer_original_vae(const RawTensors& tensors, const std::string& path);
VaeConfig infer_diffusers_vae(const RawTensors& tensors, const std::string& path);
TextEncoderConfig infer_text_encoder(const RawTensors& tensors, const std::string& path);

}  // namespace sluice
