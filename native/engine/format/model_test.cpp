#include "format/model.h"

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/failpoint.h"
#include "core/test_models.h"
#include "format/component.h"
#include "format/inspect.h"
#include "format/safetensors.h"
#include "format/safetensors_write.h"
#include "format/test_files.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using testing::contains;
using testing::error_of;
using testing::Folder;

using Rename = std::string (*)(const std::string&);

std::string same_name(const std::string& name) {
    return name;
}

std::vector<TensorToWrite> tensors_of(const std::string& path, Rename rename = same_name) {
    std::vector<TensorToWrite> out;
    for (const auto& [name, tensor] : read_weights(path)) {
        std::vector<std::byte> bytes(size_t(tensor.elements()) * dtype_size(tensor.dtype));
        tensor.file->read_at(tensor.offset, bytes);
        out.push_back({rename(name), tensor.dtype, tensor.shape, std::move(bytes)});
    }
    return out;
}

const std::map<std::string, std::string>& original_names() {
    static const std::map<std::string, std::string> names = [] {
        std::ifstream file(std::string(SLUICE_TEST_DATA) + "/models/original_names.txt");
        std::map<std::string, std::string> out;
        std::string canonical, original;
        while (file >> canonical >> original) out[canonical] = original;
        return out;
    }();
    return names;
}

template <const char* component>
std::string original(const std::string& name) {
    return original_names().at(std::string(component) + "/" + name);
}
constexpr char controlnet_name[] = "controlnet";
constexpr char vae_name[] = "vae";

// A copy of tiny's folder without its weights; they are linked, for a test to replace.
void copy_model(const std::string& from, const std::string& to) {
    fs::create_directories(to);
    for (const auto& entry : fs::recursive_directory_iterator(from)) {
        const fs::path target = to / fs::relative(entry.path(), from);
        if (entry.is_directory())
            fs::create_directories(target);
        else
            fs::create_symlink(entry.path(), target);
    }
}

std::string tiny() {
    return test_model("tiny");
}

const std::string unet_file = "unet/diffusion_pytorch_model.safetensors";
const std::string vae_file = "vae/diffusion_pytorch_model.safetensors";
const std::string text_file = "text_encoder/model.safetensors";
const std::string control_file = "controlnet/diffusion_pytorch_model.safetensors";

std::vector<float> all(const WeightSource& weights, const std::string& name) {
    REQUIRE(weights.find(name));
    std::vector<float> values(size_t(weights.find(name)->elements()));
    weights.read(name, 0, values);
    return values;
}

void check_equal(const WeightSource& a, const WeightSource& b) {
    REQUIRE(a.tensors().size() == b.tensors().size());
    for (const TensorInfo& tensor : a.tensors()) {
        CAPTURE(tensor.name);
        REQUIRE(b.find(tensor.name));
        CHECK(b.find(tensor.name)->shape == tensor.shape);
        CHECK(all(a, tensor.name) == all(b, tensor.name));
    }
    CHECK(a.content_hash() == b.content_hash());
}

TEST_CASE("a diffusers folder is read with its configurations") {
    const Model model = open_model(tiny(), {});
    CHECK(model.unet_config.block_out_channels == std::vector<int>{32, 64, 64, 64});
    CHECK(model.unet_config.num_heads == std::vector<int>{4, 4, 4, 4});
    CHECK(model.unet_config.cross_attention_dim == 32);
    CHECK(model.unet_config.down_attention == std::vector<bool>{true, true, true, false});
    CHECK(model.unet_config.up_attention == std::vector<bool>{false, true, true, true});
    CHECK(model.unet_config.sample_size == 16);
    CHECK(model.vae_config.block_out_channels == std::vector<int>{32, 32, 64, 64});
    CHECK(model.text_config.num_attention_heads == 4);
    CHECK(model.text_config.eos_token_id == 49407);
    CHECK(model.scheduler_config.beta_schedule == "scaled_linear");
    CHECK(model.scheduler_config.steps_offset == 1);
    CHECK(!model.scheduler_config.set_alpha_to_one);
    CHECK(model.scheduler_config.timestep_spacing.empty());
    CHECK(contains(model.scheduler_config.raw_json, "skip_prk_steps"));
    // The values are those of the seed.
    const SeededModel seeded = read_seeded_model(std::string(SLUICE_TEST_DATA) + "/models/tiny.json");
    for (const auto& component : seeded.components) {
        const WeightSource* weights = component.name == "unet"           ? model.unet.get()
                                      : component.name == "vae"          ? model.vae.get()
                                      : component.name == "text_encoder" ? model.text.get()
                                                                         : nullptr;
        if (!weights) continue;
        CHECK(weights->tensors().size() == component.tensors.size());
        for (const SeededTensor& tensor : component.tensors) {
            const TensorInfo* info = weights->find(tensor.name);
            REQUIRE(info);
            CHECK(info->shape == tensor.shape);
            CHECK(info->dtype == DType::f16);
            const uint64_t last = tensor.elements() - 1;
            uint16_t half = 0;
            float value = 0;
            seeded_values(tensor, last, std::span(&half, 1));
            weights->read(tensor.name, int64_t(last), std::span(&value, 1));
            CHECK(value == half_to_float(half));
        }
    }
}

TEST_CASE("every variant of a diffusers folder gives the same model") {
    const Model base = open_model(tiny(), {});
    Folder folder;
    const std::string path = folder / "model";
    copy_model(tiny(), path);
    const auto replace = [&](const std::string& file, const std::string& by, Rename rename) {
        const auto tensors = tensors_of(tiny() + "/" + file, rename);
        fs::remove(path + "/" + file);
        write_safetensors(path + "/" + by, tensors);
    };
    SUBCASE("fp16 names") {
        replace(unet_file, "unet/diffusion_pytorch_model.fp16.safetensors", same_name);
        replace(text_file, "text_encoder/model.fp16.safetensors", same_name);
    }
    SUBCASE("names of before, as published folders have them") {
        replace(vae_file, vae_file, [](const std::string& name) {
            std::string out = name;
            if (const size_t at = out.find("mid_block.attentions.0."); at != std::string::npos)
                for (const auto& [now, before] :
                     {std::pair("to_q", "query"), std::pair("to_k", "key"), std::pair("to_v", "value"),
                      std::pair("to_out.0", "proj_attn")})
                    if (const size_t part = out.find(now, at); part != std::string::npos)
                        out.replace(part, std::strlen(now), before);
            return out;
        });
    }
    SUBCASE("transformers 5: no text_model") {
        replace(text_file, text_file, [](const std::string& name) { return name.substr(11); });
    }
    SUBCASE("the text encoder's position ids, which are no weights") {
        auto tensors = tensors_of(tiny() + "/" + text_file);
        tensors.push_back(
            {"text_model.embeddings.position_ids", DType::i64, {1, 2}, std::vector<std::byte>(16)});
        fs::remove(path + "/" + text_file);
        write_safetensors(path + "/" + text_file, tensors);
    }
    SUBCASE("shards with an index") {
        for (const char* index_name : {"unet/diffusion_pytorch_model.safetensors.index.json",
                                       "unet/diffusion_pytorch_model.safetensors.index.fp16.json"}) {
            const auto tensors = tensors_of(tiny() + "/" + unet_file);
            std::vector<TensorToWrite> parts[2];
            Json map = Json::object();
            for (size_t i = 0; i < tensors.size(); ++i) {
                parts[i % 2].push_back(tensors[i]);
                map[tensors[i].name] = "part-" + std::to_string(i % 2) + ".safetensors";
            }
            for (int i = 0; i < 2; ++i)
                write_safetensors(path + "/unet/part-" + std::to_string(i) + ".safetensors", parts[i]);
            fs::remove(path + "/" + unet_file);
            fs::remove(path + "/unet/diffusion_pytorch_model.safetensors.index.json");
            folder.write("model/" + std::string(index_name), Json{{"weight_map", map}}.dump());
            check_equal(*base.unet, *open_model(path, {}).unet);
        }
    }
    SUBCASE("without variants' names it prefers the full file") {
        folder.write("model/unet/diffusion_pytorch_model.fp16.safetensors", "damaged");
        folder.write("model/unet/diffusion_pytorch_model.bin", "damaged");
    }
    const Model model = open_model(path, {});
    check_equal(*base.unet, *model.unet);
    check_equal(*base.vae, *model.vae);
    check_equal(*base.text, *model.text);
}

TEST_CASE("an index that leads astray is refused") {
    Folder folder;
    const std::string path = folder / "model";
    copy_model(tiny(), path);
    fs::remove(path + "/" + unet_file);
    const std::string index = "model/" + unet_file + ".index.json";
    const auto opened = [&](const Json& content) {
        folder.write(index, content.dump());
        return error_of([&] { open_model(path, {}); });
    };
    for (const char* shard : {"../../x.safetensors", "/etc/passwd", "..", "", "a\\b"})
        CHECK(contains(opened({{"weight_map", {{"conv_in.weight", shard}}}}),
                       "name of a file beside the index"));
    CHECK(contains(opened({{"weight_map", {{"conv_in.weight", 3}}}}), "name of a file beside the index"));
    CHECK(contains(opened({{"weight_map", {{"conv_in.weight", "none.safetensors"}}}}), "file-missing"));
    CHECK(contains(opened(Json::object()), "weight_map"));
    CHECK(contains(opened(Json::array()), "expected a JSON object"));
    write_safetensors(path + "/unet/a.safetensors", {float_tensor("x", {}, std::vector<float>{1.f})});
    CHECK(contains(opened({{"weight_map", {{"y", "a.safetensors"}}}}), "lacks tensor y"));
    CHECK(contains(opened({{"weight_map", Json::object()}}), "lacks tensor"));
}

TEST_CASE("a single file in the original layout equals the folder that it was made of") {
    Folder folder;
    const std::string specification = std::string(SLUICE_TEST_DATA) + "/models/";
    const Model base = open_model(test_model("classic"), {});
    for (const SeededFormat format : {SeededFormat::f16, SeededFormat::f32}) {
        const std::string path = folder / "classic.safetensors";
        write_seeded_single_file(read_seeded_model(specification + "classic.json"),
                                 specification + "original_names.txt", path, format);
        const Model model = open_model(path, {});
        CHECK(model.unet_config.block_out_channels == base.unet_config.block_out_channels);
        CHECK(model.unet_config.num_heads == base.unet_config.num_heads);
        CHECK(model.unet_config.up_attention == base.unet_config.up_attention);
        CHECK(model.unet_config.cross_attention_dim == base.unet_config.cross_attention_dim);
        CHECK(model.vae_config.block_out_channels == base.vae_config.block_out_channels);
        CHECK(model.text_config.num_attention_heads == base.text_config.num_attention_heads);
        CHECK(model.text_config.intermediate_size == base.text_config.intermediate_size);
        CHECK(model.scheduler_config.beta_start == 0.00085);
        for (const auto& [ours, theirs] :
             {std::pair(model.unet.get(), base.unet.get()), std::pair(model.vae.get(), base.vae.get()),
              std::pair(model.text.get(), base.text.get())}) {
            REQUIRE(ours->tensors().size() == theirs->tensors().size());
            for (const TensorInfo& tensor : theirs->tensors()) {
                CAPTURE(tensor.name);
                CHECK(all(*ours, tensor.name) == all(*theirs, tensor.name));
            }
        }
        // As a VAE alone it gives the same.
        CHECK(open_vae(path, {}).weights->content_hash() == model.vae->content_hash());
        CHECK((model.unet->content_hash() == base.unet->content_hash()) == (format == SeededFormat::f16));
    }
    // Averaged weights and strangers beside the networks are passed over; within a network they are not.
    auto tensors = tensors_of(folder / "classic.safetensors");
    tensors.push_back(float_tensor("model_ema.decay", {}, std::vector<float>{0.f}));
    tensors.push_back(float_tensor("alphas_cumprod", {1}, std::vector<float>{0.f}));
    write_safetensors(folder / "more.safetensors", tensors);
    CHECK(error_of([&] { open_model(folder / "more.safetensors", {}); }).empty());
    tensors.push_back(float_tensor("model.diffusion_model.stranger", {1}, std::vector<float>{0.f}));
    write_safetensors(folder / "more.safetensors", tensors);
    CHECK(contains(error_of([&] { open_model(folder / "more.safetensors", {}); }),
                   "model.diffusion_model.stranger of shape [1] has no place in the UNet"));
    tensors.pop_back();
    std::erase_if(tensors,
                  [](const TensorToWrite& t) { return t.name == "model.diffusion_model.out.2.bias"; });
    write_safetensors(folder / "more.safetensors", tensors);
    CHECK(contains(error_of([&] { open_model(folder / "more.safetensors", {}); }),
                   "lacks tensor model.diffusion_model.out.2.bias (conv_out.bias), expected with shape [4]"));
    std::erase_if(tensors, [](const TensorToWrite& t) { return t.name.starts_with("first_stage_model."); });
    write_safetensors(folder / "more.safetensors", tensors);
    CHECK(contains(error_of([&] { open_model(folder / "more.safetensors", {.text = false, .unet = false}); }),
                   "the checkpoint has no VAE"));
}

TEST_CASE("a VAE alone is read in both layouts, with and without its prefix") {
    Folder folder;
    const VaeModel base = open_vae(tiny(), {});
    CHECK(open_vae(tiny() + "/vae", {}).weights->content_hash() == base.weights->content_hash());
    check_equal(*base.weights, *open_vae(tiny() + "/" + vae_file, {}).weights);
    auto tensors = tensors_of(tiny() + "/" + vae_file, original<vae_name>);
    for (TensorToWrite& tensor : tensors)
        if (contains(tensor.name, ".attn_1.") && tensor.shape.size() == 2)
            tensor.shape.insert(tensor.shape.end(), {1, 1});
    write_safetensors(folder / "vae.safetensors", tensors);
    const VaeModel prefixed = open_vae(folder / "vae.safetensors", {});
    CHECK(prefixed.config.block_out_channels == base.config.block_out_channels);
    check_equal(*base.weights, *prefixed.weights);
    for (TensorToWrite& tensor : tensors)
        tensor.name = tensor.name.substr(std::string("first_stage_model.").size());
    tensors.push_back(float_tensor("loss.logvar", {}, std::vector<float>{0.f}));
    write_safetensors(folder / "vae.safetensors", tensors);
    check_equal(*base.weights, *open_vae(folder / "vae.safetensors", {}).weights);
    CHECK(
        contains(error_of([&] { open_vae(tiny() + "/" + unet_file, {}); }), "found UNet, diffusers layout"));
}

TEST_CASE("ControlNets are read in both layouts") {
    Folder folder;
    const ControlNetModel base = open_controlnet(tiny() + "/controlnet", {});
    CHECK(base.config.unet.num_heads == std::vector<int>{4, 4, 4, 4});
    CHECK(base.config.conditioning_embedding_out_channels == std::vector<int>{16, 32, 48, 64});
    // A file beside its config.json is configured by that; alone by its shapes.
    CHECK(open_controlnet(tiny() + "/" + control_file, {}).config.unet.num_heads ==
          base.config.unet.num_heads);
    fs::copy_file(tiny() + "/" + control_file, folder / "alone.safetensors");
    const ControlNetModel alone = open_controlnet(folder / "alone.safetensors", {});
    CHECK(alone.config.unet.num_heads == std::vector<int>{8, 8, 8, 8});
    CHECK(alone.config.conditioning_embedding_out_channels ==
          base.config.conditioning_embedding_out_channels);
    check_equal(*base.weights, *alone.weights);
    auto tensors = tensors_of(tiny() + "/" + control_file, original<controlnet_name>);
    write_safetensors(folder / "original.safetensors", tensors);
    const ControlNetModel prefixed = open_controlnet(folder / "original.safetensors", {});
    CHECK(prefixed.config.conditioning_embedding_out_channels ==
          base.config.conditioning_embedding_out_channels);
    CHECK(prefixed.config.unet.block_out_channels == base.config.unet.block_out_channels);
    CHECK(prefixed.config.unet.down_attention == base.config.unet.down_attention);
    check_equal(*base.weights, *prefixed.weights);
    for (TensorToWrite& tensor : tensors)
        tensor.name = tensor.name.substr(std::string("control_model.").size());
    write_safetensors(folder / "original.safetensors", tensors);
    check_equal(*base.weights, *open_controlnet(folder / "original.safetensors", {}).weights);
    CHECK(contains(error_of([&] { open_controlnet(tiny() + "/unet", {}); }),
                   "found that of UNet2DConditionModel"));
    CHECK(contains(error_of([&] { open_model(tiny() + "/controlnet", {}); }), "found ControlNetModel"));
}

TEST_CASE("other architectures are refused by what they are") {
    Folder folder;
    const auto named = [&](const std::string& name, std::vector<int64_t> shape = {1}) {
        int64_t count = 1;
        for (int64_t d : shape) count *= d;
        const std::vector<float> values(size_t(count), 0.f);
        write_safetensors(folder / "x.safetensors", {float_tensor(name, shape, values)});
        return error_of([&] { open_model(folder / "x.safetensors", {}); });
    };
    CHECK(contains(named("conditioner.embedders.0.transformer.x"), "Stable Diffusion XL"));
    CHECK(contains(named("model.diffusion_model.label_emb.0.0.weight"), "Stable Diffusion XL"));
    CHECK(contains(named("cond_stage_model.model.ln_final.weight"), "Stable Diffusion 2.x"));
    CHECK(contains(
        named("model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", {2, 1024}),
        "Stable Diffusion 2.x"));
    CHECK(contains(named("model.diffusion_model.joint_blocks.0.x"), "Stable Diffusion 3"));
    CHECK(contains(named("double_blocks.0.x"), "FLUX"));
    CHECK(contains(named("lora_unet_down_blocks_0.lora_up.weight"), "a LoRA"));
    CHECK(contains(named("emb_params"), "an embedding"));
    CHECK(contains(named("something.else"), "tensors of an unknown network"));
    const auto pipeline = [&](const Json& index) {
        folder.write("p/model_index.json", index.dump());
        return error_of([&] { open_model(folder.path() + "/p", {}); });
    };
    CHECK(contains(pipeline({{"_class_name", "StableDiffusionXLPipeline"}}),
                   "found StableDiffusionXLPipeline"));
    CHECK(contains(
        pipeline({{"_class_name", "FluxPipeline"}, {"transformer", {"diffusers", "FluxTransformer2DModel"}}}),
        "found FluxPipeline"));
    CHECK(contains(pipeline({{"_class_name", "StableDiffusionPipeline"}}), "expected a folder text_encoder"));
    const auto config = [&](const std::string& key, const Json& value) {
        Json content = Json::parse(std::ifstream(tiny() + "/unet/config.json"));
        content[key] = value;
        folder.write("u/config.json", content.dump());
        return error_of([&] { open_model(folder.path() + "/u", {.need_weights = false}); });
    };
    CHECK(config("upcast_attention", false).empty());
    CHECK(contains(config("addition_embed_type", "text_time"), "Stable Diffusion XL"));
    CHECK(contains(config("class_embed_type", "timestep"), "class_embed_type"));
    CHECK(contains(config("block_out_channels", {32, 64}), "down_block_types: expected 2 names"));
    CHECK(contains(config("block_out_channels", {32, 64, 64, 70}), "does not divide into 32 groups"));
    CHECK(contains(config("attention_head_dim", 7), "does not divide into 7 heads"));
    CHECK(contains(config("attention_head_dim", {4, 4}), "expected 4 numbers"));
    CHECK(config("attention_head_dim", {4, 8, 8, 8}).empty());
    CHECK(contains(config("layers_per_block", -1), "found -1"));
    CHECK(contains(config("layers_per_block", 1e30), "found 1e+30"));
    CHECK(contains(config("in_channels", "four"), "found \"four\""));
    CHECK(contains(config("_class_name", "UNet3DConditionModel"), "found UNet3DConditionModel"));
    folder.write("u/config.json", "{");
    CHECK(contains(error_of([&] { open_model(folder.path() + "/u", {}); }), "expected JSON"));
}

TEST_CASE("what is missing, misshapen or not finite is named") {
    Folder folder;
    const std::string path = folder / "model";
    copy_model(tiny(), path);
    auto tensors = tensors_of(tiny() + "/" + unet_file);
    const auto opened = [&](const std::vector<TensorToWrite>& content) {
        fs::remove(path + "/" + unet_file);
        write_safetensors(path + "/" + unet_file, content);
        return error_of([&] { open_model(path, {.text = false, .vae = false}); });
    };
    const auto at = std::find_if(tensors.begin(), tensors.end(), [](const TensorToWrite& t) {
        return t.name == "mid_block.resnets.1.conv2.weight";
    });
    REQUIRE(at != tensors.end());
    const TensorToWrite kept = *at;
    at->shape = {64, 64, 9, 1};
    CHECK(contains(opened(tensors),
                   "mid_block.resnets.1.conv2.weight of the UNet: expected shape [64, 64, 3, 3], "
                   "found [64, 64, 9, 1]"));
    at->name = "other";
    CHECK(contains(opened(tensors), "lacks tensor mid_block.resnets.1.conv2.weight, expected with shape"));
    *at = kept;
    tensors.push_back(float_tensor("add_embedding.linear_1.weight", {1}, std::vector<float>{0.f}));
    CHECK(contains(opened(tensors), "add_embedding.linear_1.weight of shape [1] has no place in the UNet"));
    tensors.pop_back();
    CHECK(opened(tensors).empty());
    const uint16_t not_a_number = 0x7e00;
    std::memcpy(at->data.data() + 10, &not_a_number, 2);
    CHECK(opened(tensors).empty());
    const Model model = open_model(path, {.text = false, .vae = false});
    std::vector<float> values(3);
    model.unet->read(kept.name, 0, values);
    CHECK(contains(error_of([&] { model.unet->read(kept.name, 3, values); }),
                   "tensor mid_block.resnets.1.conv2.weight of the UNet holds nan at element 5"));
    const Inspection verified = inspect_model(path, true);
    CHECK(!verified.verified);
    REQUIRE(verified.problems.size() == 1);
    CHECK(contains(verified.problems[0], "holds nan at element 5"));
    CHECK(verified.hints == std::vector<std::string>{
                                "The model is damaged or was trained to overflow: use another file."});
    CHECK(verified.networks.size() == 5);

    fs::remove(path + "/" + unet_file);
    CHECK(contains(error_of([&] { open_model(path, {}); }), "expected diffusion_pytorch_model.safetensors"));
    CHECK(error_of([&] { open_model(path, {.need_weights = false}); }).empty());
    fs::remove_all(path + "/vae");
    CHECK(contains(error_of([&] { open_model(path, {.need_weights = false}); }), "expected a folder vae"));
    CHECK(contains(error_of([&] { open_model(folder / "none", {}); }), "model-missing"));
    CHECK(contains(error_of([&] { open_model(folder.path(), {}); }), "model-unknown"));
}

TEST_CASE("models: the word sd15, a component's own folder and the tokenizer's files") {
    const Model sd15 = open_model("sd15", {.need_weights = false});
    CHECK(sd15.unet_config.block_out_channels == std::vector<int>{320, 640, 1280, 1280});
    CHECK(!sd15.unet);
    CHECK(contains(sd15.scheduler_config.raw_json, "PNDMScheduler"));
    const Model unet = open_model(tiny() + "/unet", {});
    CHECK(unet.unet);
    CHECK(!unet.vae);
    CHECK(!unet.text);
    Folder folder;
    const std::string path = folder / "model";
    copy_model(tiny(), path);
    const std::string vocab = folder.write("model/tokenizer/vocab.json", "{}");
    CHECK(contains(error_of([&] { open_model(path, {}); }), "found only one of them"));
    const std::string merges = folder.write("model/tokenizer/merges.txt", "");
    CHECK(open_model(path, {}).vocab_path == vocab);
    CHECK(open_model(path + "/text_encoder", {}).merges_path == merges);
    CHECK(open_model(path + "/tokenizer", {}).vocab_path == vocab);
}

TEST_CASE("the content's hash follows the content and is remembered") {
    Folder folder;
    const std::string path = folder / "model", cache = folder / "cache/deeper";
    copy_model(tiny(), path);
    const auto hash = [&](const std::string& cache_dir) {
        return open_model(path, {.cache_dir = cache_dir, .text = false, .vae = false}).unet->content_hash();
    };
    const std::string first = hash(cache);
    CHECK(first.size() == 32);
    CHECK(hash("") == first);
    CHECK(fs::exists(cache));
    // Remembered: the data is not read again.
    failpoint::arm_count();
    hash(cache);
    uint64_t remembered = 0, computed = 0;
    for (const auto& [site, passes] : failpoint::state().seen) remembered += passes;
    failpoint::arm_count();
    hash("");
    for (const auto& [site, passes] : failpoint::state().seen) computed += passes;
    failpoint::disarm();
    CHECK(remembered < 20);
    CHECK(computed > 600);
    // A damaged memory is no harm; one that cannot be written neither.
    for (const auto& entry : fs::directory_iterator(cache))
        std::ofstream(entry.path()) << "{\"key\":1,\"hash\":\"x\"}";
    CHECK(hash(cache) == first);
    CHECK(hash(folder.write("file", "in the way")) == first);
    // One bit, one name, one shape: another hash.
    auto tensors = tensors_of(tiny() + "/" + unet_file);
    tensors[100].data[0] ^= std::byte{1};
    fs::remove(path + "/" + unet_file);
    write_safetensors(path + "/" + unet_file, tensors);
    CHECK(hash(cache) != first);
}

TEST_CASE("every failing read while a model is opened is an error, and the next opening works") {
    failpoint::arm_count();
    open_model(tiny(), {}).vae->content_hash();
    const auto sites = failpoint::state().seen;
    CHECK(sites.size() >= 2);
    for (const auto& [site, passes] : sites)
        for (const uint64_t n : {uint64_t(0), passes / 2, passes - 1}) {
            failpoint::arm_fail(site, n);
            CHECK(contains(error_of([&] { open_model(tiny(), {}).vae->content_hash(); }), "file-unreadable"));
        }
    failpoint::disarm();
    CHECK(open_model(tiny(), {}).vae->content_hash().size() == 32);
}

TEST_CASE("inspection tells what a path is") {
    const Inspection pipeline = inspect_model(tiny(), true);
    CHECK(pipeline.kind == "pipeline");
    CHECK(pipeline.architecture == "Stable Diffusion 1.x");
    CHECK(pipeline.dtype == "float16");
    CHECK(pipeline.default_size == 128);
    CHECK(pipeline.verified);
    CHECK(pipeline.networks.size() == 5);
    CHECK(pipeline.bytes == 2 * pipeline.parameters);
    const Json json = Json::parse(verify_json(tiny() + "/controlnet"));
    CHECK(json["kind"] == "controlnet");
    CHECK(json["licence"].is_null());
    CHECK(json["problems"].empty());
    CHECK(json["verified"] == true);
    Folder folder;
    copy_model(tiny(), folder / "model");
    folder.write("model/LICENSE.md", "MIT");
    CHECK(contains(inspect_model(folder / "model", false).licence_path, "LICENSE.md"));
    CHECK(!inspect_model(folder / "model", false).verified);
    const Inspection unknown = inspect_model(folder.write("x.safetensors", "nothing of use"), true);
    CHECK(unknown.kind == "unknown");
    CHECK(unknown.problems.size() == 1);
    CHECK(unknown.hints.size() == 1);
    const std::pair<std::string, const char*> downloads[] = {
        {"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "found a pointer of Git LFS"},
        {"<!DOCTYPE html><html><body>404</body></html>", "found a web page"},
        {std::string("GGUF\3\0\0\0\1\0\0\0\0\0\0\0", 16), "found a GGUF file"},
        {std::string(64, '\xee'), "found bytes that are neither"}};
    for (const auto& [content, found] : downloads) {
        const std::string path = folder.write("download.ckpt", content);
        CHECK(contains(error_of([&] { open_model(path, {}); }), found));
        CHECK(contains(inspect_model(path, true).problems.at(0), found));
    }
    CHECK(contains(error_of([&] { inspect_model(folder / "none", false); }), "model-missing"));
    CHECK(Json::parse(inspect_json(folder.path()))["kind"] == "unknown");
}

}  // namespace
}  // namespace sluice
