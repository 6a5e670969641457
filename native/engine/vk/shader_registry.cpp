#include "vk/shader_registry.h"

#include <vector>

namespace sluice::vk {

namespace {

#define SLUICE_SHADER(name, ...) #name,
constexpr const char* table[] = {
#include "table.def"
    nullptr};
#undef SLUICE_SHADER
constexpr size_t table_rows = std::size(table) - 1;

const detail::EmbeddedShader* find(std::string_view name) {
    for (const auto& shader : detail::embedded_shaders())
        if (name == shader.name) return &shader;
    return nullptr;
}

std::vector<ShaderCode> build() {
    std::vector<ShaderCode> out;
    for (size_t i = 0; i < table_rows; ++i) {
        const auto* shader = find(table[i]);
        out.push_back(shader ? ShaderCode{table[i], shader->f32, shader->f16} : ShaderCode{table[i], {}, {}});
    }
    for (const auto& shader : detail::embedded_shaders()) {
        bool in_table = false;
        for (size_t i = 0; i < table_rows; ++i)
            in_table = in_table || std::string_view(table[i]) == shader.name;
        if (!in_table) out.push_back({shader.name, shader.f32, shader.f16});
    }
    return out;
}

const std::vector<ShaderCode>& all() {
    static const std::vector<ShaderCode> list = build();
    return list;
}

}  // namespace

ShaderCode shader_code(uint16_t id) {
    return id < all().size() ? all()[id] : ShaderCode{};
}

int shader_id(std::string_view name) {
    for (size_t i = 0; i < all().size(); ++i)
        if (name == all()[i].name) return int(i);
    return -1;
}

uint16_t shader_count() {
    return uint16_t(all().size());
}

}  // namespace sluice::vk
