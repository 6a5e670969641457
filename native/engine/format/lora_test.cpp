#include "format/lora.h"

#include <cmath>
#include <limits>
#include <random>

#include "core/test_models.h"
#include "format/inspect.h"
#include "format/safetensors_write.h"
#include "format/test_files.h"

namespace sluice {
namespace {

using testing::contains;
using testing::error_of;
using testing::Folder;

constexpr int rank = 2;
constexpr char to_q[] = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q";
constexpr char to_out[] = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0";
constexpr char conv[] = "down_blocks.0.resnets.0.conv1";
constexpr char q_proj[] = "text_model.encoder.layers.0.self_attn.q_proj";

std::vector<float> some(size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<float> values(count);
    for (float& v : values) v = float(int(random() % 2001) - 1000) / 4000.f;
    return values;
}

TensorToWrite tensor(const std::string& name, std::vector<int64_t> shape, unsigned seed) {
    int64_t count = 1;
    for (int64_t side : shape) count *= side;
    return float_tensor(name, std::move(shape), some(size_t(count), seed));
}

Model tiny() { return open_model(test_model("tiny"), {}); }

std::vector<float> whole(const WeightSource& source, const std::string& name) {
    std::vector<float> values(size_t(source.find(name)->elements()));
    source.read(name, 0, values);
    return values;
}

// The weight after an adapter of seeds 1 (down) and 2 (up), straight from the formula.
std::vector<float> expected(const WeightSource& plain, const std::string& name, float scale) {
    std::vector<float> weight = whole(plain, name);
    const size_t rows = size_t(plain.find(name)->shape.front()), columns = weight.size() / rows;
    const std::vector<float> down = some(rank * columns, 1), up = some(rows * rank, 2);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++)
            for (size_t k = 0; k < rank; k++) weight[r * columns + c] += scale * up[r * rank + k] * down[k * columns + c];
    return weight;
}

double apart(const std::vector<float>& a, const std::vector<float>& b) {
    REQUIRE(a.size() == b.size());
    double worst = 0;
    for (size_t i = 0; i < a.size(); i++) worst = std::max(worst, std::abs(double(a[i]) - double(b[i])));
    return worst;
}

std::vector<TensorToWrite> pair(const std::string& down, const std::string& up, int64_t columns, int64_t rows) {
    return {tensor(down, {rank, columns}, 1), tensor(up, {rows, rank}, 2)};
}

std::string code_of(const std::string& path) {
    return error_of([&] {
        Model model = tiny();
        apply_loras(model, {{path, 1}}, "");
    });
}

}  // namespace

TEST_CASE("a LoRA is the same whoever saved it") {
    const Folder folder;
    const Model plain = tiny();
    const std::string kohya = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q";
    const std::string original = "lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q";
    const std::string q = to_q;
    const std::string attention = q.substr(0, q.size() - 4);
    const std::vector<std::pair<std::string, std::string>> names{
        {kohya + ".lora_down.weight", kohya + ".lora_up.weight"},
        {original + ".lora_down.weight", original + ".lora_up.weight"},
        {"unet." + q + ".lora_A.weight", "unet." + q + ".lora_B.weight"},
        {"unet." + q + ".lora.down.weight", "unet." + q + ".lora.up.weight"},
        {q + ".lora_A.weight", q + ".lora_B.weight"},
        {"base_model.model." + q + ".lora_A.default.weight", "base_model.model." + q + ".lora_B.default.weight"},
        {"unet." + attention + "processor.to_q_lora.down.weight", "unet." + attention + "processor.to_q_lora.up.weight"}};
    const std::vector<float> wanted = expected(*plain.unet, q + ".weight", 0.5f);
    for (const auto& [down, up] : names) {
        CAPTURE(down);
        const std::string path = folder / "lora.safetensors";
        write_safetensors(path, pair(down, up, 32, 32));
        Model model = tiny();
        CHECK(apply_loras(model, {{path, 0.5f}}, "").empty());
        CHECK(apart(whole(*model.unet, q + ".weight"), wanted) < 1e-6);
        CHECK(whole(*model.unet, "conv_in.weight") == whole(*plain.unet, "conv_in.weight"));
        CHECK(!model.text->adapted());
    }
    const std::string path = folder / "out.safetensors";
    write_safetensors(path, pair("unet." + attention + "processor.to_out_lora.down.weight",
                                 "unet." + attention + "processor.to_out_lora.up.weight", 32, 32));
    Model model = tiny();
    apply_loras(model, {{path, 1}}, "");
    CHECK(apart(whole(*model.unet, std::string(to_out) + ".weight"), expected(*plain.unet, std::string(to_out) + ".weight", 1)) < 1e-6);
}

TEST_CASE("alpha, text encoders, convolutions and several LoRAs at once") {
    const Folder folder;
    const Model plain = tiny();
    const std::string text = "lora_te_text_model_encoder_layers_0_self_attn_q_proj", block = "lora_unet_down_blocks_0_resnets_0_conv1";
    auto tensors = pair(text + ".lora_down.weight", text + ".lora_up.weight", 32, 32);
    tensors.push_back(float_tensor(text + ".alpha", {}, std::vector<float>{1.f}));
    const std::string first = folder / "text.safetensors", second = folder / "conv.safetensors";
    write_safetensors(first, tensors);
    write_safetensors(second, {tensor(block + ".lora_down.weight", {rank, 32, 3, 3}, 1),
                               tensor(block + ".lora_up.weight", {32, rank, 1, 1}, 2)});
    Model model = tiny();
    apply_loras(model, {{first, 0.5f}, {second, -1}, {second, 2}}, "");
    const std::string q = std::string(q_proj) + ".weight", c = std::string(conv) + ".weight";
    CHECK(apart(whole(*model.text, q), expected(*plain.text, q, 0.25f)) < 1e-6);
    CHECK(apart(whole(*model.unet, c), expected(*plain.unet, c, 1)) < 1e-5);
    // Parts of rows, wherever they begin.
    const std::vector<float> all = whole(*model.unet, c);
    for (const auto& [begin, count] : std::vector<std::pair<int64_t, size_t>>{{0, 1}, {287, 2}, {5, 900}, {32 * 288 - 1, 1}}) {
        std::vector<float> part(count);
        model.unet->read(c, begin, part);
        CHECK(part == std::vector<float>(all.begin() + begin, all.begin() + begin + int64_t(count)));
    }
    // PEFT's configuration in the header: alpha 8 of rank 2.
    const std::string peft = folder / "peft.safetensors", name = std::string("unet.") + to_q;
    write_safetensors(peft, pair(name + ".lora_A.weight", name + ".lora_B.weight", 32, 32),
                      {{"lora_adapter_metadata", R"({"unet.lora_alpha": 8, "unet.r": 2})"}});
    Model scaled = tiny();
    apply_loras(scaled, {{peft, 1}}, "");
    CHECK(apart(whole(*scaled.unet, std::string(to_q) + ".weight"), expected(*plain.unet, std::string(to_q) + ".weight", 4)) < 1e-5);
}

TEST_CASE("a factored convolution is multiplied out") {
    const Folder folder;
    const std::string block = "lora_unet_down_blocks_0_resnets_0_conv1", path = folder / "tucker.safetensors";
    write_safetensors(path, {tensor(block + ".lora_down.weight", {rank, 32, 1, 1}, 1),
                             tensor(block + ".lora_mid.weight", {rank, rank, 3, 3}, 3),
                             tensor(block + ".lora_up.weight", {32, rank, 1, 1}, 2)});
    const Model plain = tiny();
    Model model = tiny();
    apply_loras(model, {{path, 1}}, "");
    std::vector<float> wanted = whole(*plain.unet, std::string(conv) + ".weight");
    const auto down = some(rank * 32, 1), mid = some(rank * rank * 9, 3), up = some(32 * rank, 2);
    for (size_t o = 0; o < 32; o++)
        for (size_t i = 0; i < 32; i++)
            for (size_t t = 0; t < 9; t++)
                for (size_t p = 0; p < rank; p++)
                    for (size_t q = 0; q < rank; q++)
                        wanted[(o * 32 + i) * 9 + t] += up[o * rank + p] * mid[(p * rank + q) * 9 + t] * down[q * 32 + i];
    CHECK(apart(whole(*model.unet, std::string(conv) + ".weight"), wanted) < 1e-5);
}

TEST_CASE("what a cache holds depends on the LoRA and its strength") {
    const Folder folder;
    const std::string q = std::string("unet.") + to_q, path = folder / "lora.safetensors", other = folder / "other.safetensors";
    write_safetensors(path, pair(q + ".lora_A.weight", q + ".lora_B.weight", 32, 32));
    auto tensors = pair(q + ".lora_A.weight", q + ".lora_B.weight", 32, 32);
    tensors[0].data[0] ^= std::byte(1);
    write_safetensors(other, tensors);
    const auto hash = [](const std::vector<LoraUse>& loras) {
        Model model = tiny();
        apply_loras(model, loras, "");
        return model.unet->content_hash();
    };
    const std::string plain = tiny().unet->content_hash(), half = hash({{path, 0.5f}});
    CHECK(hash({}) == plain);
    CHECK(hash({{path, 0}}) == plain);
    CHECK(half != plain);
    CHECK(half == hash({{path, 0.5f}}));
    CHECK(half != hash({{path, 0.6f}}));
    CHECK(half != hash({{other, 0.5f}}));
    CHECK(half != hash({{path, 0.5f}, {other, 0.5f}}));
}

TEST_CASE("a LoRA that does not fit is refused, or its layers are named") {
    const Folder folder;
    const std::string q = std::string("unet.") + to_q;
    const std::string path = folder / "lora.safetensors";
    CHECK(contains(code_of(folder / "none.safetensors"), "lora-missing"));
    write_safetensors(path, pair(q + ".lora_A.weight", q + ".lora_B.weight", 48, 32));
    CHECK(contains(code_of(path), "lora-wrong-architecture: " + path + ": tensor " + q + ".lora_A.weight of shape [2, 48]"));
    write_safetensors(path, pair(q + ".lora_A.weight", q + ".lora_B.weight", 32, 48));
    CHECK(contains(code_of(path), "lora-wrong-architecture"));
    write_safetensors(path, {tensor(q + ".lora_A.weight", {0, 32}, 1), tensor(q + ".lora_B.weight", {32, 0}, 2)});
    CHECK(contains(code_of(path), "lora-wrong-architecture"));
    write_safetensors(path, pair("lora_te2_x.lora_down.weight", "lora_te2_x.lora_up.weight", 32, 32));
    CHECK(contains(code_of(path), "found a LoRA with tensor lora_te2_x.lora_down.weight"));
    write_safetensors(path, {tensor("lora_unet_x.hada_w1_a", {2, 2}, 1)});
    CHECK(contains(code_of(path), "lora-unsupported: " + path + ": tensor lora_unet_x.hada_w1_a belongs to a LoHa adapter"));
    folder.write("lora.safetensors", "not a LoRA at all");
    CHECK(!code_of(path).empty());

    auto bad = pair(q + ".lora_A.weight", q + ".lora_B.weight", 32, 32);
    bad[1] = float_tensor(q + ".lora_B.weight", {32, rank}, std::vector<float>(32 * rank, std::numeric_limits<float>::quiet_NaN()));
    write_safetensors(path, bad);
    Model model = tiny();
    apply_loras(model, {{path, 1}}, "");
    CHECK(contains(error_of([&] { whole(*model.unet, std::string(to_q) + ".weight"); }), "weights-not-finite: " + path));

    auto more = pair(q + ".lora_A.weight", q + ".lora_B.weight", 32, 32);
    more.push_back(tensor("unet.up_blocks.9.to_q.lora_A.weight", {2, 32}, 1));
    more.push_back(tensor("unet.up_blocks.9.to_q.lora_B.weight", {32, 2}, 1));
    write_safetensors(path, more);
    Model other = tiny();
    const auto notices = apply_loras(other, {{path, 1}}, "");
    REQUIRE(notices.size() == 1);
    CHECK(contains(notices[0], "1 of its 2 layers are not in"));
    CHECK(contains(notices[0], "such as unet.up_blocks.9.to_q"));
    CHECK(inspect_model(path, true).kind == "lora");
    CHECK(inspect_model(path, true).problems.empty());
}

}  // namespace sluice
