#include <algorithm>
#include <cmath>

#include "twins/twins.h"

namespace sluice::twins {

void attention(const Context& context, const Attention& op) {
    const Tensor &q = context.shape(op.q), &k = context.shape(op.k), &v = context.shape(op.v);
    const Tensor& out = context.shape(op.out);
    const int64_t queries = int64_t(q.height) * q.width, keys = int64_t(k.height) * k.width;
    const int64_t q_stride = padded_channels(q.channels), k_stride = padded_channels(k.channels);
    const int64_t v_stride = padded_channels(v.channels), out_stride = padded_channels(out.channels);
    const float scale = 1.f / std::sqrt(float(op.head_size));
    float* result = context.output(op.out);
    parallel_for(int64_t(q.batch) * op.heads * queries, [&](int64_t begin, int64_t end) {
        std::vector<float> scores(static_cast<size_t>(keys));
        std::vector<float> sum(static_cast<size_t>(op.head_size));
        for (int64_t i = begin; i < end; i++) {
            const int64_t query = i % queries, head = i / queries % op.heads, batch = i / queries / op.heads;
            const float* q_row = context.data(op.q) + (batch * queries + query) * q_stride + op.q_offset + head * op.head_size;
            const int64_t key_batch = k.batch == 1 ? 0 : batch;
            const float* k_rows = context.data(op.k) + key_batch * keys * k_stride + op.k_offset + head * op.head_size;
            const float* v_rows = context.data(op.v) + key_batch * keys * v_stride + op.v_offset + head * op.head_size;
            const int64_t seen = op.causal ? std::min(keys, query + 1) : keys;
            float largest = -INFINITY, total = 0.f;
            for (int64_t j = 0; j < seen; j++) {
                float dot = 0.f;
                for (int c = 0; c < op.head_size; c++) dot += q_row[c] * k_rows[j * k_stride + c];
                scores[size_t(j)] = dot * scale;
                largest = std::max(largest, scores[size_t(j)]);
            }
            std::fill(sum.begin(), sum.end(), 0.f);
            for (int64_t j = 0; j < seen; j++) {
                const float p = std::exp(scores[size_t(j)] - largest);
                total += p;
                for (int c = 0; c < op.head_size; c++) sum[size_t(c)] += p * v_rows[j * v_stride + c];
            }
            float* out_row = result + (batch * queries + query) * out_stride + head * op.head_size;
            for (int c = 0; c < op.head_size; c++) out_row[c] = sum[size_t(c)] / total;
        }
    });
}

}  // namespace sluice::twins
