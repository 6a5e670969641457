#include "format/recognise.h"

#include <string_view>

namespace sluice {
namespace {

bool any_with_prefix(const RawTensors& tensors, const std::string& prefix) {
    const auto found = tensors.lower_bound(prefix);
    return found != tensors.end() && found->first.starts_with(prefix);
}

bool any_containing(const RawTensors& tensors, std::string_view part) {
    for (const auto& [name, tensor] : tensors)
        if (name.find(part) != std::string::npos) return true;
    return false;
}

int64_t last_size(const RawTensors& tensors, const std::string& name) {
    const auto found = tensors.find(name);
    return found == tensors.end() || found->second.shape.empty() ? 0 : found->second.shape.back();
}

// Names a model that is not of SD 1.x's architecture; empty where nothing speaks against it.
std::string other_architecture(const RawTensors& tensors) {
    for (const std::string& prefix :
         {std::string("model.diffusion_model."), std::string("control_model."), std::string()}) {
        if (any_with_prefix(tensors, prefix + "label_emb.") ||
            any_with_prefix(tensors, prefix + "add_embedding."))
            return "a Stable Diffusion XL network";
        if (any_with_prefix(tensors, prefix + "joint_blocks.")) return "a Stable Diffusion 3 network";
        if (any_with_prefix(tensors, prefix + "double_blocks.") ||
            any_with_prefix(tensors, prefix + "single_transformer_blocks."))
            return "a FLUX network";
        for (const char* block : {"input_blocks.1.1.", "input_blocks.4.1.", "down_blocks.0.attentions.0."})
            if (last_size(tensors, prefix + block + "transformer_blocks.0.attn2.to_k.weight") == 1024)
                return "a Stable Diffusion 2.x network";
        if (any_with_prefix(tensors, prefix + "task_embedding")) return "a ControlNet Union network";
    }
    if (any_with_prefix(tensors, "conditioner.embedders.")) return "a Stable Diffusion XL checkpoint";
    if (any_with_prefix(tensors, "cond_stage_model.model.")) return "a Stable Diffusion 2.x checkpoint";
    if (tensors.count("lora_controlnet")) return "a Control-LoRA";
    if (any_with_prefix(tensors, "lora_") || any_containing(tensors, ".lora_") ||
        any_containing(tensors, "_lora."))
        return "a LoRA";
    if (tensors.count("emb_params") || any_with_prefix(tensors, "string_to_param")) return "an embedding";
    if (tensors.count("difference")) return "a difference of two models";
    if (any_with_prefix(tensors, "adapter.")) return "a T2I adapter";
    return {};
}

}  // namespace

Recognised recognise(const RawTensors& tensors) {
    if (const std::string other = other_architecture(tensors); !other.empty())
        return {FileKind::other, {}, other};
    const auto has = [&](const std::string& name) { return tensors.count(name) != 0; };
    const std::string unet = "model.diffusion_model.", vae = "first_stage_model.", control = "control_model.";
    if (has(unet + "input_blocks.0.0.weight"))
        return {FileKind::original_checkpoint, unet, "Stable Diffusion 1.x checkpoint, original layout"};
    if (has(control + "input_hint_block.0.weight"))
        return {FileKind::original_controlnet, control, "ControlNet, original layout"};
    if (has("input_hint_block.0.weight"))
        return {FileKind::original_controlnet, {}, "ControlNet, original layout"};
    if (has("controlnet_cond_embedding.conv_in.weight"))
        return {FileKind::diffusers_controlnet, {}, "ControlNet, diffusers layout"};
    if (has("input_blocks.0.0.weight")) return {FileKind::original_unet, {}, "UNet, original layout"};
    if (has("down_blocks.0.resnets.0.norm1.weight") && has("time_embedding.linear_1.weight"))
        return {FileKind::diffusers_unet, {}, "UNet, diffusers layout"};
    if (has(vae + "encoder.down.0.block.0.norm1.weight"))
        return {FileKind::original_vae, vae, "VAE, original layout"};
    if (has("encoder.down.0.block.0.norm1.weight"))
        return {FileKind::original_vae, {}, "VAE, original layout"};
    if (has("encoder.down_blocks.0.resnets.0.norm1.weight"))
        return {FileKind::diffusers_vae, {}, "VAE, diffusers layout"};
    if (has("text_model.embeddings.token_embedding.weight") || has("embeddings.token_embedding.weight"))
        return {FileKind::text_encoder, {}, "CLIP text encoder"};
    return {FileKind::other, {}, "tensors of an unknown network"};
}

RawTensors strip_prefix(const RawTensors& tensors, const std::string& prefix) {
    RawTensors out;
    for (auto at = tensors.lower_bound(prefix); at != tensors.end() && at->first.starts_with(prefix); ++at)
        out.emplace_hint(out.end(), at->first.substr(prefix.size()), at->second);
    return out;
}

}  // namespace sluice
