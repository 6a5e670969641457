// config.json and scheduler_config.json to configurations. What the engine does not compute is refused by
// name, never ignored; keys that change nothing are.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "networks/config.h"

namespace sluice {

// A JSON object from a file of at most 16 MiB. Throws Error(input) "config-invalid".
nlohmann::json read_json_object(const std::string& path);

// Each throws Error(input): "config-invalid" for a value that no network has, "model-unsupported" for a
// network beyond SD 1.x's shape. `path` is for messages.
TextEncoderConfig text_encoder_config(const nlohmann::json& json, const std::string& path);
UNetConfig unet_config(const nlohmann::json& json, const std::string& path);
ControlNetConfig controlnet_config(const nlohmann::json& json, const std::string& path);
VaeConfig vae_config(const nlohmann::json& json, const std::string& path);
SchedulerConfig scheduler_config(const nlohmann::json& json, const std::string& path);
SchedulerConfig sd15_scheduler_config();

// Throws Error(input) "config-invalid" where widths do not divide into groups or heads, or sizes are absurd.
void check_config(const TextEncoderConfig& config, const std::string& path);
void check_config(const UNetConfig& config, const std::string& path);
void check_config(const ControlNetConfig& config, const std::string& path);
void check_config(const VaeConfig& config, const std::string& path);

}  // namespace sluice
