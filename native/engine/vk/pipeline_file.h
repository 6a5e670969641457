// The pipeline cache on disk, one file a device and driver:
//   "SLPC" u32 version | u32 vendor, device, driver version | 16 bytes pipelineCacheUUID |
//   u64 number of keys | u64 bytes of data | u64 FNV-1a of what follows | keys (u64 each) | data
// Numbers are in the machine's own byte order: the driver's data is no more portable than that.
// A file that is cut, altered or of another driver reads as empty.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "vk/instance.h"

namespace sluice::vk {

struct PipelineFile {
    std::vector<uint64_t> keys;  // what the data holds, as hashes of SPIR-V and constants
    std::vector<unsigned char> data;
};

std::string driver_key(const Physical& physical);
std::string pipeline_file_path(const std::string& cache_dir, const Physical& physical);
PipelineFile read_pipeline_file(const std::string& path, const Physical& physical);
// Writes beside and renames. Throws when it cannot.
void write_pipeline_file(const std::string& path, const Physical& physical, const PipelineFile& file);

}  // namespace sluice::vk
