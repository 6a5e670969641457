#include "vk/pipeline_file.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace sluice::vk {

namespace fs = std::filesystem;

namespace {

struct Header {
    char magic[4] = {'S', 'L', 'P', 'C'};
    uint32_t version = 1;
    uint32_t vendor = 0, device = 0, driver_version = 0;
    uint8_t uuid[VK_UUID_SIZE] = {};
    uint32_t reserved = 0;
    uint64_t keys = 0, bytes = 0, checksum = 0;
};
static_assert(sizeof(Header) == 64);

Header header_for(const Physical& physical) {
    Header h;
    h.vendor = physical.vendor;
    h.device = physical.device;
    h.driver_version = physical.driver_version;
    std::memcpy(h.uuid, physical.cache_uuid, sizeof h.uuid);
    return h;
}

uint64_t fnv(uint64_t hash, const void* data, size_t bytes) {
    const auto* p = static_cast<const unsigned char*>(data);
    for (size_t i = 0; i < bytes; ++i) hash = (hash ^ p[i]) * 0x100000001b3ull;
    return hash;
}

uint64_t checksum(const PipelineFile& file) {
    const uint64_t hash = fnv(0xcbf29ce484222325ull, file.keys.data(), file.keys.size() * sizeof(uint64_t));
    return fnv(hash, file.data.data(), file.data.size());
}

}  // namespace

std::string driver_key(const Physical& physical) {
    char name[96];
    int length = std::snprintf(name, sizeof name, "%04x-%04x-%08x-", physical.vendor, physical.device,
                               physical.driver_version);
    for (int i = 0; i < 8; ++i)
        length += std::snprintf(name + length, sizeof name - size_t(length), "%02x", physical.cache_uuid[i]);
    return name;
}

std::string pipeline_file_path(const std::string& cache_dir, const Physical& physical) {
    return (fs::path(cache_dir) / ("pipelines-" + driver_key(physical) + ".bin")).string();
}

PipelineFile read_pipeline_file(const std::string& path, const Physical& physical) {
    std::error_code error;
    const uint64_t size = fs::file_size(path, error);
    if (error || size < sizeof(Header)) return {};
    std::ifstream in(path, std::ios::binary);
    Header found;
    const Header expected = header_for(physical);
    if (!in.read(reinterpret_cast<char*>(&found), sizeof found)) return {};
    // Everything up to the counts has to be equal.
    if (std::memcmp(&found, &expected, offsetof(Header, keys)) != 0) return {};
    const uint64_t rest = size - sizeof(Header);
    if (found.keys > rest / sizeof(uint64_t) || found.bytes != rest - found.keys * sizeof(uint64_t))
        return {};
    PipelineFile file;
    file.keys.resize(found.keys);
    file.data.resize(found.bytes);
    in.read(reinterpret_cast<char*>(file.keys.data()), std::streamsize(found.keys * sizeof(uint64_t)));
    in.read(reinterpret_cast<char*>(file.data.data()), std::streamsize(found.bytes));
    if (!in || checksum(file) != found.checksum) return {};
    return file;
}

void write_pipeline_file(const std::string& path, const Physical& physical, const PipelineFile& file) {
    static std::atomic<uint64_t> counter{0};
    fs::create_directories(fs::path(path).parent_path());
    // Unique among processes by time and among this one's devices by count.
    const std::string temporary =
        path + "." + std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()) + "." +
        std::to_string(counter++) + ".tmp";
    Header h = header_for(physical);
    h.keys = file.keys.size();
    h.bytes = file.data.size();
    h.checksum = checksum(file);
    bool written = false;
    {
        std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
        out.write(reinterpret_cast<const char*>(&h), sizeof h);
        out.write(reinterpret_cast<const char*>(file.keys.data()),
                  std::streamsize(file.keys.size() * sizeof(uint64_t)));
        out.write(reinterpret_cast<const char*>(file.data.data()), std::streamsize(file.data.size()));
        out.flush();
        written = bool(out);
    }
    std::error_code error;
    if (written && !SLUICE_FAILS("rename-pipeline-cache"))
        fs::rename(temporary, path, error);
    else
        error = std::make_error_code(std::errc::io_error);
    if (error) {
        std::error_code ignored;
        fs::remove(temporary, ignored);
        throw Error(Status::input, "cache-not-written", "cannot write the pipeline cache " + path);
    }
}

}  // namespace sluice::vk
