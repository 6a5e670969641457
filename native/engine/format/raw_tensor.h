// A tensor as a file holds it: element type, shape, strides and place. What safetensors and torch.save files
// have in common once their directories are read; names are still the file's own.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/platform/file.h"

namespace sluice {

struct RawTensor {
    std::string name;
    DType dtype = DType::f32;
    std::vector<int64_t> shape;
    std::vector<int64_t> strides;  // in elements; empty: row-major without gaps
    std::shared_ptr<const File> file;
    uint64_t offset =
        0;  // of element 0 in the file, bytes; all of the tensor was checked to lie within the file
    int64_t elements() const {
        int64_t n = 1;
        for (int64_t d : shape) n *= d;
        return n;
    }
};

using RawTensors = std::map<std::string, RawTensor>;

// Elements of a shape and their bytes; false where a size is negative or the product leaves 62 bits.
bool checked_bytes(std::span<const int64_t> shape, DType dtype, int64_t& elements, int64_t& bytes);

// "[320, 4, 3, 3]"
std::string shape_text(std::span<const int64_t> shape);

const char* dtype_name(DType dtype);  // "float32", as PyTorch says it

// Elements [first, first + out.size()) in row-major order, as float32. Values are not judged. Throws
// Error(input) where the range leaves the tensor or the file cannot be read.
void read_raw(const RawTensor& tensor, int64_t first, std::span<float> out);

// The position of the first NaN or infinity, or -1.
int64_t first_not_finite(std::span<const float> values);

}  // namespace sluice
