#include "format/safetensors.h"

#include <cmath>
#include <limits>
#include <random>

#include "core/failpoint.h"
#include "format/safetensors_write.h"
#include "format/test_files.h"

namespace sluice {
namespace {

using testing::contains;
using testing::error_of;
using testing::Folder;
using testing::values_of;

std::string file_of(const std::string& header, size_t data_bytes) {
    std::string bytes(8, '\0');
    const uint64_t length = header.size();
    std::memcpy(bytes.data(), &length, 8);
    return bytes + header + std::string(data_bytes, '\0');
}

std::string read_error(const std::string& bytes) {
    Folder folder;
    const std::string path = folder.write("x.safetensors", bytes);
    return error_of([&] { read_safetensors(path); });
}

std::string sample() {
    const std::vector<float> values{1.f, -2.f, 3.5f, 0.f, 5.f, 6.f};
    const auto bytes = safetensors_bytes({float_tensor("a", {2, 3}, values),
                                          float_tensor("b", {}, std::span(values).first(1)),
                                          {"empty", DType::f16, {0, 4}, {}}},
                                         {{"format", "pt"}});
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

TEST_CASE("safetensors: what is written is read again, in whole and in part") {
    Folder folder;
    std::map<std::string, std::string> metadata;
    const RawTensors tensors = read_safetensors(folder.write("x.safetensors", sample()), &metadata);
    REQUIRE(tensors.size() == 3);
    CHECK(metadata.at("format") == "pt");
    CHECK(tensors.at("a").shape == std::vector<int64_t>{2, 3});
    CHECK(values_of(tensors.at("a")) == std::vector<float>{1.f, -2.f, 3.5f, 0.f, 5.f, 6.f});
    CHECK(values_of(tensors.at("b")) == std::vector<float>{1.f});
    CHECK(values_of(tensors.at("empty")).empty());
    std::vector<float> part(2);
    read_raw(tensors.at("a"), 2, part);
    CHECK(part == std::vector<float>{3.5f, 0.f});
    CHECK(contains(error_of([&] { read_raw(tensors.at("a"), 5, part); }), "tensor-range"));
}

TEST_CASE("safetensors: every element type is converted") {
    Folder folder;
    const auto bytes_of = [](const auto& values) {
        const auto bytes = std::as_bytes(std::span(values));
        return std::vector<std::byte>(bytes.begin(), bytes.end());
    };
    const std::string path = folder / "types.safetensors";
    write_safetensors(path,
                      {{"f16", DType::f16, {3}, bytes_of(std::vector<uint16_t>{0x3c00, 0xc000, 0x0001})},
                       {"bf16", DType::bf16, {2}, bytes_of(std::vector<uint16_t>{0x3f80, 0xc040})},
                       {"f64", DType::f64, {2}, bytes_of(std::vector<double>{0.5, -1e-3})},
                       {"i64", DType::i64, {2}, bytes_of(std::vector<int64_t>{-7, 1 << 20})},
                       {"i32", DType::i32, {1}, bytes_of(std::vector<int32_t>{-5})},
                       {"i16", DType::i16, {1}, bytes_of(std::vector<int16_t>{-300})},
                       {"i8", DType::i8, {1}, bytes_of(std::vector<int8_t>{-128})},
                       {"u8", DType::u8, {1}, bytes_of(std::vector<uint8_t>{200})},
                       {"bool", DType::boolean, {2}, bytes_of(std::vector<uint8_t>{0, 1})}});
    const RawTensors tensors = read_safetensors(path);
    CHECK(values_of(tensors.at("f16")) == std::vector<float>{1.f, -2.f, 0x1p-24f});
    CHECK(values_of(tensors.at("bf16")) == std::vector<float>{1.f, -3.f});
    CHECK(values_of(tensors.at("f64")) == std::vector<float>{0.5f, -1e-3f});
    CHECK(values_of(tensors.at("i64")) == std::vector<float>{-7.f, 1048576.f});
    CHECK(values_of(tensors.at("i32")) == std::vector<float>{-5.f});
    CHECK(values_of(tensors.at("i16")) == std::vector<float>{-300.f});
    CHECK(values_of(tensors.at("i8")) == std::vector<float>{-128.f});
    CHECK(values_of(tensors.at("u8")) == std::vector<float>{200.f});
    CHECK(values_of(tensors.at("bool")) == std::vector<float>{0.f, 1.f});
}

TEST_CASE("safetensors: a tensor larger than the conversion buffer is read whole") {
    Folder folder;
    std::vector<uint16_t> halves(300'001);
    for (size_t i = 0; i < halves.size(); ++i) halves[i] = float_to_half(float(i % 2048));
    const auto bytes = std::as_bytes(std::span(halves));
    const std::string path = folder / "large.safetensors";
    write_safetensors(path, {{"x", DType::f16, {int64_t(halves.size())}, {bytes.begin(), bytes.end()}}});
    const auto values = values_of(read_safetensors(path).at("x"));
    bool equal = true;
    for (size_t i = 0; i < values.size(); ++i) equal = equal && values[i] == float(i % 2048);
    CHECK(equal);
}

TEST_CASE("safetensors: strides are honoured, by rows and by single elements") {
    Folder folder;
    std::vector<float> stored(2 * 3 * 4 * 5);
    for (size_t i = 0; i < stored.size(); ++i) stored[i] = float(i);
    const std::string path = folder / "s.safetensors";
    write_safetensors(path, {float_tensor("x", {int64_t(stored.size())}, stored)});
    RawTensor tensor = read_safetensors(path).at("x");
    tensor.shape = {2, 3, 4, 5};
    tensor.strides = {60, 1, 15, 3};  // channels last
    std::vector<float> expected;
    for (int a = 0; a < 2; ++a)
        for (int b = 0; b < 3; ++b)
            for (int c = 0; c < 4; ++c)
                for (int d = 0; d < 5; ++d) expected.push_back(float(60 * a + b + 15 * c + 3 * d));
    CHECK(values_of(tensor) == expected);
    for (size_t first = 0; first < expected.size(); ++first)
        for (size_t count : {size_t(1), size_t(4), size_t(7), size_t(23)}) {
            if (first + count > expected.size()) continue;
            std::vector<float> part(count);
            read_raw(tensor, int64_t(first), part);
            CHECK(part == std::vector<float>(expected.begin() + first, expected.begin() + first + count));
        }
}

TEST_CASE("safetensors: headers that contradict themselves are refused by name") {
    CHECK(contains(read_error(""), "model-truncated"));
    CHECK(contains(read_error("1234567"), "at least 8 bytes, found 7"));
    CHECK(contains(read_error(std::string("\xff\xff\xff\x7f\0\0\0\0", 8)), "at most 100000000 bytes"));
    CHECK(
        contains(read_error(std::string("\xff\xff\xff\xff\xff\xff\xff\xff", 8)), "at most 100000000 bytes"));
    CHECK(contains(read_error(std::string("\x40\0\0\0\0\0\0\0{}", 10)), "claims 64 bytes, found 2"));
    CHECK(contains(read_error(file_of("", 0)), "it is empty"));
    CHECK(contains(read_error(file_of("[]", 0)), "expected an object"));
    CHECK(contains(read_error(file_of("{\"a\":", 0)), "not JSON"));
    const auto entry = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
        return "{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
    };
    const auto one = [&](const std::string& dtype, const std::string& shape, const std::string& offsets,
                         size_t data) {
        return read_error(file_of("{\"a\":" + entry(dtype, shape, offsets) + "}", data));
    };
    CHECK(one("F32", "[2]", "[0,8]", 8).empty());
    CHECK(contains(one("F32", "[2]", "[0,8]", 7), "model-truncated"));
    CHECK(contains(one("F32", "[2]", "[0,8]", 9), "the file has 9"));
    CHECK(contains(one("F32", "[3]", "[0,8]", 8), "needs 12 bytes"));
    CHECK(contains(one("F32", "[2]", "[8,0]", 8), "data_offsets [8, 0]"));
    CHECK(contains(one("F32", "[2]", "[0,8,9]", 8), "data_offsets"));
    CHECK(contains(one("F32", "[2]", "[4,12]", 12), "no tensor covers"));
    CHECK(contains(one("F32", "[-2]", "[0,8]", 8), "negative number -2"));
    CHECK(contains(one("F32", "[2.5]", "[0,8]", 8), "the number 2.5"));
    CHECK(contains(one("F32", "[4611686018427387904,4]", "[0,0]", 0), "impossible shape"));
    CHECK(contains(one("F32", "[18446744073709551615]", "[0,0]", 0), "the number 18446744073709551615"));
    CHECK(contains(one("F32", "[99999999999999999999999]", "[0,0]", 0), "model-corrupt"));
    CHECK(contains(one("F32", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2]", "[0,8]", 8), "more than 16"));
    CHECK(contains(one("F8_E4M3", "[8]", "[0,8]", 8), "model-unsupported"));
    CHECK(contains(read_error(file_of("{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8)), "lacks"));
    CHECK(contains(read_error(file_of("{\"a\":{\"dtype\":\"F32\",\"evil\":1}}", 8)), "unknown key"));
    const std::string a = entry("F32", "[2]", "[0,8]");
    CHECK(contains(read_error(file_of("{\"a\":" + a + ",\"a\":" + a + "}", 8)), "stands there twice"));
    CHECK(contains(read_error(file_of("{\"a\":" + a + ",\"b\":" + entry("F32", "[2]", "[4,12]") + "}", 12)),
                   "overlaps"));
    CHECK(contains(read_error(file_of("{\"a\":" + a + ",\"b\":" + a + "}", 8)), "overlaps"));
    CHECK(contains(read_error(file_of("{\"__metadata__\":{\"a\":[1]}}", 0)), "a list"));
    CHECK(contains(read_error(file_of(std::string(100'000, '['), 0)), "model-corrupt"));
}

TEST_CASE("safetensors: no truncation and no flipped byte crashes the reader") {
    const std::string whole = sample();
    for (size_t length = 0; length < whole.size(); ++length)
        CHECK(!read_error(whole.substr(0, length)).empty());
    std::mt19937 random(7);
    Folder folder;
    int refused = 0;
    for (int round = 0; round < 3000; ++round) {
        std::string bytes = whole;
        for (int flips = 1 + int(random() % 3); flips > 0; --flips)
            bytes[random() % bytes.size()] = char(random());
        const std::string path = folder.write("x.safetensors", bytes);
        const std::string error = error_of([&] {
            for (const auto& [name, tensor] : read_safetensors(path)) {
                CHECK(tensor.elements() * int64_t(dtype_size(tensor.dtype)) <= int64_t(bytes.size()));
                values_of(tensor);
            }
        });
        refused += !error.empty();
    }
    CHECK(refused > 1000);
}

TEST_CASE("safetensors: a missing file, a folder, a failing read and a shrunken file are errors") {
    Folder folder;
    CHECK(contains(error_of([&] { read_safetensors(folder / "none"); }), "file-missing"));
    CHECK(contains(error_of([&] { read_safetensors(folder.path()); }), "file-"));
    const std::string path = folder.write("x.safetensors", sample());
    failpoint::arm_count();
    const RawTensors tensors = read_safetensors(path);
    const auto sites = failpoint::state().seen;
    CHECK(!sites.empty());
    for (const auto& [site, passes] : sites)
        for (uint64_t n = 0; n < passes; ++n) {
            failpoint::arm_fail(site, n);
            CHECK(contains(error_of([&] { read_safetensors(path); }), "file-unreadable"));
        }
    failpoint::disarm();
    std::filesystem::resize_file(native_path(path), std::filesystem::file_size(native_path(path)) - 1);
    CHECK(contains(error_of([&] { values_of(tensors.at("b")); }), "file-truncated"));
}

TEST_CASE("safetensors: the first value that is not finite is found") {
    std::vector<float> values(9, 1.f);
    CHECK(first_not_finite(values) == -1);
    values[7] = std::numeric_limits<float>::infinity();
    CHECK(first_not_finite(values) == 7);
    values[3] = std::numeric_limits<float>::quiet_NaN();
    CHECK(first_not_finite(values) == 3);
}

TEST_CASE("safetensors: writing into a missing folder fails and leaves nothing") {
    Folder folder;
    CHECK(contains(error_of([&] { write_safetensors(folder.path() + "/none/x.safetensors", {}); }),
                   "file-unwritable"));
    CHECK(contains(error_of([&] { safetensors_bytes({{"a", DType::f32, {2}, {}}}); }), "tensor-to-write"));
    failpoint::arm_count();
    write_safetensors(folder / "x", {});
    const auto sites = failpoint::state().seen;
    for (const auto& [site, passes] : sites) {
        failpoint::arm_fail(site, 0);
        CHECK(contains(error_of([&] { write_safetensors(folder / "y", {}); }), "file-unwritable"));
    }
    failpoint::disarm();
    CHECK(std::distance(std::filesystem::directory_iterator(native_path(folder.path())), {}) == 1);
}

}  // namespace
}  // namespace sluice
