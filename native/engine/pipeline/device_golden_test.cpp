// Every network on the device against diffusers, at both storages, and the same bytes at every budget.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/test_models.h"
#include "pipeline/probe.h"
#include "vk/test_device.h"

using namespace sluice;

namespace {

struct Run {
    ProbeTensors out;
    uint64_t peak = 0, predicted = 0, smallest = 0, uploaded = 0;
};

// One probe under a budget (0: the driver's), counted from nothing.
Run run_on_device(vk::Device& device, const std::string& cache, const std::string& network, const std::string& model,
                  const ProbeTensors& in, Precision precision, uint64_t budget, int passes = 2) {
    Run run;
    Job job(device, cache, {budget, precision == Precision::fp32 ? 1 : 2}, {}, nullptr);
    const uint64_t before = device.device_bytes();
    device.reset_peak();
    run.out = probe(network, model, cache, in,
                    [&](const StageDescription& d, const std::map<std::string, std::vector<float>>& inputs,
                        const std::vector<std::string>& outputs) {
                        auto stage = job.stage(d, precision);
                        for (const auto& [name, values] : inputs) stage->set_input(name, values);
                        // A second pass: cyclic streaming, no stale state.
                        for (int pass = 1; pass <= passes; pass++) stage->run(job.control(), pass < passes);
                        std::vector<std::vector<float>> results;
                        for (const std::string& name : outputs) results.push_back(stage->output(name));
                        run.predicted = std::max(run.predicted, stage->plan().peak_bytes);
                        run.smallest = std::max(run.smallest, stage->plan().smallest_budget);
                        job.retire(std::move(stage));
                        return results;
                    });
    run.peak = device.peak_device_bytes() - before;
    run.uploaded = job.uploaded_bytes;
    return run;
}

double relative_error(const ProbeTensor& have, const ProbeTensor& want) {
    double worst = 0, largest = 0;
    for (size_t i = 0; i < want.values.size(); i++) {
        const double difference = std::abs(double(have.values[i]) - double(want.values[i]));
        worst = std::max(worst, std::isfinite(difference) ? difference : INFINITY);
        largest = std::max(largest, std::abs(double(want.values[i])));
    }
    return largest > 0 ? worst / largest : worst;
}

std::string component_path(const std::string& model, const std::string& network) {
    return test_model(model) + (network == "controlnet" ? "/controlnet" : "");
}

nlohmann::json golden_index(std::filesystem::path& root) {
    root = std::filesystem::path(SLUICE_TEST_DATA) / "goldens" / "probe";
    std::ifstream file(root / "index.json");
    return nlohmann::json::parse(file);
}

}  // namespace

TEST_CASE("device: every network equals diffusers") {
    std::filesystem::path root;
    const auto index = golden_index(root);
    const vk::test::TempDir cache;
    const auto device = vk::Device::open("", cache.path.string());
    for (Precision precision : {Precision::fp32, Precision::fp16}) {
        if (precision == Precision::fp16 && !device->traits().fp16) continue;
        CAPTURE(int(precision));
        int number = 0;
        for (const auto& entry : index) {
            if (vk::test::one_storage_a_golden(*device) && number++ % 2 != int(precision)) continue;
            const std::string network = entry["network"], model = entry["model"], name = entry["name"];
            CAPTURE(name);
            const ProbeTensors in = read_probe_tensors((root / (name + ".in.safetensors")).string());
            const ProbeTensors expected = read_probe_tensors((root / (name + ".out.safetensors")).string());
            const Run run =
                run_on_device(*device, cache.path.string(), network, component_path(model, network), in, precision, 0);
            const bool vae = network.starts_with("vae");
            const double bar = precision == Precision::fp32 ? 1e-3 : vae ? 1e-2 : 5e-3;
            for (const auto& [tensor, want] : expected) {
                CAPTURE(tensor);
                REQUIRE(run.out.at(tensor).shape == want.shape);
                CHECK(relative_error(run.out.at(tensor), want) <= bar);
            }
        }
    }
    CHECK(vk::take_validation_messages().empty());
}

TEST_CASE("device: a pass of Stable Diffusion's full UNet, streamed, equals diffusers") {
    const std::filesystem::path root = std::filesystem::path(SLUICE_TEST_DATA) / "goldens" / "full";
    std::ifstream file(root / "index.json");
    const auto index = nlohmann::json::parse(file);
    REQUIRE(index.size() == 1);
    const std::string name = index[0]["name"];
    const vk::test::TempDir cache;
    const auto device = vk::Device::open("", cache.path.string());
    const Precision precision = device->traits().fp16 ? Precision::fp16 : Precision::fp32;
    const ProbeTensors in = read_probe_tensors((root / (name + ".in.safetensors")).string());
    const ProbeTensors expected = read_probe_tensors((root / (name + ".out.safetensors")).string());
    const std::string model = test_model("sd15", SeededFormat::f16, "unet");
    const uint64_t budget = uint64_t(192) << 20;
    const Run run = run_on_device(*device, cache.path.string(), "unet", model, in, precision, budget, 1);
    CHECK(relative_error(run.out.at("sample"), expected.at("sample")) <= (precision == Precision::fp32 ? 1e-3 : 5e-3));
    CHECK(run.peak <= budget);
    CHECK(double(run.peak) <= double(run.predicted) * 1.01);
    CHECK(double(run.peak) >= double(run.predicted) * 0.99);
    CHECK(run.uploaded > 5 * budget);
    CHECK(vk::take_validation_messages().empty());
}

TEST_CASE("device: the same bytes from the smallest budget to everything resident") {
    std::filesystem::path root;
    const auto index = golden_index(root);
    const vk::test::TempDir cache;
    const auto device = vk::Device::open("", cache.path.string());
    const Precision precision = device->traits().fp16 ? Precision::fp16 : Precision::fp32;
    for (const char* name : {"odd/unet-b2-8x6", "odd/controlnet-b2-5x7-strength", "odd/vae-decoder-b1-9x5",
                             "odd/vae-encoder-b1-64x48", "odd/text-encoder-b2"}) {
        CAPTURE(name);
        std::string network, model;
        for (const auto& entry : index)
            if (entry["name"] == name) {
                network = entry["network"];
                model = entry["model"];
            }
        REQUIRE(!network.empty());
        const std::string path = component_path(model, network);
        const ProbeTensors in = read_probe_tensors((root / (std::string(name) + ".in.safetensors")).string());
        const Run whole = run_on_device(*device, cache.path.string(), network, path, in, precision, 0);
        const uint64_t resident = uint64_t(4) << 30;
        const Run all = run_on_device(*device, cache.path.string(), network, path, in, precision, resident);
        const uint64_t smallest = all.smallest;
        for (uint64_t budget : {resident, smallest, smallest + smallest / 16, smallest + smallest / 3, 2 * smallest}) {
            CAPTURE(budget);
            const Run run = run_on_device(*device, cache.path.string(), network, path, in, precision, budget);
            CHECK(run.peak <= budget);
            CHECK(double(run.peak) <= double(run.predicted) * 1.01);
            CHECK(double(run.peak) >= double(run.predicted) * 0.99);
            for (const auto& [tensor, want] : whole.out) {
                CAPTURE(tensor);
                CHECK(run.out.at(tensor).values == want.values);
            }
        }
        CHECK_THROWS_AS(run_on_device(*device, cache.path.string(), network, path, in, precision, smallest - 4096), Error);
    }
    CHECK(vk::take_validation_messages().empty());
}
