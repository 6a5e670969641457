// Per-op speed: GFLOP/s of each op at the shapes of SD 1.5 and of a small model, and its ratio to the best matrix
// product of the same device and storage. On a CPU device the last column counts the processor time of all threads
// in place of the wall's, which other work on the machine does not disturb.
//   bench_ops [--device NAME] [--fp16] [--small] [--tiled]
#include <chrono>
#include <cstdio>
#include <ctime>
#include <string>

#include "core/error.h"
#include "ops/op_bench.h"

using namespace sluice;
using namespace sluice::ops;

namespace {

struct Shape {
    const char* kind;
    int batch, height, width, inputs, outputs;  // attention: tokens = height * width, heads, head size
    bool small;
};

const Shape shapes[] = {
    {"matmul", 1, 1, 1024, 1024, 1024, true},
    {"conv3", 2, 32, 32, 64, 64, true},
    {"conv3", 2, 32, 32, 128, 128, true},
    {"conv3 norm silu", 2, 32, 32, 128, 128, true},
    {"silu apart", 2, 32, 32, 128, 128, true},
    {"matmul", 2, 1, 1024, 128, 512, true},
    {"geglu", 2, 1, 1024, 64, 512, true},
    {"attention", 2, 32, 32, 2, 40, true},
    {"attention", 2, 32, 32, 4, 16, true},
    {"attention", 1, 32, 32, 1, 128, true},
    {"group norm", 2, 32, 32, 128, 0, true},
    {"conv3 norm silu", 2, 64, 64, 320, 320, false},
    {"conv3", 2, 64, 64, 320, 320, false},
    {"silu apart", 2, 64, 64, 320, 320, false},
    {"conv3 norm silu", 2, 32, 32, 640, 640, false},
    {"conv3 norm silu", 2, 16, 16, 1280, 1280, false},
    {"conv3 norm silu", 2, 8, 8, 1280, 1280, false},
    {"matmul", 2, 64, 64, 320, 320, false},
    {"matmul", 2, 16, 16, 1280, 1280, false},
    {"geglu", 2, 64, 64, 320, 2560, false},
    {"attention", 2, 64, 64, 8, 40, false},
    {"attention", 2, 32, 32, 8, 80, false},
    {"attention", 2, 16, 16, 8, 160, false},
    {"attention", 1, 64, 64, 1, 512, false},
    {"group norm", 2, 64, 64, 320, 0, false},
};

OpCase build(const Shape& s) {
    const std::string kind = s.kind;
    CaseBuilder b(kind);
    if (kind == "attention") {
        const int width = s.inputs * s.outputs, tokens = s.height * s.width;
        Attention op;
        op.q = op.k = op.v = b.tensor("qkv", s.batch, 1, tokens, 3 * width);
        op.k_offset = width;
        op.v_offset = 2 * width;
        op.heads = s.inputs;
        op.head_size = s.outputs;
        op.out = b.tensor("out", s.batch, 1, tokens, width);
        const TensorId out = op.out;
        return b.finish(op, out);
    }
    if (kind == "group norm") {
        GroupNormStats op;
        op.a = b.tensor("a", s.batch, s.height, s.width, s.inputs);
        op.partial = b.tensor("partial", s.batch, group_norm_chunks(Tensor{"", s.batch, s.height, s.width}), 32, 4, true);
        op.out = b.tensor("affine", s.batch, 2, 1, s.inputs, true);
        const TensorId out = op.out;
        return b.finish(op, out);
    }
    if (kind == "silu apart") {  // what a convolution saves that has it folded into its loads
        Pointwise op;
        op.a = b.tensor("a", s.batch, s.height, s.width, s.inputs);
        op.activation = Activation::silu;
        op.out = b.tensor("out", s.batch, s.height, s.width, s.outputs);
        const TensorId out = op.out;
        return b.finish(op, out);
    }
    Conv op;
    op.a = b.tensor("a", s.batch, s.height, s.width, s.inputs);
    Matrix m;
    m.outputs = s.outputs;
    m.inputs = s.inputs;
    if (kind.starts_with("conv3")) {
        op.kernel = 3;
        op.pad = 1;
        m.taps = 9;
    }
    if (kind == "conv3 norm silu") {
        op.affine = b.tensor("affine", s.batch, 2, 1, s.inputs, true);
        op.silu_in = true;
    }
    if (kind == "geglu") {
        op.activation = Activation::geglu;
        m.geglu = true;
    }
    op.weight = b.matrix(m);
    op.bias = b.vector(s.outputs, m.geglu);
    op.out = b.tensor("out", s.batch, s.height, s.width, m.geglu ? s.outputs / 2 : s.outputs);
    const TensorId out = op.out;
    return b.finish(op, out);
}

}  // namespace

int main(int count, char** arguments) try {
    std::string name, cache;
    bool small = false, tiled = false;
    Precision precision = Precision::fp32;
    for (int i = 1; i < count; i++) {
        const std::string a = arguments[i];
        if (a == "--device" && i + 1 < count) name = arguments[++i];
        else if (a == "--fp16") precision = Precision::fp16;
        else if (a == "--small") small = true;
        else if (a == "--tiled") tiled = true;
        else throw Error(Status::usage, "unknown-flag", "unknown argument " + a);
    }
    auto device = vk::Device::open(name, cache);
    DeviceTraits traits = device->traits();
    if (tiled) traits.cpu = false;
    std::printf("%s, %s storage\n%-18s %-24s %10s %10s %8s %16s\n", device->info().name.c_str(),
                precision == Precision::fp16 ? "fp16" : "fp32", "op", "shape", "ms", "GFLOP/s", "ratio", "GFLOP/core-s");
    double best = 0;
    for (const Shape& s : shapes) {
        if (small && !s.small) continue;
        const OpCase c = build(s);
        OnDevice on(*device, c, precision);
        double flops = 0;
        for (const Dispatch& d : on.lower({}, traits)) flops += d.flops;
        on.run({Cut{}}, traits);  // compiles
        double seconds = 1e30, processor = 1e30;
        for (int i = 0; i < 3; i++) {
            const auto start = std::chrono::steady_clock::now();
            const std::clock_t ticks = std::clock();
            const double measured = on.run({Cut{}}, traits);
            const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
            processor = std::min(processor, double(std::clock() - ticks) / CLOCKS_PER_SEC);
            seconds = std::min(seconds, measured > 0 ? measured : wall);
        }
        const double speed = flops / seconds * 1e-9;
        if (std::string(s.kind) == "matmul") best = std::max(best, speed);
        char shape[64];
        std::snprintf(shape, sizeof shape, "%dx%dx%d %d->%d", s.batch, s.height, s.width, s.inputs, s.outputs);
        std::printf("%-18s %-24s %10.2f %10.2f %8.2f %16.2f\n", s.kind, shape, seconds * 1e3, speed,
                    speed / best, device->traits().cpu ? flops / processor * 1e-9 : 0.0);
        std::fflush(stdout);
    }
    return 0;
} catch (const sluice::Error& e) {
    std::fprintf(stderr, "bench_ops: %s %s\n", e.what(), e.hint.c_str());
    return int(e.status);
}
