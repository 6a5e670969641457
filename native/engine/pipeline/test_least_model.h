// The least model that has all that a job can have: levels, attention in both halves, a ControlNet, a VAE with both
// halves. A job of it costs a third of one of "tiny", for tests that paint hundreds of pictures and compare them with
// nothing but each other.
#pragma once
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/seeded_weights.h"
#include "format/config_json.h"
#include "format/expected_tensors.h"

namespace sluice::testing {

inline SeededComponent least_component(const std::string& name, const std::string& config,
                                       const std::vector<ExpectedTensor>& tensors) {
    SeededComponent component{name, config, {}};
    for (const auto& [tensor, shape] : tensors) {
        SeededTensor t{tensor, shape, 0, 0, seeded_key(1, name, tensor)};
        int64_t inputs = 1;
        for (size_t i = 1; i < shape.size(); i++) inputs *= shape[i];
        // Activations stay near 1, as training/goldens/networks.py has it.
        const bool norm = shape.size() == 1 && tensor.ends_with("weight");
        t.centre = norm ? 65536 : 0;
        t.half_width = norm ? 16384 : shape.size() == 1 ? 6553 : std::llround(65536 * std::sqrt(3.0 / double(inputs)));
        component.tensors.push_back(std::move(t));
    }
    return component;
}

// Written to `folder`, a diffusers folder with its ControlNet in controlnet/.
inline void write_least_model(const std::string& folder) {
    const std::string text = R"({"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1,
        "num_attention_heads": 4})";
    const std::string descending = R"("block_out_channels": [32, 32], "layers_per_block": 1, "cross_attention_dim": 32,
        "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"], "attention_head_dim": 4)";
    const std::string unet = R"({"_class_name": "UNet2DConditionModel", "sample_size": 8,
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"], )" + descending + "}";
    const std::string control = R"({"_class_name": "ControlNetModel",
        "conditioning_embedding_out_channels": [8, 8, 8, 8], )" + descending + "}";
    const std::string vae = R"({"_class_name": "AutoencoderKL", "block_out_channels": [8, 8, 8, 8],
        "norm_num_groups": 8,
        "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
        "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"]})";
    const auto parsed = [](const std::string& json) { return nlohmann::json::parse(json); };
    SeededModel model{1, {}, {}};
    model.files = {{"model_index.json", R"({"_class_name": "StableDiffusionPipeline"})"},
                   {"scheduler/scheduler_config.json", R"({"beta_schedule": "scaled_linear"})"}};
    model.components = {
        least_component("text_encoder", text, expected_tensors(text_encoder_config(parsed(text), "text_encoder"))),
        least_component("unet", unet, expected_tensors(unet_config(parsed(unet), "unet"))),
        least_component("controlnet", control, expected_tensors(controlnet_config(parsed(control), "controlnet"))),
        least_component("vae", vae, expected_tensors(vae_config(parsed(vae), "vae"))),
    };
    write_seeded_folder(model, folder, SeededFormat::f16);
}

}  // namespace sluice::testing
