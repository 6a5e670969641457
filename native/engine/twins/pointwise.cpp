#include "twins/fold.h"
#include "twins/twins.h"

namespace sluice::twins {

void pointwise(const Context& context, const Pointwise& op) {
    const Tensor& out = context.shape(op.out);
    const int channels = padded_channels(out.channels);
    const int64_t pixels = int64_t(out.height) * out.width;
    const std::vector<float> gamma = context.vector_or_empty(op.gamma), beta = context.vector_or_empty(op.beta);
    Fold fold;
    fold.a = context.data(op.a);
    fold.channels = channels;
    fold.row_stats = context.data(op.row_stats);
    fold.gamma = gamma.empty() ? nullptr : gamma.data();
    fold.beta = beta.empty() ? nullptr : beta.data();
    const float* b = context.data(op.b);
    const bool a_broadcast = fold.a && context.shape(op.a).batch == 1;
    const bool b_broadcast = b && context.shape(op.b).batch == 1;
    float* result = context.output(op.out);
    parallel_for(out.rows(), [&](int64_t begin, int64_t end) {
        std::vector<float> x(size_t(channels), 0.f);
        for (int64_t row = begin; row < end; row++) {
            if (fold.a) fold.pixel(a_broadcast ? row % pixels : row, 0, x.data());
            for (int c = 0; c < channels; c++) {
                float value = fold.a ? activate(op.activation, x[size_t(c)]) : 0.f;
                if (b) value += op.scale_b * b[(b_broadcast ? row % pixels : row) * channels + c];
                result[row * channels + c] = value;
            }
        }
    });
}

}  // namespace sluice::twins
