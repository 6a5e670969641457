#include <cmath>

#include "twins/twins.h"

namespace sluice::twins {

void group_norm_stats(const Context& context, const GroupNormStats& op) {
    const Tensor& a = context.shape(op.a);
    const int first = a.channels, second = op.a2 == none ? 0 : context.shape(op.a2).channels;
    const int channels = first + second, a_stride = padded_channels(first), a2_stride = padded_channels(second);
    const int total = a_stride + a2_stride, size = channels / op.groups;
    const std::vector<float> gamma = context.vector_or_empty(op.gamma), beta = context.vector_or_empty(op.beta);
    const float *x = context.data(op.a), *x2 = context.data(op.a2);
    float* out = context.output(op.out);
    const int64_t pixels = int64_t(a.height) * a.width;
    auto value = [&](int64_t row, int c) {
        return c < first ? x[row * a_stride + c] : x2[row * a2_stride + c - first];
    };
    std::fill(out, out + int64_t(a.batch) * 2 * total, 0.f);  // pad channels stay 0 through the fold
    parallel_for(int64_t(a.batch) * op.groups, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) {
            const int64_t batch = i / op.groups;
            const int c0 = int(i % op.groups) * size;
            double sum = 0, squares = 0;
            for (int64_t p = 0; p < pixels; p++)
                for (int c = c0; c < c0 + size; c++) sum += value(batch * pixels + p, c);
            const double mean = sum / double(pixels * size);
            for (int64_t p = 0; p < pixels; p++)
                for (int c = c0; c < c0 + size; c++) {
                    const double d = value(batch * pixels + p, c) - mean;
                    squares += d * d;
                }
            const double rstd = 1.0 / std::sqrt(squares / double(pixels * size) + double(op.eps));
            for (int c = c0; c < c0 + size; c++) {
                const int stored = c < first ? c : a_stride + c - first;
                const double scale = rstd * (gamma.empty() ? 1.f : gamma[size_t(c)]);
                out[batch * 2 * total + stored] = float(scale);
                out[(batch * 2 + 1) * total + stored] = float((beta.empty() ? 0.f : beta[size_t(c)]) - mean * scale);
            }
        }
    });
}

void layer_norm_stats(const Context& context, const LayerNormStats& op) {
    const Tensor& a = context.shape(op.a);
    const int stride = padded_channels(a.channels);
    const float* x = context.data(op.a);
    float* out = context.output(op.out);
    parallel_for(a.rows(), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; row++) {
            double sum = 0, squares = 0;
            for (int c = 0; c < a.channels; c++) sum += x[row * stride + c];
            const double mean = sum / a.channels;
            for (int c = 0; c < a.channels; c++) {
                const double d = x[row * stride + c] - mean;
                squares += d * d;
            }
            out[row * 4] = float(mean);
            out[row * 4 + 1] = float(1.0 / std::sqrt(squares / a.channels + double(op.eps)));
            out[row * 4 + 2] = out[row * 4 + 3] = 0.f;
        }
    });
}

}  // namespace sluice::twins
