// The programs against diffusers' networks, run by the plain C++ twins: proves the wiring without a device.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/test_models.h"
#include "pipeline/probe.h"
#include "stream/block_cache.h"
#include "twins/interpret.h"

using namespace sluice;

namespace {

std::vector<float> pad_channels(const Tensor& t, const std::vector<float>& values) {
    std::vector<float> out(size_t(t.elements()), 0.f);
    const size_t c = size_t(t.channels), stride = size_t(padded_channels(t.channels));
    for (size_t r = 0; r < size_t(t.rows()); r++) std::copy_n(&values[r * c], c, &out[r * stride]);
    return out;
}

std::vector<float> unpad_channels(const Tensor& t, const std::vector<float>& values) {
    std::vector<float> out;
    const size_t c = size_t(t.channels), stride = size_t(padded_channels(t.channels));
    for (size_t r = 0; r < size_t(t.rows()); r++) out.insert(out.end(), &values[r * stride], &values[r * stride] + c);
    return out;
}

std::vector<std::vector<float>> run_twins(const StageDescription& d,
                                          const std::map<std::string, std::vector<float>>& inputs,
                                          const std::vector<std::string>& outputs) {
    const Program& p = d.program;
    std::vector<std::vector<float>> tensors(p.tensors.size());
    for (const auto& [name, values] : inputs) {
        const TensorId id = find_tensor(p, name);
        tensors[size_t(id)] = pad_channels(p.tensors[size_t(id)], values);
    }
    twins::interpret(
        p, tensors,
        [&](MatrixId id) {
            const Matrix& m = p.matrices[size_t(id)];
            std::vector<float> packed(size_t(m.panels()) * size_t(m.panel_elements()));
            pack_panels(m, 0, m.panels(), Precision::fp32, *d.sources[size_t(p.matrix_source[size_t(id)])].weights,
                        reinterpret_cast<std::byte*>(packed.data()));
            return packed;
        },
        [&](VectorId id) {
            const Vector& v = p.vectors[size_t(id)];
            std::vector<float> packed(size_t(round_up(v.size, panel_width)));
            pack_vector(v, *d.sources[size_t(p.vector_source[size_t(id)])].weights, packed.data());
            return packed;
        });
    std::vector<std::vector<float>> results;
    for (const std::string& name : outputs) {
        const TensorId id = find_tensor(p, name);
        results.push_back(unpad_channels(p.tensors[size_t(id)], tensors[size_t(id)]));
    }
    return results;
}

}  // namespace

TEST_CASE("programs equal diffusers' networks") {
    namespace fs = std::filesystem;
    const fs::path root = fs::path(SLUICE_TEST_DATA) / "goldens" / "probe";
    std::ifstream index_file(root / "index.json");
    const auto index = nlohmann::json::parse(index_file);
    int checked = 0;
    for (const auto& entry : index) {
        const std::string model = entry["model"], network = entry["network"], name = entry["name"];
        CAPTURE(name);
        std::string path = test_model(model);
        if (network == "controlnet") path += "/controlnet";
        const ProbeTensors in = read_probe_tensors((root / (name + ".in.safetensors")).string());
        const ProbeTensors expected = read_probe_tensors((root / (name + ".out.safetensors")).string());
        const ProbeTensors got = probe(network, path, fs::temp_directory_path().string(), in, run_twins);
        REQUIRE(got.size() == expected.size());
        for (const auto& [tensor, want] : expected) {
            CAPTURE(tensor);
            const ProbeTensor& have = got.at(tensor);
            REQUIRE(have.shape == want.shape);
            float worst = 0, largest = 0;
            for (size_t i = 0; i < want.values.size(); i++) {
                worst = std::max(worst, std::abs(have.values[i] - want.values[i]));
                largest = std::max(largest, std::abs(want.values[i]));
            }
            CHECK(worst <= 1e-4f * largest);
            checked++;
        }
    }
    CHECK(checked > 0);
}
