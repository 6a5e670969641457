// The seeded models as diffusers folders, for tests: written once a machine under the temporary folder.
#pragma once
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/seeded_weights.h"

namespace sluice {

inline std::string test_process() {
    return std::to_string(getpid());
}

// "tiny", "odd", "odd2", "classic" or "sd15" (2.9 GB): the folder's path. Its ControlNets are in controlnet/
// and, for tiny, controlnet-b/. A folder is kept for the next run; its name changes with its specification.
// `component`: that alone is written, and the path is its own.
inline std::string test_model(const std::string& name, SeededFormat format = SeededFormat::f16,
                              const std::string& component = {}) {
    namespace fs = std::filesystem;
    const std::string specification = std::string(SLUICE_TEST_DATA) + "/models/" + name + ".json";
    const SeededModel model = read_seeded_model(specification);
    uint64_t version = 0xCBF29CE484222325ull;
    for (const auto& component : model.components) {
        for (unsigned char byte : component.config) version = (version ^ byte) * 0x100000001B3ull;
        for (const auto& tensor : component.tensors)
            version = (version ^ tensor.key ^ uint64_t(tensor.centre * 65537 + tensor.half_width)) *
                      0x100000001B3ull;
    }
    const fs::path root = fs::temp_directory_path() / ("sluice-test-models-" + std::to_string(getuid()));
    const std::string folder_name =
        name + component + (format == SeededFormat::f16 ? "-f16-" : "-f32-") + std::to_string(version);
    const fs::path folder = root / folder_name;
    const std::string path = (component.empty() ? folder : folder / component).string();
    if (fs::exists(folder)) return path;
    const fs::path part = root / (folder_name + ".part-" + test_process());
    write_seeded_folder(model, part.string(), format,
                        component.empty() ? std::vector<std::string>{} : std::vector<std::string>{component});
    std::error_code taken;  // another process may have been faster; its folder is the same
    fs::rename(part, folder, taken);
    if (taken) fs::remove_all(part);
    return path;
}

}  // namespace sluice
