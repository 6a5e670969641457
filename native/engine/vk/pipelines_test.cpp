#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <string>

#include "core/failpoint.h"
#include "vk/device_impl.h"
#include "vk/pipeline_file.h"
#include "vk/test_device.h"

using namespace sluice;
using namespace sluice::vk;
using namespace sluice::vk::test;

namespace {

std::vector<PipelineKey> keys(uint32_t first, uint32_t count) {
    std::vector<PipelineKey> out;
    for (uint32_t i = 0; i < count; ++i) out.push_back(axpy(64, 1.f, first + i).pipeline);
    return out;
}

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> out;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) out.push_back(entry.path());
    return out;
}

}  // namespace

TEST_CASE("vk: every shader of the table is built in, in both precisions or for halves alone, as SPIR-V") {
    // Matrix units multiply halves: these have no other storage.
    const std::set<std::string> halves_alone{"conv_matrix", "conv_reduce", "attention_matrix", "attention_flash"};
    REQUIRE(shader_count() > 0);
    for (uint16_t id = 0; id < shader_count(); ++id) {
        const ShaderCode code = shader_code(id);
        CAPTURE(code.name);
        CHECK(shader_id(code.name) == id);
        CHECK(code.f32.empty() == halves_alone.contains(code.name));
        for (const auto& words : {code.f32, code.f16}) {
            if (words.empty() && !code.f16.empty() && halves_alone.contains(code.name)) continue;
            REQUIRE(words.size() > 5);
            CHECK(words[0] == 0x07230203u);
            CHECK(words[3] > 0);  // bound of ids
        }
    }
    CHECK(shader_code(shader_count()).name == nullptr);
    CHECK(shader_id("no such shader") == -1);
}

TEST_CASE("vk: pipelines are made once and found again on disk") {
    TempDir cache;
    const auto some = keys(1, 5);
    {
        auto device = Device::open("auto", cache.path.string());
        CHECK(device->prepare(some));
        CHECK_FALSE(device->prepare(some));
    }
    const auto files = files_in(cache.path);
    REQUIRE(files.size() == 1);  // and no temporary file is left
    {
        auto device = Device::open("auto", cache.path.string());
        CHECK_FALSE(device->prepare(some));
        CHECK(device->prepare(keys(3, 4)));  // 6 is new
    }
    {
        auto device = Device::open("auto", cache.path.string());
        CHECK_FALSE(device->prepare(keys(1, 6)));
    }

    // Cut or altered files count as none, and are replaced.
    std::string bytes;
    {
        std::ifstream in(files[0], std::ios::binary);
        bytes.assign(std::istreambuf_iterator<char>(in), {});
    }
    REQUIRE(bytes.size() > 64);
    std::vector<std::string> broken = {"", bytes.substr(0, 40), bytes.substr(0, bytes.size() - 1),
                                       bytes + "x"};
    for (size_t at : {size_t(0), size_t(4), size_t(21), size_t(41), size_t(50), size_t(57), size_t(70),
                      bytes.size() - 1}) {
        broken.push_back(bytes);
        broken.back()[at] = char(broken.back()[at] ^ 0x5a);
    }
    for (const std::string& text : broken) {
        std::ofstream(files[0], std::ios::binary | std::ios::trunc) << text;
        auto device = Device::open("auto", cache.path.string());
        CHECK(device->prepare(some));
        device.reset();
        CHECK_FALSE(Device::open("auto", cache.path.string())->prepare(some));
    }
}

TEST_CASE("vk: a cache folder that cannot be written costs time only") {
    TempDir folder;
    const auto file = folder.path / "a-file";
    std::ofstream(file) << "not a folder";
    auto device = Device::open("auto", (file / "cache").string());
    CHECK(device->prepare(keys(1, 2)));
    CHECK_FALSE(device->prepare(keys(1, 2)));
}

TEST_CASE("vk: another driver's pipeline file is not taken") {
    TempDir folder;
    Physical one;
    one.vendor = 1;
    const std::string path = (folder.path / "file").string();
    write_pipeline_file(path, one, {{7, 8}, {1, 2, 3}});
    const PipelineFile same = read_pipeline_file(path, one);
    CHECK(same.keys == std::vector<uint64_t>{7, 8});
    CHECK(same.data == std::vector<unsigned char>{1, 2, 3});
    Physical other = one;
    other.driver_version = 2;
    CHECK(read_pipeline_file(path, other).keys.empty());
    CHECK(pipeline_file_path("x", one) != pipeline_file_path("x", other));
    other = one;
    other.cache_uuid[15] = 1;
    CHECK(read_pipeline_file(path, other).data.empty());
}
