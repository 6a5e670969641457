// Runs one op of a program on a device, outside plans and arenas: for the tests of ops/ and for bench/.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "ops/lower.h"
#include "ops/tiles.h"
#include "twins/interpret.h"
#include "vk/device.h"

namespace sluice::ops {

// A program of one op with values for all that it reads.
struct OpCase {
    std::string name;
    Program program;
    std::vector<std::vector<float>> tensors, matrices, vectors;
    TensorId out = none;

    const Op& op() const { return program.ops.front(); }
};

// Fills a case with seeded values: what a network's tensors look like, pads zero, weights scaled to keep variance.
class CaseBuilder {
  public:
    explicit CaseBuilder(std::string name, uint32_t seed = 1) : random_(seed) { result_.name = std::move(name); }

    TensorId tensor(const char* name, int batch, int height, int width, int channels, bool f32 = false,
                    float mean = 0.f, float deviation = 1.f) {
        Tensor t{name, batch, height, width, channels, f32};
        std::vector<float> values(size_t(t.elements()));
        const int stored = padded_channels(channels);
        for (size_t i = 0; i < values.size(); i++)
            values[i] = int(i % size_t(stored)) < channels ? mean + deviation * normal_(random_) : 0.f;
        result_.program.tensors.push_back(t);
        result_.tensors.push_back(std::move(values));
        return TensorId(result_.tensors.size()) - 1;
    }
    MatrixId matrix(Matrix m) {
        std::vector<float> values(size_t(m.panels() * m.panel_elements()), 0.f);
        const float deviation = 1.f / std::sqrt(float(m.k()));
        const int half = m.geglu ? m.outputs / 2 : m.outputs;
        for (size_t i = 0; i < values.size(); i++) {
            const int64_t panel = int64_t(i) / m.panel_elements();
            const int64_t channel = (m.geglu ? panel / 2 : panel) * panel_width + int64_t(i % panel_width);
            if (channel < half) values[i] = deviation * normal_(random_);
        }
        result_.program.matrices.push_back(m);
        result_.matrices.push_back(std::move(values));
        return MatrixId(result_.matrices.size()) - 1;
    }
    VectorId vector(int size, bool geglu = false, float mean = 0.f) {
        Vector v;
        v.size = size;
        v.geglu = geglu;
        std::vector<float> values(size_t(v.stored()), 0.f);
        const int half = geglu ? size / 2 : size;
        for (size_t i = 0; i < values.size(); i++) {
            const int panel = int(i) / panel_width;
            if ((geglu ? panel / 2 : panel) * panel_width + int(i) % panel_width < half)
                values[i] = mean + 0.5f * normal_(random_);
        }
        result_.program.vectors.push_back(v);
        result_.vectors.push_back(std::move(values));
        return VectorId(result_.vectors.size()) - 1;
    }
    OpCase finish(OpBody body, TensorId out) {
        result_.program.ops = {Op{result_.name, std::move(body)}};
        result_.out = out;
        return std::move(result_);
    }

  private:
    OpCase result_;
    std::mt19937 random_;
    std::normal_distribution<float> normal_;
};

// What storage in this precision makes of the values.
inline OpCase rounded(OpCase c, Precision precision) {
    if (precision == Precision::fp32) return c;
    auto round = [](std::vector<float>& values) {
        for (float& v : values) v = half_to_float(float_to_half(v));
    };
    for (size_t i = 0; i < c.tensors.size(); i++)
        if (!c.program.tensors[i].f32) round(c.tensors[i]);
    for (auto& m : c.matrices) round(m);
    return c;
}

inline std::vector<float> twin_result(const OpCase& c) {
    auto tensors = c.tensors;
    twins::interpret(
        c.program, tensors, [&](MatrixId id) { return c.matrices[size_t(id)]; },
        [&](VectorId id) { return c.vectors[size_t(id)]; }, {Precision::fp32, true});
    return tensors[size_t(c.out)];
}

// Gives the case the scratch that its op needs on the device.
inline void share(OpCase& c, Precision precision, const DeviceTraits& traits) {
    add_scratch(c.program, precision, traits);
    for (size_t i = c.tensors.size(); i < c.program.tensors.size(); i++)
        c.tensors.push_back(std::vector<float>(size_t(c.program.tensors[i].elements()), 0.f));
}

// A case's values in buffers of a device.
class OnDevice {
  public:
    // MemoryKind::device: values cannot be read back, and times are those of the device's own memory.
    OnDevice(vk::Device& device, const OpCase& c, Precision precision,
             vk::MemoryKind kind = vk::MemoryKind::readback)
        : device_(device), case_(c), precision_(precision), kind_(kind), done_(device) {
        for (size_t i = 0; i < c.tensors.size(); i++)
            tensors_.push_back(upload(c.tensors[i], c.program.tensors[i].f32 ? Precision::fp32 : precision));
        for (const auto& m : c.matrices) matrices_.push_back(upload(m, precision));
        for (const auto& v : c.vectors) vectors_.push_back(upload(v, Precision::fp32));
    }

    // The dispatches of the op, cut like this, with these traits.
    std::vector<Dispatch> lower(const Cut& cut, const DeviceTraits& traits) const {
        std::vector<Dispatch> list;
        sluice::lower(case_.program, case_.op(), cut, precision_, traits, list);
        return list;
    }

    // Records the cuts' dispatches one after another, `repeat` times; returns the seconds that they took.
    double run(const std::vector<Cut>& cuts, const DeviceTraits& traits, int repeat = 1) {
        vk::Commands commands(device_, vk::QueueKind::compute);
        commands.begin();
        const int start = commands.timestamp();
        for (int i = 0; i < repeat; i++)
            for (const Cut& cut : cuts)
                for (const Dispatch& d : lower(cut, traits)) {
                    if (d.reads_previous) commands.barrier();
                    commands.dispatch(d, ranges(d, cut));
                }
        const int end = commands.timestamp();
        commands.host_barrier();
        commands.end();
        const vk::Commands* list[] = {&commands};
        const vk::TimelinePoint signal[] = {{&done_, ++runs_}};
        device_.submit(vk::QueueKind::compute, list, {}, signal);
        while (!done_.wait(runs_, 1'000'000'000)) {
        }
        const auto times = commands.read_timestamps();
        return times.empty() ? 0.0 : (times[size_t(end)] - times[size_t(start)]) * 1e-9;
    }

    // Values of the output tensor; `bytes` as they are stored.
    std::vector<uint8_t> bytes() const {
        const vk::Buffer& b = tensors_[size_t(case_.out)];
        const auto* p = static_cast<const uint8_t*>(b.mapped());
        return {p, p + b.size()};
    }
    std::vector<float> values() const {
        const std::vector<uint8_t> raw = bytes();
        const Tensor& t = case_.program.tensors[size_t(case_.out)];
        std::vector<float> result(size_t(t.elements()));
        for (size_t i = 0; i < result.size(); i++) {
            if (t.f32 || precision_ == Precision::fp32) {
                std::memcpy(&result[i], &raw[i * 4], 4);
            } else {
                uint16_t h;
                std::memcpy(&h, &raw[i * 2], 2);
                result[i] = half_to_float(h);
            }
        }
        return result;
    }
    // Puts the tensors' first values back, the output's too (an op may add to what it reads there).
    void reset() {
        for (size_t i = 0; i < tensors_.size(); i++)
            write(tensors_[i], case_.tensors[i], case_.program.tensors[i].f32 ? Precision::fp32 : precision_);
    }

  private:
    static void write(vk::Buffer& buffer, const std::vector<float>& values, Precision precision) {
        if (precision == Precision::fp32) {
            std::memcpy(buffer.mapped(), values.data(), values.size() * 4);
            return;
        }
        auto* halves = static_cast<uint16_t*>(buffer.mapped());
        for (size_t i = 0; i < values.size(); i++) halves[i] = float_to_half(values[i]);
    }
    vk::Buffer upload(const std::vector<float>& values, Precision precision) {
        const uint64_t bytes = values.size() * size_t(storage_bytes(precision));
        vk::Buffer b = device_.create_buffer(bytes, vk::MemoryKind::readback, "op");
        write(b, values, precision);
        if (kind_ == vk::MemoryKind::readback) return b;
        vk::Buffer resident = device_.create_buffer(bytes, kind_, "op");
        vk::Commands commands(device_, vk::QueueKind::compute);
        commands.begin();
        commands.copy({b.handle(), resident.handle(), 0, 0, bytes});
        commands.end();
        const vk::Commands* list[] = {&commands};
        const vk::TimelinePoint signal[] = {{&done_, ++runs_}};
        device_.submit(vk::QueueKind::compute, list, {}, signal);
        while (!done_.wait(runs_, 1'000'000'000)) {
        }
        return resident;
    }
    std::array<vk::BoundRange, max_bindings> ranges(const Dispatch& d, const Cut& cut) const {
        std::array<vk::BoundRange, max_bindings> r{};
        for (size_t i = 0; i < r.size(); i++) {
            const Binding& b = d.bindings[i];
            if (b.kind == Binding::Kind::unused) continue;
            const auto& buffers = b.kind == Binding::Kind::tensor   ? tensors_
                                  : b.kind == Binding::Kind::matrix ? matrices_
                                                                    : vectors_;
            uint64_t offset = b.offset;
            if (b.kind == Binding::Kind::matrix)
                offset += uint64_t(cut.panel_begin * case_.program.matrices[size_t(b.id)].panel_elements() *
                                   storage_bytes(precision_));
            r[i] = buffers[size_t(b.id)].range(offset, b.size);
        }
        return r;
    }

    vk::Device& device_;
    const OpCase& case_;
    Precision precision_;
    vk::MemoryKind kind_;
    std::vector<vk::Buffer> tensors_, matrices_, vectors_;
    vk::Timeline done_;
    uint64_t runs_ = 0;
};

}  // namespace sluice::ops
