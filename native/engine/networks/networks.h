// SD 1.x's networks as programs, built from their configurations at any width and size. No weights, no device.
#pragma once
#include <vector>

#include "networks/builder.h"
#include "networks/config.h"

namespace sluice {

// CLIP's text model. Input "embeddings" f32 [batch,1,tokens,C]: token and position rows, gathered by the host
// (one row of a 49408-row table is needed a token). Output "last_hidden_state" f32 [batch,1,tokens,C] after
// `layers` layers (all for clip-skip 1) and the final layer norm.
Program text_encoder_program(const TextEncoderConfig& config, int batch, int layers);

// One pass of the UNet, with ControlNets between its middle and its up part: their residuals are added to the
// skips where those lie, so that no residual is ever stored apart.
struct StepControl {
    const ControlNetConfig* config = nullptr;
    int source = 0;       // its WeightSource; the UNet's is 0
    float strength = 1.f;
};
struct StepOptions {
    int batch = 2;               // both halves of classifier-free guidance
    int height = 64, width = 64; // latent
    int tokens = 77;             // of the text states
    std::vector<StepControl> controls;
    bool residual_inputs = false;  // probe: residuals come in as "down_0" … "mid"
};
// Inputs: "sample" f32 [batch,h,w,in_channels]; "time" f32 [batch,1,1,block_out_channels[0]] (sinusoid, made by the
// host); "context" f32 [batch,1,tokens,cross_attention_dim]; "hint.N" kept [1,h,w,C0] (of hint_program) for each
// control. Output "out" f32 [batch,h,w,out_channels].
Program unet_program(const UNetConfig& config, const StepOptions& options);

// The ControlNet's embedding of its hint. Input "hint" f32 [1,8h,8w,3] in 0…1; output "hint.0", kept: once a job.
Program hint_program(const ControlNetConfig& config, int height, int width, TensorRole role);

// The whole ControlNet by itself (probe): inputs as the UNet's and "hint" [batch,8h,8w,3]; outputs "down_0" …, "mid".
Program controlnet_program(const ControlNetConfig& config, int batch, int height, int width, int tokens, float strength);

// Input "latents" f32 [1,h,w,4], divided by the scaling factor; output "image" f32 [1,8h,8w,3] in about -1…1.
Program vae_decoder_program(const VaeConfig& config, int height, int width);
// Input "image" f32 [1,H,W,3] in -1…1; output "moments" f32 [1,H/8,W/8,8].
Program vae_encoder_program(const VaeConfig& config, int height, int width);

// diffusers' get_timestep_embedding: sin and cos of timestep / 10000^(i/(half - freq_shift)). One row.
std::vector<float> timestep_embedding(double timestep, int channels, bool flip_sin_to_cos, float freq_shift);

// Index of the tensor of that name; throws Error(internal) when absent.
TensorId find_tensor(const Program& program, const std::string& name);

}  // namespace sluice
