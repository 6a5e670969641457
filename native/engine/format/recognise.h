// What a file of tensors is, by the names in it. Cheap: no tensor data is read.
#pragma once
#include <string>

#include "format/raw_tensor.h"

namespace sluice {

enum class FileKind {
    original_checkpoint,  // UNet, VAE and text encoder of the original layout
    original_unet,
    original_vae,
    original_controlnet,
    diffusers_unet,
    diffusers_vae,
    diffusers_controlnet,
    text_encoder,
    other,  // `what` names it
};

struct Recognised {
    FileKind kind = FileKind::other;
    // What stands before the network's own names: "model.diffusion_model.", "first_stage_model.",
    // "control_model." or nothing. For a checkpoint, the UNet's.
    std::string prefix;
    std::string what;  // for people: "Stable Diffusion 1.x checkpoint, original layout", "LoRA", …
};

Recognised recognise(const RawTensors& tensors);

// The tensors whose names begin with `prefix`, under what follows it.
RawTensors strip_prefix(const RawTensors& tensors, const std::string& prefix);

}  // namespace sluice
