#include "format/raw_tensor.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/error.h"

namespace sluice {
namespace {

static_assert(std::endian::native == std::endian::little, "model files are little-endian");

constexpr size_t buffer_bytes = size_t(1) << 18;

template <typename T>
T load(const std::byte* at) {
    T value;
    std::memcpy(&value, at, sizeof(T));
    return value;
}

template <typename F>
void convert_each(const std::byte* from, size_t stride, std::span<float> to, F one) {
    for (size_t i = 0; i < to.size(); ++i) to[i] = one(from + i * stride);
}

// `stride` is in bytes.
void convert(DType dtype, const std::byte* from, size_t stride, std::span<float> to) {
    using B = const std::byte*;
    switch (dtype) {
        case DType::f32:
            return convert_each(from, stride, to, [](B p) { return load<float>(p); });
        case DType::f16:
            return convert_each(from, stride, to, [](B p) { return half_to_float(load<uint16_t>(p)); });
        case DType::bf16:
            return convert_each(from, stride, to, [](B p) { return bfloat_to_float(load<uint16_t>(p)); });
        case DType::f64:
            return convert_each(from, stride, to, [](B p) { return float(load<double>(p)); });
        case DType::i64:
            return convert_each(from, stride, to, [](B p) { return float(load<int64_t>(p)); });
        case DType::i32:
            return convert_each(from, stride, to, [](B p) { return float(load<int32_t>(p)); });
        case DType::i16:
            return convert_each(from, stride, to, [](B p) { return float(load<int16_t>(p)); });
        case DType::i8:
            return convert_each(from, stride, to, [](B p) { return float(load<int8_t>(p)); });
        case DType::u8:
            return convert_each(from, stride, to, [](B p) { return float(load<uint8_t>(p)); });
        case DType::boolean:
            return convert_each(from, stride, to, [](B p) { return load<uint8_t>(p) ? 1.f : 0.f; });
    }
}

void read_contiguous(const RawTensor& tensor, int64_t first, std::span<float> out) {
    const size_t size = dtype_size(tensor.dtype);
    const uint64_t start = tensor.offset + uint64_t(first) * size;
    if (tensor.dtype == DType::f32) return tensor.file->read_at(start, std::as_writable_bytes(out));
    std::vector<std::byte> buffer(std::min(out.size() * size, buffer_bytes));
    const size_t step = buffer_bytes / size;
    for (size_t done = 0; done < out.size(); done += step) {
        const size_t count = std::min(step, out.size() - done);
        tensor.file->read_at(start + done * size, std::span(buffer.data(), count * size));
        convert(tensor.dtype, buffer.data(), size, out.subspan(done, count));
    }
}

// Gathers runs along the last axis from one read that covers the range asked for: outer axes that the range
// does not leave narrow it, so that reading by rows costs rows.
void read_strided(const RawTensor& tensor, int64_t first, std::span<float> out) {
    const size_t rank = tensor.shape.size(), size = dtype_size(tensor.dtype);
    std::vector<int64_t> low(rank), high(rank);
    int64_t a = first, b = first + int64_t(out.size()) - 1;
    for (size_t axis = rank; axis-- > 0;) {
        low[axis] = a % tensor.shape[axis];
        high[axis] = b % tensor.shape[axis];
        a /= tensor.shape[axis];
        b /= tensor.shape[axis];
    }
    std::vector<int64_t> index = low;
    int64_t from = 0, to = 0;
    bool whole = false;  // an outer axis varies: the inner ones take every value
    for (size_t axis = 0; axis < rank; ++axis) {
        from += (whole ? 0 : low[axis]) * tensor.strides[axis];
        to += (whole ? tensor.shape[axis] - 1 : high[axis]) * tensor.strides[axis];
        whole = whole || low[axis] != high[axis];
    }
    std::vector<std::byte> buffer(size_t(to - from + 1) * size);
    tensor.file->read_at(tensor.offset + uint64_t(from) * size, buffer);
    size_t done = 0;
    while (done < out.size()) {
        int64_t at = -from;
        for (size_t axis = 0; axis < rank; ++axis) at += index[axis] * tensor.strides[axis];
        const int64_t run =
            std::min<int64_t>(tensor.shape[rank - 1] - index[rank - 1], int64_t(out.size() - done));
        convert(tensor.dtype, buffer.data() + size_t(at) * size, size_t(tensor.strides[rank - 1]) * size,
                out.subspan(done, size_t(run)));
        done += size_t(run);
        index[rank - 1] += run;
        for (size_t axis = rank; axis-- > 1 && index[axis] == tensor.shape[axis];) {
            index[axis] = 0;
            ++index[axis - 1];
        }
    }
}

}  // namespace

bool checked_bytes(std::span<const int64_t> shape, DType dtype, int64_t& elements, int64_t& bytes) {
    constexpr int64_t limit = int64_t(1) << 59;
    elements = 1;
    bool empty = false;
    for (int64_t d : shape) {
        if (d < 0) return false;
        if (d == 0) {
            empty = true;
            continue;
        }
        if (elements > limit / d) return false;
        elements *= d;
    }
    if (empty) elements = 0;
    bytes = elements * int64_t(dtype_size(dtype));
    return true;
}

std::string shape_text(std::span<const int64_t> shape) {
    std::string text = "[";
    for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
    return text + "]";
}

const char* dtype_name(DType dtype) {
    switch (dtype) {
        case DType::f32:
            return "float32";
        case DType::f16:
            return "float16";
        case DType::bf16:
            return "bfloat16";
        case DType::f64:
            return "float64";
        case DType::i64:
            return "int64";
        case DType::i32:
            return "int32";
        case DType::i16:
            return "int16";
        case DType::i8:
            return "int8";
        case DType::u8:
            return "uint8";
        case DType::boolean:
            return "bool";
    }
    return "unknown";
}

void read_raw(const RawTensor& tensor, int64_t first, std::span<float> out) {
    if (first < 0 || int64_t(out.size()) > tensor.elements() ||
        first > tensor.elements() - int64_t(out.size()))
        throw Error(Status::internal, "tensor-range",
                    tensor.name + ": elements " + std::to_string(first) + " to " +
                        std::to_string(first + int64_t(out.size())) + " asked of " +
                        std::to_string(tensor.elements()));
    if (out.empty()) return;
    if (tensor.strides.empty() || tensor.shape.empty())
        read_contiguous(tensor, first, out);
    else
        read_strided(tensor, first, out);
}

int64_t first_not_finite(std::span<const float> values) {
    for (size_t i = 0; i < values.size(); ++i)
        if ((std::bit_cast<uint32_t>(values[i]) & 0x7f800000u) == 0x7f800000u) return int64_t(i);
    return -1;
}

}  // namespace sluice
