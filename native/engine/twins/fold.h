// The fold of a normalisation into the loads of the op that follows it, for the twins of Conv and Pointwise.
#pragma once
#include "twins/twins.h"

namespace sluice::twins {

// One pixel's channels: a, then a2, normalised, scaled, activated. All pointers may be null but `a`.
struct Fold {
    const float *a = nullptr, *a2 = nullptr;
    int channels = 0, channels2 = 0;              // padded
    const float* row_stats = nullptr;             // [rows][4]: mean, rstd
    const float* affine = nullptr;                // [batch][2][channels + channels2]
    const float *gamma = nullptr, *beta = nullptr;
    bool silu_in = false;

    // row: index over batch, height and width of a; out: channels + channels2 values.
    void pixel(int64_t row, int batch, float* out) const {
        const int total = channels + channels2;
        for (int c = 0; c < total; c++) {
            float x = c < channels ? a[row * channels + c] : a2[row * channels2 + c - channels];
            if (row_stats) x = (x - row_stats[row * 4]) * row_stats[row * 4 + 1];
            if (gamma) x *= gamma[c];
            if (beta) x += beta[c];
            if (affine) x = x * affine[int64_t(batch) * 2 * total + c] + affine[(int64_t(batch) * 2 + 1) * total + c];
            out[c] = silu_in ? silu(x) : x;
        }
    }
};

}  // namespace sluice::twins
