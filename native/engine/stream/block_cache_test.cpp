#include "stream/block_cache.h"

#include <doctest/doctest.h>

#include "core/test_models.h"
#include "format/lora.h"
#include "format/safetensors_write.h"
#include "format/test_files.h"

namespace sluice {
namespace {

using testing::Folder;

const std::string to_q = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q";

}  // namespace

TEST_CASE("converted networks with LoRAs do not fill the disk") {
    const Folder folder;
    const std::string path = folder / "lora.safetensors";
    const std::vector<float> values(64, 0.25f);
    write_safetensors(path, {float_tensor("unet." + to_q + ".lora_A.weight", {2, 32}, values),
                             float_tensor("unet." + to_q + ".lora_B.weight", {32, 2}, values)});
    Program program;
    program.matrices.push_back(Matrix{});
    program.matrices[0].outputs = program.matrices[0].inputs = 32;
    program.matrices[0].taps = 1;
    program.matrices[0].parts = {{to_q + ".weight", 0, 32}};
    program.matrix_source = {0};
    Conv use;
    use.weight = 0;
    program.ops.push_back(Op{"to_q", use});
    const auto open = [&](float strength) {
        Model model = open_model(test_model("tiny"), {});
        apply_loras(model, {{path, strength}}, "");
        BlockCache::Request r;
        r.program = &program;
        r.source = model.unet.get();
        r.role = "unet-adapted";
        r.directory = folder / "blocks";
        r.keep = 2;
        const auto cache = BlockCache::open(r);
        return std::pair(cache->built(), cache);
    };
    const auto oldest = open(1).second;
    const std::vector<std::byte> before(oldest->data(), oldest->data() + oldest->size());
    CHECK(open(2).first);
    CHECK(!open(1).first);  // and now it is the newest
    CHECK(open(3).first);
    CHECK(!open(1).first);
    CHECK(open(2).first);  // was removed for 3
    CHECK(open(4).first);
    CHECK(open(1).first);
    CHECK(std::equal(before.begin(), before.end(), oldest->data()));  // a mapped one stays readable
    size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder / "blocks")) files += entry.is_regular_file();
    CHECK(files == 2);
}

}  // namespace sluice
