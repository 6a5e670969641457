// Tokenizer, noise and samplers against the goldens of training/goldens/make_goldens.py, which know nothing
// of this code. The samplers' stand-in for the network depends on the timestep, so that fractional ones
// count.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "format/safetensors.h"
#include "pipeline/pipeline_testing.h"
#include "pipeline/sampler.h"
#include "pipeline/tokenizer.h"

namespace sluice {
namespace {

using Floats = std::vector<float>;

std::string path_of(const std::string& name) {
    return std::string(SLUICE_TEST_DATA) + "/goldens/" + name;
}

nlohmann::json read_index(const std::string& name) {
    std::ifstream in(path_of(name));
    REQUIRE(in.good());
    return nlohmann::json::parse(in);
}

Floats values(const RawTensors& tensors, const std::string& name) {
    const RawTensor& tensor = tensors.at(name);
    Floats out(static_cast<size_t>(tensor.elements()));
    read_raw(tensor, 0, out);
    return out;
}

// Largest difference over the largest of the values.
double distance(std::span<const float> got, std::span<const float> expected) {
    REQUIRE(got.size() == expected.size());
    double difference = 0, largest = 1e-6;
    for (size_t i = 0; i < got.size(); ++i) {
        if (!std::isfinite(got[i])) return INFINITY;
        difference = std::max(difference, std::abs(static_cast<double>(got[i]) - expected[i]));
        largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
    }
    return difference / largest;
}

// 0.3 x + 0.05 + 0.1 (k mod 7 - 3) t / 1000 at element k, in float32 as the golden script rounds it.
Floats network(const Floats& x, double t) {
    Floats out(x.size());
    const float time = static_cast<float>(t / 1000);
    for (size_t k = 0; k < x.size(); ++k) {
        const float ramp = 0.1f * (static_cast<float>(k % 7) - 3.f);
        out[k] = (0.3f * x[k] + 0.05f) + ramp * time;
    }
    return out;
}

TEST_CASE("goldens: token ids") {
    const Tokenizer tokenizer = Tokenizer::load_embedded(testing::merges_path());
    size_t rows = 0;
    for (const auto& row : read_index("tokenizer/tokenizer.json")) {
        const std::string text = row["text"];
        CAPTURE(text);
        std::vector<int> ids = tokenizer.encode(text);
        ids.insert(ids.begin(), tokenizer.bos_id());
        ids.push_back(tokenizer.eos_id());
        CHECK(ids == row["ids"].get<std::vector<int>>());
        ++rows;
    }
    CHECK(rows > 150);
}

TEST_CASE("goldens: noise, bit for bit") {
    const RawTensors tensors = read_safetensors(path_of("noise/noise.safetensors"));
    size_t draws = 0;
    for (const auto& row : read_index("noise/noise.json")) {
        const std::string name = row["name"];
        CAPTURE(name);
        TorchRandom rng(std::stoull(row["seed"].get<std::string>()));
        for (size_t i = 0; i < row["shapes"].size(); ++i, ++draws) {
            const Floats expected = values(tensors, name + "/" + std::to_string(i));
            CHECK(rng.randn(expected.size()) == expected);
        }
    }
    CHECK(draws > 20);
}

TEST_CASE("goldens: samplers, step by step") {
    const nlohmann::json index = read_index("samplers/samplers.json");
    const RawTensors tensors = read_safetensors(path_of("samplers/samplers.safetensors"));
    const Floats start = values(tensors, "start"), original = values(tensors, "original");
    double worst = 0;
    size_t cases = 0;
    for (const auto& row : index["cases"]) {
        const std::string name = row["name"];
        CAPTURE(name);
        SchedulerConfig config;
        config.raw_json = index["configs"][row["config"].get<std::string>()].dump();
        const bool image_to_image = !row["strength"].is_null();
        const SamplerSetup setup{row["steps"].get<int>(),
                                 image_to_image ? row["strength"].get<double>() : 1.0};
        const auto sampler = make_sampler(row["sampler"].get<std::string>(),
                                          row["schedule"].get<std::string>(), config, setup);

        const Floats timesteps = values(tensors, name + "/timesteps");
        REQUIRE(sampler->timesteps().size() == timesteps.size());
        for (size_t i = 0; i < timesteps.size(); ++i)
            CHECK(std::abs(sampler->timesteps()[i] - timesteps[i]) <= 1e-4);

        TorchRandom rng(std::stoull(std::to_string(row["seed"].get<int>())));
        CHECK(rng.randn(start.size()) == start);
        Floats x = start, input(start.size());
        if (image_to_image)
            sampler->add_noise(original, start, 0, x);
        else
            for (float& v : x) v *= sampler->init_noise_sigma();
        CHECK(distance(x, values(tensors, name + "/noised")) <= 2e-7);

        // With zero terminal SNR the first sigma is 4096 and Euler's first step leaves a few units of numbers
        // of that size: one unit in the last place of a square root, where MKL's is off for a fifth of all
        // values, is 2e-5 of what is left.
        const bool magnified = row["config"] == "v-zero-snr";
        const double bound = magnified ? 5e-5 : 1e-6;
        const Floats latents = values(tensors, name + "/latents");
        REQUIRE(latents.size() == timesteps.size() * x.size());
        for (size_t i = 0; i < timesteps.size(); ++i) {
            sampler->scale_model_input(x, static_cast<int>(i), input);
            sampler->step(network(input, sampler->timesteps()[i]), static_cast<int>(i), x, rng);
            const double d = distance(x, std::span<const float>(latents).subspan(i * x.size(), x.size()));
            CAPTURE(i);
            CHECK(d <= bound);
            if (!magnified) worst = std::max(worst, d);
        }
        ++cases;
    }
    CHECK(cases > 80);
    MESSAGE("worst distance of any step from the reference: ", worst);
}

}  // namespace
}  // namespace sluice
