// PyTorch's CPU generator and torch.randn in float32, so that a seed gives the noise that it gives there.
// Not a general random library: only what Stable Diffusion pipelines draw.
#pragma once
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <vector>

namespace sluice {

// The state after `torch.Generator("cpu").manual_seed(seed)`. Draws carry on from one another in the order of
// calls, as torch's do.
class TorchRandom {
  public:
    explicit TorchRandom(uint64_t seed) : engine_(static_cast<uint32_t>(seed)) {}

    // torch.randn(shape, dtype=float32) with out.size() elements, in memory order. From 16 elements on torch
    // takes a vectorised path: the values here equal those of its AVX2 and AVX-512 builds bit for bit (its
    // build for older processors differs from them by up to 2e-6). Below 16 it takes a scalar path in double
    // precision, whose unused second normal is kept for the next such draw.
    void randn(std::span<float> out);
    std::vector<float> randn(size_t count);

    // torch.rand(shape, dtype=float32): multiples of 2^-24 in [0, 1).
    void rand(std::span<float> out);

  private:
    float uniform_float();
    double uniform_double();
    double normal_double();

    std::mt19937 engine_;  // torch seeds it with the low 32 bits, too
    std::optional<double> next_normal_;
};

}  // namespace sluice
