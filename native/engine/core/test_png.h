// PNG files as the goldens have them (8 bits, grey or RGB, not interlaced), for tests; pictures of users are read by
// the command line, never by the engine.
#pragma once
#include <zlib.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace sluice::testing {

struct TestPicture {
    int width = 0, height = 0, channels = 0;
    std::vector<uint8_t> pixels;
};

inline TestPicture read_png(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<uint8_t> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    auto fail = [&](const char* why) { return std::runtime_error(path + ": " + why); };
    auto big = [&](size_t at) {
        return uint32_t(bytes[at]) << 24 | uint32_t(bytes[at + 1]) << 16 | uint32_t(bytes[at + 2]) << 8 | bytes[at + 3];
    };
    if (bytes.size() < 33) throw fail("no PNG");
    TestPicture p;
    p.width = int(big(16));
    p.height = int(big(20));
    p.channels = bytes[25] == 0 ? 1 : 3;
    if (bytes[24] != 8 || (bytes[25] != 0 && bytes[25] != 2) || bytes[28] != 0) throw fail("another kind of PNG");
    std::vector<uint8_t> packed;
    for (size_t at = 8; at + 12 <= bytes.size(); at += 12 + big(at)) {
        if (at + 12 + big(at) > bytes.size()) throw fail("truncated");
        if (std::string(bytes.begin() + long(at) + 4, bytes.begin() + long(at) + 8) == "IDAT")
            packed.insert(packed.end(), bytes.begin() + long(at) + 8, bytes.begin() + long(at + 8 + big(at)));
    }
    const size_t stride = size_t(p.width) * size_t(p.channels), step = size_t(p.channels);
    std::vector<uint8_t> rows((stride + 1) * size_t(p.height));
    uLongf size = rows.size();
    if (uncompress(rows.data(), &size, packed.data(), packed.size()) != Z_OK || size != rows.size())
        throw fail("its data cannot be unpacked");
    p.pixels.resize(stride * size_t(p.height));
    for (size_t y = 0; y < size_t(p.height); y++) {
        const uint8_t filter = rows[y * (stride + 1)];
        const uint8_t* in = rows.data() + y * (stride + 1) + 1;
        uint8_t* out = p.pixels.data() + y * stride;
        for (size_t x = 0; x < stride; x++) {
            const int left = x >= step ? out[x - step] : 0, above = y ? out[long(x) - long(stride)] : 0;
            const int corner = x >= step && y ? out[long(x) - long(stride) - long(step)] : 0;
            const int guess = left + above - corner;
            const int a = std::abs(guess - left), b = std::abs(guess - above), c = std::abs(guess - corner);
            const int paeth = a <= b && a <= c ? left : b <= c ? above : corner;
            const int predicted[] = {0, left, above, (left + above) / 2, paeth};
            if (filter > 4) throw fail("unknown filter");
            out[x] = uint8_t(in[x] + predicted[filter]);
        }
    }
    return p;
}

}  // namespace sluice::testing
