// Configurations of SD 1.x-shaped networks, as diffusers and transformers name them. Pure data; format/ fills
// them from config.json or infers them from tensor shapes, networks/ builds programs from them.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace sluice {

struct TextEncoderConfig {
    int hidden_size = 768;
    int intermediate_size = 3072;
    int num_hidden_layers = 12;
    int num_attention_heads = 12;
    int max_position_embeddings = 77;
    int vocab_size = 49408;
    float layer_norm_eps = 1e-5f;
    std::string hidden_act = "quick_gelu";  // or "gelu"
    int bos_token_id = 49406, eos_token_id = 49407, pad_token_id = 49407;
};

struct UNetConfig {
    int in_channels = 4;
    int out_channels = 4;
    std::vector<int> block_out_channels{320, 640, 1280, 1280};
    std::vector<bool> down_attention{true, true, true, false};  // CrossAttnDownBlock2D or DownBlock2D
    std::vector<bool> up_attention{false, true, true, true};
    int layers_per_block = 2;
    int cross_attention_dim = 768;
    // Number of heads at each level. diffusers' `attention_head_dim` means this in SD 1.x.
    std::vector<int> num_heads{8, 8, 8, 8};
    int norm_num_groups = 32;
    float norm_eps = 1e-5f;
    bool flip_sin_to_cos = true;
    float freq_shift = 0.f;
    bool use_linear_projection = false;
    int sample_size = 64;  // side of the latents that the model was made for: its pictures' by the VAE's factor
    std::string prediction_type_hint;  // empty when the file does not say
};

struct ControlNetConfig {
    UNetConfig unet;  // its down and middle part; out_channels and up_attention unused
    std::vector<int> conditioning_embedding_out_channels{16, 32, 96, 256};
    int conditioning_channels = 3;
};

struct VaeConfig {
    int in_channels = 3;
    int out_channels = 3;
    int latent_channels = 4;
    std::vector<int> block_out_channels{128, 256, 512, 512};
    int layers_per_block = 2;
    int norm_num_groups = 32;
    float scaling_factor = 0.18215f;
};

// scheduler_config.json: a key that is absent leaves the optional empty, so that each scheduler class takes its
// own default, as diffusers' from_config does.
struct SchedulerConfig {
    int num_train_timesteps = 1000;
    double beta_start = 0.00085, beta_end = 0.012;
    std::string beta_schedule = "scaled_linear";  // linear | scaled_linear | squaredcos_cap_v2
    std::vector<double> trained_betas;
    std::string prediction_type = "epsilon";  // epsilon | v_prediction | sample
    std::string timestep_spacing;             // empty: the class's default
    int steps_offset = 1;
    bool set_alpha_to_one = false;
    bool clip_sample = false;
    bool has_clip_sample = true;
    double clip_sample_range = 1.0;
    bool rescale_betas_zero_snr = false;
    bool has_steps_offset = true;
    std::string raw_json;  // the file as it was, for keys that a single class reads
};

}  // namespace sluice
