// Models filled from a seed, for tests, benchmarks and checks: any machine re-makes the same weights, bit for
// bit, without PyTorch and without gigabytes in the repository. training/goldens/seeded.py is the same in
// Python, and the goldens were made with it. Not a statistical generator, and no part of painting.
//
// A specification is JSON: {"seed": S, "files": {PATH: JSON, …}, "components": {NAME: {"config": {…},
// "tensors": [[tensor name, [shape], centre, half-width], …]}, …}}, the last two in units of 1/65536.
// Element i of a tensor is (centre + half_width * u) / 65536 with u = k / 2^23 - 1 and k the top 24 bits of
// splitmix64 (Steele et al. 2014) at state key + (i + 1) * golden ratio; key is FNV-1a of
// "SEED/COMPONENT/TENSOR". All arithmetic before the one rounding to float32 is exact, then float16 rounds
// it.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/dtype.h"

namespace sluice {

struct SeededTensor {
    std::string name;
    std::vector<int64_t> shape;
    int64_t centre = 0, half_width = 0;
    uint64_t key = 0;
    uint64_t elements() const;
};

struct SeededComponent {
    std::string name;    // also the folder: "unet", "controlnet-b", …
    std::string config;  // config.json's text
    std::vector<SeededTensor> tensors;
};

struct SeededModel {
    uint64_t seed = 0;
    std::vector<std::pair<std::string, std::string>> files;  // relative path, text
    std::vector<SeededComponent> components;
};

uint64_t seeded_key(uint64_t seed, const std::string& component, const std::string& tensor);

// Elements [first, first + out.size()), rounded to float16.
void seeded_values(const SeededTensor& tensor, uint64_t first, std::span<uint16_t> out);

// Throws Error(input) when the file is missing or is no specification.
SeededModel read_seeded_model(const std::string& specification_path);

// Element type of the files; the values are those of float16 in both.
enum class SeededFormat { f16, f32 };

// Writes a diffusers folder (existing files are replaced whole, others stay). `components` empty: all of
// them.
void write_seeded_folder(const SeededModel& model, const std::string& folder, SeededFormat format,
                         const std::vector<std::string>& components = {});

// Writes text encoder, UNet and VAE as one file in the original layout. `names_path` is
// testdata/models/original_names.txt: "COMPONENT/TENSOR ORIGINAL" a line.
void write_seeded_single_file(const SeededModel& model, const std::string& names_path,
                              const std::string& path, SeededFormat format);

}  // namespace sluice
