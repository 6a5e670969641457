#include "core/seeded_weights.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/error.h"
#include "core/test_models.h"

namespace sluice {
namespace {

std::string bytes_of(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    REQUIRE_MESSAGE(stream.good(), path.string());
    return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

TEST_CASE("seeded models are, byte for byte, those that the goldens were made with") {
    std::ifstream list(SLUICE_TEST_DATA "/models/checksums.txt");
    int files = 0;
    for (std::string file, expected; list >> file >> expected; ++files) {
        CAPTURE(file);
        const std::string bytes = bytes_of(std::filesystem::path(test_model(file.substr(0, file.find('/')))) /
                                           file.substr(file.find('/') + 1));
        const uLong sum = crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), uInt(bytes.size()));
        CHECK(std::to_string(sum) == expected);
    }
    CHECK(files == 9);
}

TEST_CASE("a slice of a seeded tensor equals the whole's") {
    const SeededModel model = read_seeded_model(SLUICE_TEST_DATA "/models/sd15.json");
    REQUIRE(model.components.size() == 4);
    const SeededTensor& tensor = model.components[1].tensors[0];
    CHECK(tensor.name == "conv_in.weight");
    CHECK(tensor.shape == std::vector<int64_t>{320, 4, 3, 3});
    std::vector<uint16_t> whole(tensor.elements()), slice(100);
    seeded_values(tensor, 0, whole);
    seeded_values(tensor, 777, slice);
    CHECK(std::equal(slice.begin(), slice.end(), whole.begin() + 777));
}

TEST_CASE("a single file holds the folder's values under the original names") {
    const SeededModel model = read_seeded_model(SLUICE_TEST_DATA "/models/tiny.json");
    const auto path =
        std::filesystem::temp_directory_path() / ("sluice-single-" + test_process() + ".safetensors");
    write_seeded_single_file(model, SLUICE_TEST_DATA "/models/original_names.txt", path.string(),
                             SeededFormat::f32);
    const std::string bytes = bytes_of(path);
    std::filesystem::remove(path);
    uint64_t header = 0;
    for (int i = 7; i >= 0; --i) header = header << 8 | uint8_t(bytes[size_t(i)]);
    const std::string text = bytes.substr(8, header);
    CHECK(text.find(R"("model.diffusion_model.input_blocks.0.0.weight")") != std::string::npos);
    CHECK(
        text.find(R"("first_stage_model.encoder.mid.attn_1.q.weight":{"dtype":"F32","shape":[64,64,1,1])") !=
        std::string::npos);
    CHECK(text.find(R"("cond_stage_model.transformer.text_model.final_layer_norm.bias")") !=
          std::string::npos);
    const SeededTensor& first = model.components[1].tensors[0];
    std::vector<uint16_t> expected(first.elements());
    seeded_values(first, 0, expected);
    float value;
    std::memcpy(&value, bytes.data() + 8 + header + 4 * 5, 4);
    CHECK(value == half_to_float(expected[5]));
}

TEST_CASE("a specification that is none is refused by name") {
    const auto path = std::filesystem::temp_directory_path() / ("sluice-spec-" + test_process() + ".json");
    for (const char* text :
         {"", "[]", R"({"seed":1,"files":{},"components":{"unet":{"config":{},"tensors":[["a",[0],0,1]]}}})",
          R"({"seed":1,"files":{},"components":{"unet":{"config":{},"tensors":[["a",[1],99999999,1]]}}})"}) {
        std::ofstream(path) << text;
        CHECK_THROWS_WITH_AS(read_seeded_model(path.string()), doctest::Contains("sluice-spec-"), Error);
    }
    std::filesystem::remove(path);
    CHECK_THROWS_AS(read_seeded_model("/nonexistent/spec.json"), Error);
}

}  // namespace sluice
