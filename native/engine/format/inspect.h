// What a model file or folder is, for lists of models and for checks. Nothing is kept open.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace sluice {

struct NetworkReport {
    std::string name;  // "text_encoder", "unet", "vae", "controlnet" or a ControlNet's folder
    std::string path;  // of the weights
    int64_t tensors = 0, parameters = 0, bytes = 0;
    std::string dtype;  // "float16", …, or "mixed"
};

struct Inspection {
    std::string path;
    std::string kind =
        "unknown";             // pipeline, checkpoint, controlnet, vae, unet, text-encoder, lora, other, unknown
    std::string architecture;  // "Stable Diffusion 1.x", or what it is instead; empty when unknown
    std::string layout;        // "diffusers" or "original"
    int64_t parameters = 0, bytes = 0;
    std::string dtype;
    int default_size = 0;      // side of the model's own pictures in pixels; 0 where there is no UNet
    std::string licence_path;  // empty: none was found beside the model
    std::vector<NetworkReport> networks;
    std::vector<std::string> problems;  // why it cannot be used, a sentence each
    std::vector<std::string> hints;     // what to do about each
    bool verified = false;              // every tensor was read and its values are finite
};

// Throws Error(input) "model-missing" where there is nothing at `path`; whatever else is wrong with a model
// is among its problems. `verify` reads every tensor, in pieces of 4 MiB.
Inspection inspect_model(const std::string& path, bool verify);

// {"path", "kind", "architecture", "layout", "parameters", "bytes", "dtype", "default_size", "licence" (or
// null),
//  "networks": [{"name", "path", "tensors", "parameters", "bytes", "dtype"}], "problems", "hints",
//  "verified"}
std::string inspect_json(const std::string& path);
std::string verify_json(const std::string& path);

}  // namespace sluice
