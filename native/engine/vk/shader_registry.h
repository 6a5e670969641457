// The SPIR-V of every shader, built into the library.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::vk {

struct ShaderCode {
    const char* name = nullptr;          // null: no such shader
    std::span<const uint32_t> f32, f16;  // by storage precision; empty where there is no such variant
};

// Ids are the rows of shaders/table.def; after them come the other shaders of shaders/spv (tests' own), by
// name.
ShaderCode shader_code(uint16_t id);

// The id of a shader by name; -1 when there is none.
int shader_id(std::string_view name);

// How many ids there are.
uint16_t shader_count();

namespace detail {
// Generated at build time from shaders/spv/*.spv, sorted by name.
struct EmbeddedShader {
    const char* name;
    std::span<const uint32_t> f32, f16;
};
std::span<const EmbeddedShader> embedded_shaders();
}  // namespace detail

}  // namespace sluice::vk
