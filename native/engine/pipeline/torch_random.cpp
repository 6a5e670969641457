#include "pipeline/torch_random.h"

#include <bit>
#include <cmath>
#include <numbers>

namespace sluice {
namespace {

// The vector path evaluates the single-precision Cephes polynomials (S. L. Moshier, "Methods and Programs for
// Mathematical Functions", 1989) with multiply and add fused where the compiler of torch's releases fuses
// them. The operations below keep that order: any other rounding would show in the last bits of a seed's
// noise.

// Natural logarithm of a positive normal x.
float log_cephes(float x) {
    const uint32_t bits = std::bit_cast<uint32_t>(x);
    float exponent = static_cast<float>(static_cast<int>(bits >> 23) - 126);
    float m = std::bit_cast<float>((bits & 0x007fffffu) | 0x3f000000u);  // mantissa in [0.5, 1)
    if (m < 0.70710678f) {
        exponent -= 1.f;
        m = (m - 1.f) + m;
    } else {
        m -= 1.f;
    }
    constexpr float kSeries[] = {-1.1514610310e-1f, 1.1676998740e-1f, -1.2420140846e-1f, 1.4249322787e-1f,
                                 -1.6668057665e-1f, 2.0000714765e-1f, -2.4999993993e-1f, 3.3333331174e-1f};
    float y = 7.0376836292e-2f;
    for (float c : kSeries) y = std::fma(y, m, c);
    const float square = m * m;
    y = std::fma(y * m, square, exponent * -2.12194440e-4f);
    y = std::fma(-0.5f, square, y);
    return std::fma(exponent, 0.693359375f, m + y);  // ln 2 in two parts
}

struct SinCos {
    float sin, cos;
};

// Sine and cosine of 0 <= x < 8192.
SinCos sin_cos_cephes(float x) {
    const int octant = (static_cast<int>(x * 1.27323954473516f) + 1) & ~1;  // x * 4/pi, to the next even one
    const float turns = static_cast<float>(octant);
    x = std::fma(turns, -0.78515625f, x);  // pi/4 in three parts
    x = std::fma(turns, -2.4187564849853515625e-4f, x);
    x = std::fma(turns, -3.77489497744594108e-8f, x);
    const float z = x * x;
    float c = std::fma(2.443315711809948e-5f, z, -1.388731625493765e-3f);
    c = std::fma(c, z, 4.166664568298827e-2f) * z;
    c = std::fma(c, z, -(z * 0.5f)) + 1.f;
    float s = std::fma(-1.9515295891e-4f, z, 8.3321608736e-3f);
    s = std::fma(s, z, -1.6666654611e-1f) * z;
    s = std::fma(s, x, x);
    SinCos r = (octant & 2) ? SinCos{c, s} : SinCos{s, c};
    if (octant & 4) r.sin = -r.sin;
    if ((octant & 7) == 2 || (octant & 7) == 4) r.cos = -r.cos;
    return r;
}

// Box and Muller's transform of 16 uniforms in place: the first 8 give radii, the last 8 angles.
void normals_from_uniforms(float* u) {
    constexpr float kTwoPi = 2.f * std::numbers::pi_v<float>;
    for (int i = 0; i < 8; ++i) {
        const float radius = std::sqrt(-2.f * log_cephes(1.f - u[i]));
        const SinCos angle = sin_cos_cephes(kTwoPi * u[i + 8]);
        u[i] = radius * angle.cos;
        u[i + 8] = radius * angle.sin;
    }
}

}  // namespace

float TorchRandom::uniform_float() {
    return static_cast<float>(static_cast<uint32_t>(engine_()) & 0xffffffu) * 0x1p-24f;
}

double TorchRandom::uniform_double() {
    const uint64_t high = static_cast<uint32_t>(engine_());
    const uint64_t low = static_cast<uint32_t>(engine_());
    return static_cast<double>(((high << 32) | low) & ((uint64_t{1} << 53) - 1)) * 0x1p-53;
}

double TorchRandom::normal_double() {
    if (next_normal_) {
        const double value = *next_normal_;
        next_normal_.reset();
        return value;
    }
    const double u1 = uniform_double();
    const double u2 = uniform_double();
    const double radius = std::sqrt(-2.0 * std::log1p(-u2));
    const double angle = 2.0 * std::numbers::pi * u1;
    next_normal_ = radius * std::sin(angle);
    return radius * std::cos(angle);
}

void TorchRandom::rand(std::span<float> out) {
    for (float& v : out) v = uniform_float();
}

void TorchRandom::randn(std::span<float> out) {
    if (out.size() < 16) {
        for (float& v : out) v = static_cast<float>(normal_double());
        return;
    }
    rand(out);
    for (size_t i = 0; i + 16 <= out.size(); i += 16) normals_from_uniforms(out.data() + i);
    if (out.size() % 16 != 0) {
        // torch draws the last 16 anew, over normals that the blocks before have written.
        const std::span<float> tail = out.last(16);
        rand(tail);
        normals_from_uniforms(tail.data());
    }
}

std::vector<float> TorchRandom::randn(size_t count) {
    std::vector<float> out(count);
    randn(std::span<float>(out));
    return out;
}

}  // namespace sluice
