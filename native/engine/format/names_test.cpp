// Names and shapes against what diffusers and transformers themselves say of the seeded models.
#include "format/names.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "format/config_json.h"
#include "format/expected_tensors.h"
#include "format/test_files.h"

namespace sluice {
namespace {

using Json = nlohmann::json;

std::string data(const std::string& name) {
    return std::string(SLUICE_TEST_DATA) + "/models/" + name;
}

std::set<std::string> listed(const std::vector<ExpectedTensor>& tensors) {
    std::set<std::string> out;
    for (const auto& tensor : tensors) out.insert(tensor.name + " " + shape_text(tensor.shape));
    CHECK(out.size() == tensors.size());
    return out;
}

std::vector<ExpectedTensor> expected_of(const std::string& component, const Json& config) {
    if (component == "text_encoder") return expected_tensors(text_encoder_config(config, component));
    if (component == "unet") return expected_tensors(unet_config(config, component));
    if (component == "vae") return expected_tensors(vae_config(config, component));
    return expected_tensors(controlnet_config(config, component));
}

TEST_CASE("expected tensors equal diffusers' and transformers' state dictionaries") {
    for (const char* model : {"tiny", "odd", "odd2", "classic", "sd15"}) {
        const Json specification = Json::parse(std::ifstream(data(std::string(model) + ".json")));
        for (const auto& [component, part] : specification.at("components").items()) {
            CAPTURE(model);
            CAPTURE(component);
            std::set<std::string> theirs;
            for (const Json& row : part.at("tensors"))
                theirs.insert(row.at(0).get<std::string>() + " " +
                              shape_text(row.at(1).get<std::vector<int64_t>>()));
            CHECK(theirs.size() > 30);
            CHECK(listed(expected_of(component, part.at("config"))) == theirs);
        }
    }
}

TEST_CASE("original names equal the ones that diffusers reads") {
    std::ifstream file(data("original_names.txt"));
    std::string canonical, original;
    int checked = 0;
    while (file >> canonical >> original) {
        const size_t slash = canonical.find('/');
        const std::string component = canonical.substr(0, slash), name = canonical.substr(slash + 1);
        std::string ours;
        if (component == "unet") {
            ours = "model.diffusion_model." + original_unet_name(name, 2);
            // The first level of the way up has no attention: the reader tries its upsampler's other place
            // too.
            if (name.starts_with("up_blocks.0.upsamplers")) ours.replace(ours.find(".2.conv."), 3, ".1.");
        } else if (component == "vae") {
            ours = "first_stage_model." + original_vae_name(name, 4);
        } else if (component == "controlnet") {
            ours = "control_model." + original_controlnet_name(name, ControlNetConfig{});
        } else {
            ours = "cond_stage_model.transformer." + name;
        }
        CHECK(ours == original);
        ++checked;
    }
    CHECK(checked > 1400);
}

TEST_CASE("older names of the VAE's attention, and the text encoder's without its prefix, are tried") {
    CHECK(diffusers_vae_names("encoder.mid_block.attentions.0.to_out.0.bias") ==
          std::vector<std::string>{"encoder.mid_block.attentions.0.to_out.0.bias",
                                   "encoder.mid_block.attentions.0.proj_attn.bias"});
    CHECK(diffusers_vae_names("encoder.conv_in.bias").size() == 1);
    CHECK(transformers_text_names("text_model.final_layer_norm.bias")[1] == "final_layer_norm.bias");
}

}  // namespace
}  // namespace sluice
