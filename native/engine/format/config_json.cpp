#include "format/config_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/platform/file.h"

namespace sluice {
namespace {

using Json = nlohmann::json;

[[noreturn]] void invalid(const std::string& path, const std::string& what) {
    throw Error(Status::input, "config-invalid", path + ": " + what, "Check the model's configuration file.");
}

[[noreturn]] void unsupported(const std::string& path, const std::string& what) {
    throw Error(Status::input, "model-unsupported", path + ": " + what,
                "Use a model of Stable Diffusion 1.x's architecture.");
}

std::string excerpt(const Json& value) {
    const std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
    return text.size() > 60 ? text.substr(0, 57) + "..." : text;
}

constexpr int largest_width = 1 << 16;

// Typed reads with the default that diffusers takes for an absent (or null) key.
class Reader {
  public:
    Reader(const Json& json, const std::string& path) : json_(json), path_(path) {}

    const Json* find(const char* key) const {
        const auto found = json_.find(key);
        return found == json_.end() || found->is_null() ? nullptr : &*found;
    }
    int as_int(const char* key, const Json& value, int low, int high) const {
        if (value.is_number_integer() && value >= low && value <= high) return value.get<int>();
        invalid(path_, std::string(key) + ": expected a whole number from " + std::to_string(low) + " to " +
                           std::to_string(high) + ", found " + excerpt(value));
    }
    int integer(const char* key, int absent, int low, int high) const {
        const Json* value = find(key);
        return value ? as_int(key, *value, low, high) : absent;
    }
    double number(const char* key, double absent) const {
        const Json* value = find(key);
        if (!value) return absent;
        if (!value->is_number() || !std::isfinite(value->get<double>()))
            invalid(path_, std::string(key) + ": expected a number, found " + excerpt(*value));
        return value->get<double>();
    }
    bool boolean(const char* key, bool absent) const {
        const Json* value = find(key);
        if (!value) return absent;
        if (!value->is_boolean())
            invalid(path_, std::string(key) + ": expected true or false, found " + excerpt(*value));
        return value->get<bool>();
    }
    std::string text(const char* key, const std::string& absent) const {
        const Json* value = find(key);
        if (!value) return absent;
        if (!value->is_string())
            invalid(path_, std::string(key) + ": expected text, found " + excerpt(*value));
        return value->get<std::string>();
    }
    std::vector<int> integers(const char* key, std::vector<int> absent, int low, int high) const {
        const Json* value = find(key);
        if (!value) return absent;
        if (!value->is_array() || value->empty() || value->size() > 8)
            invalid(path_,
                    std::string(key) + ": expected a list of 1 to 8 numbers, found " + excerpt(*value));
        std::vector<int> out;
        for (const Json& item : *value) out.push_back(as_int(key, item, low, high));
        return out;
    }
    std::vector<std::string> texts(const char* key, std::vector<std::string> absent) const {
        const Json* value = find(key);
        if (!value) return absent;
        std::vector<std::string> out;
        if (value->is_array())
            for (const Json& item : *value)
                if (item.is_string()) out.push_back(item.get<std::string>());
        if (!value->is_array() || out.size() != value->size())
            invalid(path_, std::string(key) + ": expected a list of names, found " + excerpt(*value));
        return out;
    }
    // One number for all levels, or a number a level.
    std::vector<int> per_level(const char* key, int absent, size_t levels, int low, int high) const {
        const Json* value = find(key);
        if (!value || !value->is_array())
            return std::vector<int>(levels, value ? as_int(key, *value, low, high) : absent);
        auto out = integers(key, {}, low, high);
        if (out.size() != levels)
            invalid(path_, std::string(key) + ": expected " + std::to_string(levels) + " numbers, found " +
                               excerpt(*value));
        return out;
    }
    int uniform(const char* key, int absent, size_t levels, int low, int high) const {
        const auto values = per_level(key, absent, levels, low, high);
        for (int value : values)
            if (value != values.front())
                unsupported(path_, std::string(key) + " differs from level to level, which is not supported");
        return values.front();
    }
    // Refuses any value but the given one (absent and null count as it).
    void only(const char* key, const Json& allowed) const {
        const Json* value = find(key);
        if (value && *value != allowed)
            unsupported(path_, std::string(key) + " is " + excerpt(*value) + "; only " +
                                   (allowed.is_null() ? "its absence" : excerpt(allowed)) + " is supported");
    }

  private:
    const Json& json_;
    const std::string& path_;
};

void refuse_other_class(const Reader& reader, const std::string& path, const std::string& expected) {
    const std::string found = reader.text("_class_name", expected);
    if (found == expected) return;
    throw Error(Status::input, "model-wrong-architecture",
                path + ": expected the configuration of " + expected + ", found that of " + found,
                "Give a model of the kind that this place takes.");
}

// What a UNet and a ControlNet share.
UNetConfig descending_part(const Reader& reader, const std::string& path) {
    UNetConfig config;
    if (const std::string kind = reader.text("addition_embed_type", ""); !kind.empty())
        unsupported(path, kind == "text_time"
                              ? "this is a Stable Diffusion XL network, which is not supported"
                              : "addition_embed_type " + kind + " is not supported");
    config.block_out_channels =
        reader.integers("block_out_channels", config.block_out_channels, 1, largest_width);
    const size_t levels = config.block_out_channels.size();
    config.in_channels = reader.integer("in_channels", 4, 1, 1024);
    const auto kinds = reader.texts("down_block_types", {"CrossAttnDownBlock2D", "CrossAttnDownBlock2D",
                                                         "CrossAttnDownBlock2D", "DownBlock2D"});
    if (kinds.size() != levels)
        invalid(path, "down_block_types: expected " + std::to_string(levels) +
                          " names as block_out_channels has, found " + std::to_string(kinds.size()));
    config.down_attention.clear();
    for (const std::string& kind : kinds) {
        if (kind != "CrossAttnDownBlock2D" && kind != "DownBlock2D")
            unsupported(path, "the block type " + kind + " is not supported");
        config.down_attention.push_back(kind == "CrossAttnDownBlock2D");
    }
    config.layers_per_block = reader.uniform("layers_per_block", 2, levels, 1, 16);
    config.cross_attention_dim = reader.uniform("cross_attention_dim", 1280, levels, 1, largest_width);
    config.num_heads = reader.per_level("attention_head_dim", 8, levels, 1, largest_width);
    // Newer files may name the heads rightly; where both stand, this one counts.
    if (reader.find("num_attention_heads"))
        config.num_heads = reader.per_level("num_attention_heads", 8, levels, 1, largest_width);
    config.norm_num_groups = reader.integer("norm_num_groups", 32, 1, largest_width);
    config.norm_eps = float(reader.number("norm_eps", 1e-5));
    config.flip_sin_to_cos = reader.boolean("flip_sin_to_cos", true);
    config.freq_shift = float(reader.number("freq_shift", 0));
    config.use_linear_projection = reader.boolean("use_linear_projection", false);
    if (config.use_linear_projection && config.cross_attention_dim == 1024)
        unsupported(path, "this is a Stable Diffusion 2.x network, which is not supported");
    if (reader.uniform("transformer_layers_per_block", 1, levels, 1, 64) != 1)
        unsupported(path,
                    "transformer_layers_per_block above 1 (as in Stable Diffusion XL) is not supported");
    if (const std::string act = reader.text("act_fn", "silu"); act != "silu" && act != "swish")
        unsupported(path, "act_fn " + act + " is not supported");
    reader.only("downsample_padding", 1);
    reader.only("mid_block_scale_factor", 1);
    reader.only("mid_block_type", "UNetMidBlock2DCrossAttn");
    reader.only("only_cross_attention", false);
    reader.only("class_embed_type", nullptr);
    reader.only("num_class_embeds", nullptr);
    reader.only("encoder_hid_dim", nullptr);
    reader.only("encoder_hid_dim_type", nullptr);
    reader.only("resnet_time_scale_shift", "default");
    return config;
}

}  // namespace

nlohmann::json read_json_object(const std::string& path) {
    const std::string text = read_text_file(path, 16 << 20);
    Json json = Json::parse(text, nullptr, false, false);
    if (json.is_discarded()) invalid(path, "expected JSON, found something else");
    if (!json.is_object()) invalid(path, "expected a JSON object, found " + excerpt(json));
    return json;
}

TextEncoderConfig text_encoder_config(const Json& whole, const std::string& path) {
    // A whole CLIP model's file holds the text half in an object of its own.
    const auto half = whole.find("text_config");
    const Json& json = half != whole.end() && half->is_object() ? *half : whole;
    const Reader reader(json, path);
    if (const std::string type = reader.text("model_type", "clip_text_model");
        type != "clip_text_model" && type != "clip")
        throw Error(Status::input, "model-wrong-architecture",
                    path + ": expected a CLIP text encoder, found model_type " + type,
                    "Use a model of Stable Diffusion 1.x's architecture.");
    TextEncoderConfig config;
    // Defaults are transformers' CLIPTextConfig, not SD 1.5's.
    config.hidden_size = reader.integer("hidden_size", 512, 1, largest_width);
    config.intermediate_size = reader.integer("intermediate_size", 2048, 1, 4 * largest_width);
    config.num_hidden_layers = reader.integer("num_hidden_layers", 12, 1, 256);
    config.num_attention_heads = reader.integer("num_attention_heads", 8, 1, largest_width);
    config.max_position_embeddings = reader.integer("max_position_embeddings", 77, 2, 1 << 16);
    config.vocab_size = reader.integer("vocab_size", 49408, 3, 1 << 24);
    config.layer_norm_eps = float(reader.number("layer_norm_eps", 1e-5));
    config.hidden_act = reader.text("hidden_act", "quick_gelu");
    if (config.hidden_act != "quick_gelu" && config.hidden_act != "gelu")
        unsupported(path, "hidden_act " + config.hidden_act + " is not supported");
    // Published files carry eos 2, pad 1, bos 0, which no tokenizer ever used: CLIP's are the last two.
    const int last = config.vocab_size - 1;
    config.bos_token_id = reader.integer("bos_token_id", last - 1, 0, last);
    config.eos_token_id = reader.integer("eos_token_id", last, 0, last);
    config.pad_token_id = config.eos_token_id;
    if (config.eos_token_id <= 2) {
        config.bos_token_id = last - 1;
        config.eos_token_id = config.pad_token_id = last;
    }
    check_config(config, path);
    return config;
}

UNetConfig unet_config(const Json& json, const std::string& path) {
    const Reader reader(json, path);
    refuse_other_class(reader, path, "UNet2DConditionModel");
    UNetConfig config = descending_part(reader, path);
    const size_t levels = config.block_out_channels.size();
    config.out_channels = reader.integer("out_channels", 4, 1, 1024);
    const auto kinds = reader.texts(
        "up_block_types", {"UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"});
    if (kinds.size() != levels)
        invalid(path, "up_block_types: expected " + std::to_string(levels) + " names, found " +
                          std::to_string(kinds.size()));
    config.up_attention.clear();
    for (const std::string& kind : kinds) {
        if (kind != "CrossAttnUpBlock2D" && kind != "UpBlock2D")
            unsupported(path, "the block type " + kind + " is not supported");
        config.up_attention.push_back(kind == "CrossAttnUpBlock2D");
    }
    // A list of height and width, as some models have it, says no side: the default stays.
    if (const Json* side = reader.find("sample_size"); side && !side->is_array())
        config.sample_size = reader.as_int("sample_size", *side, 1, 1 << 12);
    reader.only("center_input_sample", false);
    reader.only("dual_cross_attention", false);
    reader.only("resnet_skip_time_act", false);
    reader.only("resnet_out_scale_factor", 1.0);
    reader.only("time_embedding_type", "positional");
    reader.only("time_embedding_dim", nullptr);
    reader.only("time_embedding_act_fn", nullptr);
    reader.only("timestep_post_act", nullptr);
    reader.only("time_cond_proj_dim", nullptr);
    reader.only("conv_in_kernel", 3);
    reader.only("conv_out_kernel", 3);
    reader.only("attention_type", "default");
    reader.only("class_embeddings_concat", false);
    reader.only("cross_attention_norm", nullptr);
    reader.only("reverse_transformer_layers_per_block", nullptr);
    config.prediction_type_hint = reader.text("prediction_type", "");
    check_config(config, path);
    return config;
}

ControlNetConfig controlnet_config(const Json& json, const std::string& path) {
    const Reader reader(json, path);
    refuse_other_class(reader, path, "ControlNetModel");
    ControlNetConfig config;
    config.unet = descending_part(reader, path);
    config.conditioning_embedding_out_channels = reader.integers(
        "conditioning_embedding_out_channels", config.conditioning_embedding_out_channels, 1, largest_width);
    config.conditioning_channels = reader.integer("conditioning_channels", 3, 1, 64);
    reader.only("controlnet_conditioning_channel_order", "rgb");
    reader.only("global_pool_conditions", false);
    check_config(config, path);
    return config;
}

VaeConfig vae_config(const Json& json, const std::string& path) {
    const Reader reader(json, path);
    refuse_other_class(reader, path, "AutoencoderKL");
    VaeConfig config;
    config.in_channels = reader.integer("in_channels", 3, 1, 64);
    config.out_channels = reader.integer("out_channels", 3, 1, 64);
    config.latent_channels = reader.integer("latent_channels", 4, 1, 256);
    config.block_out_channels = reader.integers("block_out_channels", {64}, 1, largest_width);
    config.layers_per_block = reader.integer("layers_per_block", 1, 1, 16);
    config.norm_num_groups = reader.integer("norm_num_groups", 32, 1, largest_width);
    config.scaling_factor = float(reader.number("scaling_factor", 0.18215));
    const auto check_kinds = [&](const char* key, const std::string& only) {
        const auto kinds = reader.texts(key, {only});
        if (kinds.size() != config.block_out_channels.size())
            invalid(path, std::string(key) + ": expected " +
                              std::to_string(config.block_out_channels.size()) + " names, found " +
                              std::to_string(kinds.size()));
        for (const std::string& kind : kinds)
            if (kind != only) unsupported(path, "the block type " + kind + " is not supported");
    };
    check_kinds("down_block_types", "DownEncoderBlock2D");
    check_kinds("up_block_types", "UpDecoderBlock2D");
    if (const std::string act = reader.text("act_fn", "silu"); act != "silu" && act != "swish")
        unsupported(path, "act_fn " + act + " is not supported");
    reader.only("shift_factor", nullptr);
    reader.only("latents_mean", nullptr);
    reader.only("use_quant_conv", true);
    reader.only("use_post_quant_conv", true);
    reader.only("mid_block_add_attention", true);
    check_config(config, path);
    return config;
}

SchedulerConfig scheduler_config(const Json& json, const std::string& path) {
    const Reader reader(json, path);
    SchedulerConfig config;
    // Absent keys take the scheduler classes' own defaults, which differ from SD 1.5's values.
    config.num_train_timesteps = reader.integer("num_train_timesteps", 1000, 1, 1'000'000);
    config.beta_start = reader.number("beta_start", 0.0001);
    config.beta_end = reader.number("beta_end", 0.02);
    config.beta_schedule = reader.text("beta_schedule", "linear");
    if (config.beta_schedule != "linear" && config.beta_schedule != "scaled_linear" &&
        config.beta_schedule != "squaredcos_cap_v2")
        unsupported(path, "beta_schedule " + config.beta_schedule + " is not supported");
    if (const Json* betas = reader.find("trained_betas")) {
        if (!betas->is_array() || betas->size() != size_t(config.num_train_timesteps))
            invalid(path, "trained_betas: expected num_train_timesteps numbers, found " + excerpt(*betas));
        for (const Json& beta : *betas) {
            if (!beta.is_number()) invalid(path, "trained_betas: expected numbers, found " + excerpt(beta));
            config.trained_betas.push_back(beta.get<double>());
        }
    }
    config.prediction_type = reader.text("prediction_type", "epsilon");
    if (config.prediction_type != "epsilon" && config.prediction_type != "v_prediction" &&
        config.prediction_type != "sample")
        unsupported(path, "prediction_type " + config.prediction_type + " is not supported");
    config.timestep_spacing = reader.text("timestep_spacing", "");
    config.has_steps_offset = reader.find("steps_offset") != nullptr;
    config.steps_offset = reader.integer("steps_offset", 0, 0, 1'000'000);
    config.set_alpha_to_one = reader.boolean("set_alpha_to_one", true);
    config.has_clip_sample = reader.find("clip_sample") != nullptr;
    config.clip_sample = reader.boolean("clip_sample", true);
    config.clip_sample_range = reader.number("clip_sample_range", 1.0);
    config.rescale_betas_zero_snr = reader.boolean("rescale_betas_zero_snr", false);
    config.raw_json = json.dump(-1, ' ', true, Json::error_handler_t::replace);
    return config;
}

SchedulerConfig sd15_scheduler_config() {
    SchedulerConfig config;
    config.raw_json =
        R"({"_class_name":"PNDMScheduler","beta_end":0.012,"beta_schedule":"scaled_linear",)"
        R"("beta_start":0.00085,"clip_sample":false,"num_train_timesteps":1000,"set_alpha_to_one":false,"skip_prk_steps":true,)"
        R"("steps_offset":1,"trained_betas":null})";
    return config;
}

void check_config(const TextEncoderConfig& config, const std::string& path) {
    if (config.hidden_size % config.num_attention_heads != 0)
        invalid(path, "hidden_size " + std::to_string(config.hidden_size) + " does not divide into " +
                          std::to_string(config.num_attention_heads) + " heads");
}

void check_config(const UNetConfig& config, const std::string& path) {
    for (size_t level = 0; level < config.block_out_channels.size(); ++level) {
        const int width = config.block_out_channels[level];
        if (width % config.norm_num_groups != 0)
            invalid(path, "block_out_channels: " + std::to_string(width) + " does not divide into " +
                              std::to_string(config.norm_num_groups) + " groups");
        if (width % config.num_heads[level] != 0)
            invalid(path, "block_out_channels: " + std::to_string(width) + " does not divide into " +
                              std::to_string(config.num_heads[level]) + " heads");
    }
    if (config.block_out_channels.front() % 2 != 0)
        invalid(path, "block_out_channels: the first must be even, for the timestep's sines and cosines");
}

void check_config(const ControlNetConfig& config, const std::string& path) {
    check_config(config.unet, path);
}

void check_config(const VaeConfig& config, const std::string& path) {
    for (int width : config.block_out_channels)
        if (width % config.norm_num_groups != 0)
            invalid(path, "block_out_channels: " + std::to_string(width) + " does not divide into " +
                              std::to_string(config.norm_num_groups) + " groups");
}

}  // namespace sluice
