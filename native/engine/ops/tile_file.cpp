#include "ops/tile_file.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace sluice {
namespace {

using nlohmann::json;
constexpr int version = 3;

json numbers(const ConvShape& s) {
    return {s.images, s.out_height, s.out_width, s.inputs, s.panels, s.kernel, s.stride, int(s.geglu), int(s.folded)};
}
json numbers(const ConvTile& t) { return {t.m, t.n, t.k, t.warp_m, t.warp_n, t.halo, t.splits}; }
json numbers(const AttentionShape& s) { return {s.images, s.queries, s.keys, s.heads, s.head_size, int(s.causal)}; }
json numbers(const AttentionTile& t) { return {t.groups, t.shares, t.keys, t.key_columns, t.value_rows, t.parts}; }

// The numbers of one row, or nothing when it is not `count` integers that a tile or a shape can have.
std::vector<int> row(const json& j, size_t count) {
    std::vector<int> values;
    if (!j.is_array() || j.size() != count) return {};
    for (const json& v : j) {
        if (!v.is_number_unsigned() || v.get<uint64_t>() > (1u << 30)) return {};
        values.push_back(v.get<int>());
    }
    return values;
}

bool is_rate(const json& j) { return j.is_number() && j.get<double>() > 0 && j.get<double>() < 1e18; }

}  // namespace

TileTable read_tile_file(const std::string& path, const std::string& kernels) {
    std::ifstream in(path, std::ios::binary);
    const json file = in ? json::parse(in, nullptr, false) : json();
    if (!file.is_object() || file.value("version", 0) != version || file.value("kernels", "") != kernels) return {};
    TileTable table;
    for (const json& j : file.value("conv", json::array())) {
        if (!j.is_array() || j.size() != 3) return {};
        const auto s = row(j[0], 9), t = row(j[1], 7);
        if (s.empty() || t.empty() || t[3] == 0 || t[4] == 0) return {};
        const ConvShape shape{s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7] != 0, s[8] != 0};
        table.conv[shape] = {t[0], t[1], t[2], t[3], t[4], t[5], t[6]};
        if (is_rate(j[2])) table.conv_rates[shape] = j[2].get<double>();
    }
    for (const json& j : file.value("attention", json::array())) {
        if (!j.is_array() || j.size() != 3) return {};
        const auto s = row(j[0], 6), t = row(j[1], 6);
        if (s.empty() || t.empty()) return {};
        const AttentionShape shape{s[0], s[1], s[2], s[3], s[4], s[5] != 0};
        table.attention[shape] = {t[0], t[1], t[2], t[3], t[4], t[5]};
        if (is_rate(j[2])) table.attention_rates[shape] = j[2].get<double>();
    }
    for (const auto& [name, rate] : {std::pair{"flops_per_second", &table.flops_per_second},
                                     std::pair{"link_bytes_per_second", &table.link_bytes_per_second}})
        if (const auto it = file.find(name); it != file.end() && is_rate(*it)) *rate = it->get<double>();
    return table;
}

bool write_tile_file(const std::string& path, const std::string& kernels, const TileTable& table) {
    json file{{"version", version}, {"kernels", kernels}, {"conv", json::array()}, {"attention", json::array()},
              {"flops_per_second", table.flops_per_second}, {"link_bytes_per_second", table.link_bytes_per_second}};
    for (const auto& [shape, tile] : table.conv)
        file["conv"].push_back({numbers(shape), numbers(tile), rate_of(table.conv_rates, shape)});
    for (const auto& [shape, tile] : table.attention)
        file["attention"].push_back({numbers(shape), numbers(tile), rate_of(table.attention_rates, shape)});
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
    const std::string temporary =
        path + "." + std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()) + ".tmp";
    {
        std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
        out << file.dump(1) << "\n";
        out.flush();
        if (!out) error = std::make_error_code(std::errc::io_error);
    }
    if (!error) std::filesystem::rename(temporary, path, error);
    if (!error) return true;
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    return false;
}

}  // namespace sluice
