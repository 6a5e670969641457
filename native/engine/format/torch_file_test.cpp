#include "format/torch_file.h"

#include <fstream>
#include <random>

#include "core/failpoint.h"
#include "format/component.h"
#include "format/pickle.h"
#include "format/safetensors.h"
#include "format/test_files.h"

namespace sluice {
namespace {

using testing::contains;
using testing::error_of;
using testing::Folder;
using testing::values_of;

std::string data(const std::string& name) {
    return std::string(SLUICE_TEST_DATA) + "/pickles/" + name;
}

std::string bytes_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

template <typename T>
std::string number(T value) {
    return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

// A zip archive of stored entries; `claim` changes the first central entry before it is written.
std::string archive(const std::vector<std::pair<std::string, std::string>>& entries,
                    void (*claim)(std::string& central) = nullptr) {
    std::string out, directory;
    for (const auto& [name, content] : entries) {
        const auto sizes = number(uint32_t(content.size())) + number(uint32_t(content.size()));
        const auto names = number(uint16_t(name.size()));
        std::string central = "PK\1\2" + std::string(6, '\0') + std::string(2, '\0') + std::string(8, '\0') +
                              sizes + names + std::string(12, '\0') + number(uint32_t(out.size())) + name;
        if (claim && directory.empty()) claim(central);
        directory += central;
        out += "PK\3\4" + std::string(4, '\0') + std::string(10, '\0') + sizes + names +
               std::string(2, '\0') + name + content;
    }
    const auto count = number(uint16_t(entries.size()));
    return out + directory + "PK\5\6" + std::string(4, '\0') + count + count +
           number(uint32_t(directory.size())) + number(uint32_t(out.size())) + std::string(2, '\0');
}

// Pickle parts.
std::string text(const std::string& value) {
    return "X" + number(uint32_t(value.size())) + value;
}
std::string whole(int64_t value) {
    return "\x8a\x08" + number(value);
}
std::string numbers(const std::vector<int64_t>& values) {
    std::string out = "(";
    for (int64_t value : values) out += whole(value);
    return out + "t";
}
std::string storage(const std::string& key, int64_t elements) {
    return "(" + text("storage") + "ctorch\nFloatStorage\n" + text(key) + text("cpu") + whole(elements) +
           "tQ";
}
std::string tensor(const std::string& from, int64_t offset, const std::vector<int64_t>& shape,
                   const std::vector<int64_t>& strides) {
    return "ctorch._utils\n_rebuild_tensor_v2\n(" + from + whole(offset) + numbers(shape) + numbers(strides) +
           "\x89}tR";
}
std::string pickled(const std::string& value) {
    return "\x80\x02" + value + ".";
}
std::string state(const std::string& value) {
    return pickled("}" + text("w") + value + "s");
}

std::string error_for(const std::string& bytes) {
    Folder folder;
    const std::string path = folder.write("x.ckpt", bytes);
    return error_of([&] {
        for (const auto& [name, found] : read_tensor_file(path)) values_of(found);
    });
}
std::string pickle_error(const std::string& pickle, size_t data_bytes = 24) {
    return error_for(archive({{"m/data.pkl", pickle}, {"m/data/0", std::string(data_bytes, '\0')}}));
}

TEST_CASE("torch.save: every form holds what PyTorch reads from it") {
    const RawTensors expected = read_safetensors(data("expected.safetensors"));
    for (const char* name : {"lightning.ckpt", "legacy.ckpt", "module.bin"}) {
        CAPTURE(name);
        const RawTensors found = read_tensor_file(data(name));
        const std::string prefix = std::string(name) == "module.bin" ? "module." : "";
        CHECK(found.size() == (prefix.empty() ? 19 : 4));
        for (const auto& [key, tensor] : found) {
            CAPTURE(key);
            REQUIRE(expected.count(prefix + key));
            CHECK(tensor.shape == expected.at(prefix + key).shape);
            CHECK(values_of(tensor) == values_of(expected.at(prefix + key)));
        }
    }
    CHECK(read_tensor_file(data("lightning.ckpt")).at("bfloat16").dtype == DType::bf16);
}

TEST_CASE("torch.save: an object among the weights is refused by its name, beside them it is passed over") {
    CHECK(contains(error_of([] { read_tensor_file(data("object.pt")); }),
                   "object of pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint"));
}

TEST_CASE("torch.save: archives made here are read") {
    CHECK(pickle_error(state(tensor(storage("0", 6), 0, {2, 3}, {3, 1}))).empty());
    CHECK(pickle_error(state(tensor(storage("0", 6), 2, {4}, {1}))).empty());
    CHECK(pickle_error(state(tensor(storage("0", 6), 6, {0}, {1}))).empty());
    CHECK(pickle_error(state(tensor(storage("0", 6), 5, {1000}, {0}))).empty());
}

TEST_CASE("torch.save: code is never run and refused by name") {
    const std::string command = text("touch /tmp/owned") + "\x85R";
    for (const std::string& name :
         {std::string("posix\nsystem"), std::string("os\nsystem"), std::string("builtins\neval"),
          std::string("subprocess\nPopen"), std::string("torch\nload"),
          std::string("torch._utils\n_rebuild_tensor_v3")}) {
        std::string dotted = name;
        dotted[dotted.find('\n')] = '.';
        CAPTURE(dotted);
        const std::string call = "c" + name + "\n" + command;
        CHECK(contains(pickle_error(pickled(call)), "model-hostile"));
        CHECK(contains(pickle_error(state(call)), "asks for " + dotted));
        CHECK(contains(error_for(pickled(call)), "model-hostile"));  // without an archive
        const std::string beside = pickled("}" + text("other") + call + "s" + text("state_dict") + "}s");
        CHECK(contains(pickle_error(beside), "asks for " + dotted));
    }
    // Opcodes that could reach further: INST, OBJ, EXT1, STACK_GLOBAL, PERSID, BUFFER, GLOBAL of a long name.
    for (const char* code : {"ios\nsystem\n", "(o", "\x82\x01", "\x93", "Pkey\n", "\x98", "\x95"})
        CHECK(contains(pickle_error(pickled(std::string(code))), "model-hostile"));
    CHECK(contains(pickle_error(pickled("c" + std::string(1000, 'a') + "\nb\n")), "longer than 256"));
}

TEST_CASE("torch.save: malformed pickles are refused") {
    const auto bad = [](const std::string& value) { return pickle_error(pickled(value)); };
    CHECK(contains(pickle_error(""), "model-truncated"));
    CHECK(contains(pickle_error("\x80\x02"), "goes on past its end"));
    CHECK(contains(pickle_error("\x80\x05."), "protocol 5"));
    CHECK(contains(bad(""), "a value is missing"));
    CHECK(contains(bad("t"), "a mark is missing"));
    CHECK(contains(bad("(N"), "model-corrupt"));
    CHECK(contains(bad("}(Ns"), "a value is missing"));  // what lies below a mark is out of reach
    CHECK(contains(bad("h\x05"), "recalled before it is stored"));
    CHECK(contains(bad("}NNu"), "a mark is missing"));
    CHECK(contains(bad("](NNNu"), "model-corrupt"));
    CHECK(contains(bad("NNa"), "appended to something else"));
    CHECK(contains(bad("NNR"), "something else than a known name"));
    CHECK(contains(bad("NQ"), "a storage is not described"));
    CHECK(contains(bad("N}b"), "without one"));
    CHECK(contains(bad("X\xff\xff\xff\xff"
                       "abc"),
                   "goes on past its end"));
    CHECK(contains(bad("\x8b\xff\xff\xff\x7f"), "goes on past its end"));
    CHECK(contains(bad("N"), "expected a dictionary"));
    CHECK(contains(bad("}"), "without one"));
    CHECK(contains(bad("ccollections\nOrderedDict\n(](NNeNtR"), "model-corrupt"));
    CHECK(contains(bad("ccollections\nOrderedDict\n" + numbers({1}) + "R"), "model-corrupt"));
}

TEST_CASE("torch.save: nesting, loops and repetition cost neither stack nor memory") {
    std::string deep;
    for (int i = 0; i < 400'000; ++i) deep += "(";
    CHECK(contains(pickle_error(pickled(deep)), "model-corrupt"));
    deep.clear();
    for (int i = 0; i < 400'000; ++i) deep += "]";
    for (int i = 0; i < 399'999; ++i) deep += "a";
    CHECK(contains(pickle_error(pickled(deep)), "expected a dictionary"));
    CHECK(contains(pickle_error(pickled(std::string(1'000'001, 'N'))), "more than 1000000"));
    std::string memo;
    for (uint32_t i = 0; i < 1'000'001; ++i) memo += "r" + number(i);
    CHECK(contains(pickle_error(pickled("N" + memo)), "remembered"));
    CHECK(contains(pickle_error(pickled(std::string("]q\0h\0a", 6))),
                   "expected a dictionary"));  // holds itself
    // Each level holds the one before twice: 2^64 values were they ever copied.
    std::string laughs = "]q" + std::string(1, '\0');
    for (char level = 1; level < 64; ++level)
        laughs += std::string("](h") + char(level - 1) + "h" + char(level - 1) + "eq" + level;
    CHECK(contains(pickle_error(pickled(laughs)), "expected a dictionary"));
    // One list of pairs, made into a dictionary again and again.
    std::string copies = "ccollections\nOrderedDict\nq" + std::string(1, '\1') + "](";
    for (int i = 0; i < 100'000; ++i) copies += "NN\x86";
    copies += "e\x85q\2";
    for (int i = 0; i < 100'000; ++i) copies += "h\1h\2R";
    CHECK(contains(pickle_error(pickled(copies)), "copied into dictionaries"));
    std::string wide = "ccollections\nOrderedDict\n(";
    wide += std::string(100'000, 'N') + "tR";
    CHECK(contains(pickle_error(pickled(wide)), "more than 16 arguments"));
}

TEST_CASE("torch.save: tensors stay within their storages, storages within the file") {
    const auto bad = [](const std::string& value, size_t bytes = 24) {
        return pickle_error(state(value), bytes);
    };
    CHECK(contains(bad(tensor(storage("0", 6), 1, {2, 3}, {3, 1})), "reaches past its storage"));
    CHECK(contains(bad(tensor(storage("0", 6), 0, {2, 3}, {4, 1})), "reaches past its storage"));
    CHECK(contains(bad(tensor(storage("0", 6), 7, {0}, {1})), "reaches past its storage"));
    CHECK(contains(bad(tensor(storage("0", 6), -1, {2}, {1})), "impossible shape"));
    CHECK(contains(bad(tensor(storage("0", 6), 0, {-2}, {1})), "impossible shape"));
    CHECK(contains(bad(tensor(storage("0", 6), 5, {2}, {-1})), "negative stride"));
    CHECK(contains(bad(tensor(storage("0", 6), 0, {2}, {1, 1})), "impossible shape"));
    CHECK(contains(bad(tensor(storage("0", 6), 0, {1ll << 40, 1ll << 40}, {0, 0})), "impossible shape"));
    CHECK(contains(bad(tensor(storage("0", 6), 0, {3, 2}, {INT64_MAX, 1})), "reaches past its storage"));
    CHECK(contains(bad(tensor(storage("0", 6), INT64_MAX, {1}, {1})), "reaches past its storage"));
    CHECK(contains(bad(tensor(storage("0", -6), 0, {1}, {1})), "size is impossible"));
    CHECK(
        contains(bad(tensor(storage("0", 6), 0, {6}, {1}), 23), "expected a storage of 24 bytes, found 23"));
    CHECK(contains(bad(tensor(storage("../0", 6), 0, {6}, {1})), "lacks its entry m/data/../0"));
    CHECK(contains(bad(tensor(storage("0", 1ll << 55), 0, {1ll << 55}, {1})), "expected a storage of"));
    CHECK(contains(bad(tensor("N", 0, {1}, {1})), "not described as torch.save does"));
    const std::string twice = pickled("}" + text("w") + tensor(storage("0", 6), 0, {6}, {1}) + "s" +
                                      text("w") + tensor(storage("0", 6), 0, {6}, {1}) + "s");
    CHECK(contains(pickle_error(twice), "stands there twice"));
}

TEST_CASE("torch.save: damaged archives are refused") {
    const std::string pickle = state(tensor(storage("0", 6), 0, {6}, {1}));
    const std::vector<std::pair<std::string, std::string>> good{{"m/data.pkl", pickle},
                                                                {"m/data/0", std::string(24, '\0')}};
    CHECK(error_for(archive(good)).empty());
    CHECK(contains(error_for(archive({{"readme.txt", "hello"}})), "found another zip file"));
    CHECK(contains(error_for(archive({{"m/data.pkl", pickle}})), "lacks its entry m/data/0"));
    auto more = good;
    more.emplace_back("m/constants.pkl", "");
    CHECK(contains(error_for(archive(more)), "TorchScript"));
    more.back() = {"n/data.pkl", ""};
    CHECK(contains(error_for(archive(more)), "several data.pkl"));
    more.back() = {"m/byteorder", "big"};
    CHECK(contains(error_for(archive(more)), "big-endian"));
    more.back() = good[0];
    CHECK(contains(error_for(archive(more)), "stands there twice"));
    const auto claimed = [&](void (*claim)(std::string&)) { return error_for(archive(good, claim)); };
    CHECK(contains(claimed([](std::string& c) {
                       c[10] = 8;
                       c[20] = 1;
                   }),
                   "is compressed"));
    CHECK(contains(claimed([](std::string& c) { c[8] = 1; }), "is encrypted"));
    CHECK(contains(claimed([](std::string& c) { c[24] = char(c[24] + 1); }), "stored in two sizes"));
    CHECK(contains(claimed([](std::string& c) { c[22] = c[26] = 100; }), "lies outside of the file"));
    CHECK(contains(claimed([](std::string& c) { c[44] = 100; }), "lies outside of the file"));
    CHECK(contains(claimed([](std::string& c) { c[42] = 3; }), "is not where the directory says"));
    CHECK(contains(claimed([](std::string& c) { c[24] = c[25] = c[26] = c[27] = char(0xff); }),
                   "model-corrupt"));
}

TEST_CASE("torch.save: a small safetensors header that begins as a pickle does is not taken for one") {
    Folder folder;
    std::string header = "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
    header.resize(640, ' ');  // 80 02, as a pickle of protocol 2
    const std::string path = folder.write("x", number(uint64_t(640)) + header + number(1.5f));
    CHECK(values_of(read_tensor_file(path).at("w")) == std::vector<float>{1.5f});
}

TEST_CASE("torch.save: no truncation, no flipped byte and no failing read crashes the reader") {
    std::mt19937 random(3);
    for (const char* name : {"lightning.ckpt", "legacy.ckpt"}) {
        const std::string good = bytes_of(data(name));
        REQUIRE(good.size() > 1000);
        for (size_t length = 0; length < good.size(); length += 1 + length / 64)
            CHECK(!error_for(good.substr(0, length)).empty());
        Folder folder;
        int refused = 0;
        for (int round = 0; round < 2000; ++round) {
            std::string bytes = good;
            for (int flips = 1 + int(random() % 4); flips > 0; --flips)
                bytes[random() % bytes.size()] = char(random());
            const std::string path = folder.write("x.ckpt", bytes);
            refused += !error_of([&] {
                            for (const auto& [key, tensor] : read_tensor_file(path))
                                if (tensor.elements() < 100'000) values_of(tensor);
                        }).empty();
        }
        CHECK(refused > 200);
        failpoint::arm_count();
        read_tensor_file(data(name));
        const auto sites = failpoint::state().seen;
        for (const auto& [site, passes] : sites)
            for (uint64_t n = 0; n < passes; ++n) {
                failpoint::arm_fail(site, n);
                CHECK(contains(error_of([&] { read_tensor_file(data(name)); }), "file-unreadable"));
            }
        failpoint::disarm();
    }
}

}  // namespace
}  // namespace sluice
