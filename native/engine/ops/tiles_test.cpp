#include "ops/tiles.h"

#include <doctest/doctest.h>

#include <fstream>

#include "networks/networks.h"
#include "ops/lower.h"
#include "ops/tile_file.h"
#include "stream/plan.h"
#include "vk/test_device.h"

using namespace sluice;

namespace {

// An NVIDIA GPU's limits.
DeviceTraits gpu() {
    DeviceTraits t;
    t.fp16 = true;
    t.max_shared_bytes = 48 << 10;
    t.max_workgroup_invocations = 1024;
    t.max_storage_range = 0xffffffffu;
    t.matrix_m = t.matrix_n = t.matrix_k = 16;
    return t;
}

const ConvShape conv64{2, 64, 64, 320, 10, 3, 1, false, true};

}  // namespace

TEST_CASE("tiles: every candidate fits the device, and small levels split K") {
    const DeviceTraits traits = gpu();
    const ConvShape small{2, 8, 8, 1280, 40, 3, 1, false, true};
    for (const ConvShape& s : {conv64, small}) {
        const auto tiles = conv_tiles(s, traits);
        REQUIRE(tiles.size() > 4);
        for (const ConvTile& t : tiles) {
            CHECK(shared_bytes(t, traits) <= 48 << 10);
            CHECK(workgroup_size(t, traits) <= 1024);
        }
    }
    CHECK(choose_tile(conv64, traits).splits == 1);
    CHECK(choose_tile(small, traits).splits > 1);
    for (const int size : {40, 64, 80, 160, 512})
        CHECK(!attention_tiles({2, 4096, 4096, 8, size, false}, traits).empty());
}

TEST_CASE("tiles: nothing is chosen where matrices, memory or invocations don't suffice") {
    DeviceTraits traits = gpu();
    traits.matrix_m = 0;
    CHECK(conv_tiles(conv64, traits).empty());
    CHECK(choose_tile(conv64, traits).m == 0);
    CHECK(choose_tile(AttentionShape{1, 64, 64, 1, 40}, traits).groups == 0);
    traits = gpu();
    traits.max_shared_bytes = 1024;
    CHECK(conv_tiles(conv64, traits).empty());
    traits = gpu();
    traits.max_workgroup_invocations = 128;
    for (const ConvTile& t : conv_tiles(conv64, traits)) CHECK(workgroup_size(t, traits) <= 128);
}

TEST_CASE("tiles: a UNet at SD 1.5's widths runs on matrix units and needs hardly more memory for its shares") {
    const Program program = unet_program(UNetConfig{}, StepOptions{});
    PlanRequest request;
    request.traits = gpu();
    const Plan with = make_plan(program, request);
    request.traits.matrix_m = 0;
    const Plan without = make_plan(program, request);
    CHECK(with.arena_bytes >= without.arena_bytes);
    CHECK(with.arena_bytes <= without.arena_bytes + (8u << 20));
    // But for the first and the last convolution and the time's few rows, every product is one for matrix units.
    int matrix = 0, others = 0;
    for (const Op& op : program.ops) {
        const Conv* c = std::get_if<Conv>(&op.body);
        if (!c) continue;
        const auto shape = matrix_shape(program, *c, Precision::fp16);
        const bool chosen = shape && choose_tile(*shape, gpu()).m;
        (chosen ? matrix : others)++;
        if (!chosen && program.tensors[size_t(c->out)].rows() > 16)
            CHECK((op.name == "conv_in" || op.name == "conv_out" || op.name.find("attn2") != std::string::npos));
    }
    CHECK(matrix > 180);
}

TEST_CASE("tiles: the choice does not depend on the budget or on a cut") {
    Program program = unet_program(UNetConfig{}, StepOptions{});
    const DeviceTraits traits = gpu();
    add_scratch(program, Precision::fp16, traits);
    for (const Op& op : program.ops) {
        const Conv* c = std::get_if<Conv>(&op.body);
        if (!c) continue;
        const Matrix& m = program.matrices[size_t(c->weight)];
        std::vector<Dispatch> whole, part;
        lower(program, op, {}, Precision::fp16, traits, whole);
        lower(program, op, {0, m.geglu ? 2 : 1, 0, -1}, Precision::fp16, traits, part);
        REQUIRE(!whole.empty());
        REQUIRE(!part.empty());
        CHECK(whole.front().pipeline == part.front().pipeline);
    }
}

TEST_CASE("tiles: a part of a small convolution takes as long as the whole") {
    const DeviceTraits traits = gpu();
    DeviceTraits narrow = traits;
    narrow.multiprocessors = 8;
    const ConvShape small{2, 16, 16, 1280, 40, 3, 1, false, true};
    const ConvTile tile{128, 160, 64, 32, 80, 16, 4};  // 128 workgroups
    CHECK(time_share(tile, small, small.panels, traits) == 1);
    CHECK(time_share(tile, small, small.panels / 4, traits) > 0.9);
    CHECK(time_share(tile, small, small.panels / 4, narrow) < 0.5);
    CHECK(time_share(tile, small, small.panels / 4, narrow) >= 0.25);
}

TEST_CASE("tiles: a table is read back as it was written, and anything else is an empty one") {
    vk::test::TempDir folder;
    const std::string path = (folder.path / "deep" / "tiles.json").string();
    TileTable table;
    table.conv[conv64] = {128, 160, 64, 32, 80, 16, 1};
    table.attention[{2, 4096, 4096, 8, 40, false}] = {4, 1, 64, 48, 64, 0};
    table.attention[{2, 77, 77, 8, 40, true}] = {4, 1, 64, 48, 64, 0};
    table.conv_rates[conv64] = 2.5e14;
    table.attention_rates[{2, 4096, 4096, 8, 40, false}] = 1e14;  // the other was not timed
    REQUIRE(write_tile_file(path, "kernels", table));
    const TileTable read = read_tile_file(path, "kernels");
    CHECK(read.conv == table.conv);
    CHECK(read.attention == table.attention);
    CHECK(read.conv_rates == table.conv_rates);
    CHECK(read.attention_rates == table.attention_rates);
    CHECK(read_tile_file(path, "others").conv.empty());
    CHECK(read_tile_file((folder.path / "none").string(), "kernels").conv.empty());
    for (const char* text : {"", "[]", "{\"version\":1,\"kernels\":\"kernels\",\"conv\":[[[1],[2]]]}",
                             "{\"version\":1,\"kernels\":\"kernels\",\"conv\":[[[1,1,1,1,1,1,1,1,1],[1,1,1,0,0,1,1]]]}"}) {
        std::ofstream(path, std::ios::trunc) << text;
        CHECK(read_tile_file(path, "kernels").conv.empty());
    }
    CHECK_FALSE(write_tile_file((folder.path / "deep" / "tiles.json" / "below").string(), "kernels", table));
    // A table's tile that does not fit the shape or the device is passed over.
    DeviceTraits traits = gpu();
    const ConvTile usual = choose_tile(conv64, traits);
    TileTable odd;
    odd.conv[conv64] = {128, 160, 64, 32, 80, 24, 1};
    traits.tiles = std::make_shared<const TileTable>(odd);
    CHECK(choose_tile(conv64, traits) == usual);
}
