#include <cmath>
#include <cstdio>
#include <cstring>

#include "core/error.h"
#include "stream/block_cache.h"

namespace sluice {
namespace {

// Where output channel `lane` of panel `panel` comes from: a row of the stacked parts, or -1 for padding.
int source_row(const Matrix& m, int panel, int lane) {
    if (!m.geglu) {
        const int row = panel * panel_width + lane;
        return row < m.outputs ? row : -1;
    }
    const int inner = m.outputs / 2;
    const int channel = (panel / 2) * panel_width + lane;
    if (channel >= inner) return -1;
    return panel % 2 ? inner + channel : channel;
}

struct Located {
    const MatrixPart* part = nullptr;
    int row = 0;
};

// As many digits as tell it from its neighbours, where fixed notation would take forty.
std::string short_number(float value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.9g", double(value));
    return text;
}

Located locate(const Matrix& m, int row) {
    for (const MatrixPart& part : m.parts) {
        if (row < part.count) return {&part, part.first + row};
        row -= part.count;
    }
    return {};
}

}  // namespace

std::string matrix_key(const Matrix& m) {
    std::string key = m.geglu ? "g" : "m";
    key += std::to_string(m.taps) + "," + std::to_string(m.inputs) + "," + std::to_string(m.first_inputs);
    for (const MatrixPart& p : m.parts)
        key += "|" + p.name + ":" + std::to_string(p.first) + "+" + std::to_string(p.count);
    return key;
}

std::string vector_key(const Vector& v) {
    std::string key = v.geglu ? "vg" : "v";
    for (size_t i = 0; i < v.names.size(); i++) key += "|" + v.names[i] + "+" + std::to_string(v.counts[i]);
    return key;
}

uint64_t matrix_bytes(const Matrix& m, Precision precision) {
    return uint64_t(m.panels()) * uint64_t(m.panel_elements()) * uint64_t(storage_bytes(precision));
}

uint64_t vector_bytes(const Vector& v) { return uint64_t(round_up(v.size, panel_width)) * 4; }

void pack_panels(const Matrix& m, int begin, int end, Precision precision, const WeightSource& source, std::byte* out) {
    const int k_in = m.padded_inputs();
    const int first = m.first_inputs ? m.first_inputs : m.inputs;
    const int first_padded = padded_channels(first);
    const int64_t row_elements = int64_t(m.inputs) * m.taps;
    const size_t panel_elements = size_t(m.panel_elements());
    std::vector<float> rows, panel(panel_elements);
    for (int p = begin; p < end; p++) {
        std::fill(panel.begin(), panel.end(), 0.f);
        for (int lane = 0; lane < panel_width;) {
            const int row = source_row(m, p, lane);
            if (row < 0) {
                lane++;
                continue;
            }
            // Consecutive lanes are consecutive rows of one part: read them at once.
            const Located at = locate(m, row);
            if (!at.part) throw Error(Status::internal, "packing", "matrix " + matrix_key(m) + " has too few parts");
            int count = 1;
            while (lane + count < panel_width) {
                const int next = source_row(m, p, lane + count);
                if (next != row + count || locate(m, next).part != at.part) break;
                count++;
            }
            rows.resize(size_t(count) * size_t(row_elements));
            source.read(at.part->name, int64_t(at.row) * row_elements, rows);
            for (int r = 0; r < count; r++) {
                const float* in = rows.data() + size_t(r) * size_t(row_elements);
                for (int c = 0; c < m.inputs; c++) {
                    const int column = c < first ? c : first_padded + (c - first);
                    for (int tap = 0; tap < m.taps; tap++)
                        panel[(size_t(tap) * size_t(k_in) + size_t(column)) * panel_width + size_t(lane + r)] =
                            in[size_t(c) * size_t(m.taps) + size_t(tap)];
                }
            }
            lane += count;
        }
        float worst = 0.f;
        bool bad = false;
        for (float v : panel) {
            bad |= !(std::fabs(v) <= 3.4e38f);
            worst = std::max(worst, std::fabs(v));
        }
        const std::string& name = m.parts.front().name;
        if (bad)
            throw Error(Status::input, "weights-not-finite",
                        source.path() + ": tensor " + name + " holds NaN or infinity, expected finite weights",
                        "The file is damaged or its training diverged: use another file.");
        std::byte* target = out + size_t(p - begin) * panel_elements * size_t(storage_bytes(precision));
        if (precision == Precision::fp32) {
            std::memcpy(target, panel.data(), panel_elements * 4);
        } else {
            if (worst >= 65520.f)
                throw Error(Status::input, "weights-exceed-fp16",
                            source.path() + ": tensor " + name + " holds " + short_number(worst) +
                                ", more than fp16's 65504",
                            "Use --precision fp32 with this model.");
            auto* half = reinterpret_cast<uint16_t*>(target);
            for (size_t i = 0; i < panel_elements; i++) half[i] = float_to_half(panel[i]);
        }
    }
}

void pack_vector(const Vector& v, const WeightSource& source, float* out) {
    std::vector<float> values(size_t(v.size), 0.f);
    size_t at = 0;
    for (size_t i = 0; i < v.names.size(); i++) {
        if (!v.names[i].empty())
            source.read(v.names[i], 0, std::span<float>(values.data() + at, size_t(v.counts[i])));
        at += size_t(v.counts[i]);
    }
    for (size_t i = 0; i < values.size(); i++)
        if (!std::isfinite(values[i]))
            throw Error(Status::input, "weights-not-finite",
                        source.path() + ": tensor " + v.names.front() + " holds NaN or infinity",
                        "The file is damaged or its training diverged: use another file.");
    const int stored = round_up(v.size, panel_width);
    std::fill(out, out + stored, 0.f);
    if (!v.geglu) {
        std::memcpy(out, values.data(), values.size() * 4);
        return;
    }
    const int inner = v.size / 2;
    for (int i = 0; i < stored; i++) {
        const int panel = i / panel_width, channel = (panel / 2) * panel_width + i % panel_width;
        if (channel < inner) out[i] = values[size_t(panel % 2 ? inner + channel : channel)];
    }
}

}  // namespace sluice
