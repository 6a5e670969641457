#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "twins/fold.h"
#include "twins/twins.h"

// The inner loop takes most of a network's time, so it is compiled for wider vectors as well.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__)
#define SLUICE_WIDE __attribute__((optimize("O3"), target_clones("default", "arch=x86-64-v3")))
#else
#define SLUICE_WIDE
#endif

namespace sluice::twins {
namespace {

constexpr int pixels_at_once = 3;

// sums[p][j] = sum over k of x[p][k] * panel[k][j], k in order.
SLUICE_WIDE void multiply(const float* x, int64_t k, const float* panel, float* __restrict sums) {
    float acc[pixels_at_once][panel_width] = {};
    for (int64_t i = 0; i < k; i++)
        for (int p = 0; p < pixels_at_once; p++)
            for (int j = 0; j < panel_width; j++) acc[p][j] += x[p * k + i] * panel[i * panel_width + j];
    for (int p = 0; p < pixels_at_once; p++)
        for (int j = 0; j < panel_width; j++) sums[p * panel_width + j] = acc[p][j];
}

}  // namespace

float silu(float x) { return x / (1.f + std::exp(-x)); }

float activate(Activation activation, float x) {
    switch (activation) {
        case Activation::silu: return silu(x);
        case Activation::quick_gelu: return x / (1.f + std::exp(-1.702f * x));
        case Activation::gelu: return 0.5f * x * (1.f + std::erf(x * 0.70710678f));
        default: return x;
    }
}

void conv(const Context& context, const Conv& op) {
    const Tensor &a = context.shape(op.a), &out = context.shape(op.out);
    const Matrix& matrix = context.program.matrices[size_t(op.weight)];
    const std::vector<float> weight = context.matrix(op.weight), bias = context.vector_or_empty(op.bias);
    const std::vector<float> gamma = context.vector_or_empty(op.gamma), beta = context.vector_or_empty(op.beta);
    Fold fold;
    fold.a = context.data(op.a);
    fold.a2 = context.data(op.a2);
    fold.channels = padded_channels(a.channels);
    fold.channels2 = op.a2 == none ? 0 : padded_channels(context.shape(op.a2).channels);
    fold.row_stats = context.data(op.row_stats);
    fold.affine = context.data(op.affine);
    fold.gamma = gamma.empty() ? nullptr : gamma.data();
    fold.beta = beta.empty() ? nullptr : beta.data();
    fold.silu_in = op.silu_in;

    const int64_t k = matrix.k();
    const int in_channels = fold.channels + fold.channels2;
    if (k != int64_t(op.kernel) * op.kernel * in_channels)
        throw Error(Status::internal, "twin-shape",
                    "convolution into " + out.name + ": the matrix has " + std::to_string(k) + " inputs, the tensors " +
                        std::to_string(op.kernel * op.kernel * in_channels));
    // Tokens and pixels are the same to a 1x1 convolution: the two tensors need not agree on height and width.
    const bool flat = op.kernel == 1 && op.stride == 1 && op.up_height == 0;
    const int in_height = op.up_height ? op.up_height : a.height, in_width = op.up_height ? op.up_width : a.width;
    const bool geglu = op.activation == Activation::geglu;
    const int out_channels = padded_channels(out.channels);
    float* result = context.output(op.out);
    const float* residual = context.data(op.residual);
    const float* channel_add = context.data(op.channel_add);
    const int64_t pixels = int64_t(out.height) * out.width;
    const int64_t residual_batches = residual ? context.shape(op.residual).batch : 1;
    const int64_t add_batches = channel_add ? context.shape(op.channel_add).batch : 1;

    auto gather = [&](int64_t row, float* x) {
        const int batch = int(row / pixels), y = int(row % pixels / out.width), x0 = int(row % out.width);
        if (flat) return fold.pixel(row, batch, x);
        for (int tap = 0; tap < op.kernel * op.kernel; tap++, x += in_channels) {
            const int sy = y * op.stride + tap / op.kernel - op.pad, sx = x0 * op.stride + tap % op.kernel - op.pad;
            if (sy < 0 || sy >= in_height || sx < 0 || sx >= in_width) {
                std::fill(x, x + in_channels, 0.f);
                continue;
            }
            const int iy = int(int64_t(sy) * a.height / in_height), ix = int(int64_t(sx) * a.width / in_width);
            fold.pixel((int64_t(batch) * a.height + iy) * a.width + ix, batch, x);
        }
    };
    // What follows the matrix product, for one output value.
    auto finish = [&](int64_t row, int channel, float value) {
        const int64_t batch = row / pixels;
        value *= op.scale;
        if (residual) value += residual[(residual_batches == 1 ? row % pixels : row) * out_channels + channel];
        result[(batch * pixels + row % pixels) * out_channels + channel] = value;
    };
    auto before = [&](int64_t row, int panel, int j, float sum) {
        const int channel = panel * panel_width + j;
        if (!bias.empty()) sum += bias[size_t(channel)];
        if (channel_add && channel < out_channels)
            sum += channel_add[(add_batches == 1 ? 0 : row / pixels) * out_channels + channel];
        return sum;
    };
    constexpr int64_t block = 8;  // groups of pixels whose gathered inputs share each panel's way through the cache
    const int64_t groups = (out.rows() + pixels_at_once - 1) / pixels_at_once;
    parallel_for(groups, [&](int64_t first, int64_t last) {
        std::vector<float> x(size_t(block * pixels_at_once * k)), sums(pixels_at_once * panel_width), gates(sums);
        for (int64_t g0 = first; g0 < last; g0 += block) {
            const int64_t g1 = std::min(last, g0 + block);
            for (int64_t row = g0 * pixels_at_once; row < std::min(g1 * pixels_at_once, out.rows()); row++)
                gather(row, &x[size_t((row - g0 * pixels_at_once) * k)]);
            for (int panel = 0; panel < matrix.panels(); panel += geglu ? 2 : 1) {
                const float* w = &weight[size_t(panel * matrix.panel_elements())];
                for (int64_t g = g0; g < g1; g++) {
                    const float* inputs = &x[size_t((g - g0) * pixels_at_once * k)];
                    multiply(inputs, k, w, sums.data());
                    if (geglu) multiply(inputs, k, w + matrix.panel_elements(), gates.data());
                    const int first_channel = (geglu ? panel / 2 : panel) * panel_width;
                    for (int p = 0; p < pixels_at_once; p++) {
                        const int64_t row = g * pixels_at_once + p;
                        if (row >= out.rows()) break;
                        for (int j = 0; j < panel_width && first_channel + j < out_channels; j++) {
                            float v = before(row, panel, j, sums[size_t(p * panel_width + j)]);
                            if (geglu)
                                v *= activate(Activation::gelu,
                                              before(row, panel + 1, j, gates[size_t(p * panel_width + j)]));
                            else
                                v = activate(op.activation, v);
                            finish(row, first_channel + j, v);
                        }
                    }
                }
            }
        }
    });
}

}  // namespace sluice::twins
