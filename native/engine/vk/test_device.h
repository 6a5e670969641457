// What the tests of vk/ share: a device, the axpy shader, and buffers filled from the host.
#pragma once
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "vk/device.h"
#include "vk/shader_registry.h"

namespace sluice::vk::test {

// A folder that is removed with this object.
struct TempDir {
    std::filesystem::path path;
    TempDir() {
        static int counter = 0;
        path = std::filesystem::temp_directory_path() /
               ("sluice-vk-" +
                std::to_string(std::hash<std::string>{}(std::to_string(reinterpret_cast<uintptr_t>(this)))) +
                "-" + std::to_string(counter++));
        std::filesystem::remove_all(path);
        std::filesystem::create_directories(path);
    }
    ~TempDir() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
};

// Whether the validation layers instrument shaders, which makes compiling one take many seconds.
inline bool instrumented() {
    const char* layers = std::getenv("SLUICE_VALIDATION");
    return layers && std::string(layers) == "gpu";
}

// Whether each golden is held at one storage alone, because both take a CPU device minutes.
inline bool one_storage_a_golden(const Device& device) {
    return device.traits().cpu && device.traits().fp16 && !std::getenv("SLUICE_EVERY_GOLDEN");
}

// y = gain * (a * x + y) over `count` floats.
inline Dispatch axpy(uint32_t count, float a, uint32_t gain = 1) {
    Dispatch d;
    d.pipeline.shader = uint16_t(shader_id("axpy"));
    d.pipeline.spec[0] = gain;
    std::memcpy(&d.push[0], &count, 4);
    std::memcpy(&d.push[1], &a, 4);
    d.push_bytes = 8;
    d.groups[0] = (count + 63) / 64;
    return d;
}

inline std::array<BoundRange, max_bindings> bind(const Buffer& x, const Buffer& y) {
    std::array<BoundRange, max_bindings> ranges{};
    ranges[0] = {x.handle(), 0, x.size()};
    ranges[1] = {y.handle(), 0, y.size()};
    return ranges;
}

inline void fill(const Buffer& buffer, float value) {
    auto* p = static_cast<float*>(buffer.mapped());
    for (uint64_t i = 0; i < buffer.size() / 4; ++i) p[i] = value;
}

inline float at(const Buffer& buffer, uint64_t i) {
    return static_cast<const float*>(buffer.mapped())[i];
}

}  // namespace sluice::vk::test
