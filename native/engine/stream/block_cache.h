// The block cache: a network's weights converted once to the shaders' layout and precision, in execution order, in a
// file that is mapped at run time. Not a general container: only our own files are read, and rebuilt when in doubt.
//
// File, little-endian:
//   "SLUICEBC" u32 version u32 header_bytes   then header_bytes of JSON (source hash, precision, entries: key, offset,
//   bytes), zero padding to 4096; then every entry at a multiple of 4096 (a matrix: panels, ops/op.h; a vector: fp32).
// An entry's key names source tensors, slices and layout, so that weights can be patched while they stream.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/platform/mapping.h"
#include "format/model.h"
#include "ops/op.h"

namespace sluice {

inline constexpr uint64_t cache_alignment = 4096;  // host-memory import wants page multiples

std::string matrix_key(const Matrix& matrix);
std::string vector_key(const Vector& vector);
uint64_t matrix_bytes(const Matrix& matrix, Precision precision);
uint64_t vector_bytes(const Vector& vector);

// Packs panels [begin, end) of a matrix into `out` (storage precision). Throws Error(input) naming the tensor on
// NaN, infinity, or a weight that fp16 cannot hold.
void pack_panels(const Matrix& matrix, int begin, int end, Precision precision, const WeightSource& source,
                 std::byte* out);
void pack_vector(const Vector& vector, const WeightSource& source, float* out);

class BlockCache {
  public:
    struct Request {
        const Program* program = nullptr;
        int source_index = 0;  // which of the program's sources this cache is for
        const WeightSource* source = nullptr;
        std::string role;  // "unet", "vae-decoder": part of the file's name
        Precision precision = Precision::fp16;
        std::string directory;
        int keep = 0;  // of the role's files at this precision the newest that stay; 0: all
        std::function<void(double fraction)> progress;  // may throw to cancel
    };
    // Opens the file, or makes it. `built` says which.
    static std::shared_ptr<BlockCache> open(const Request& request);

    const std::byte* data() const { return map_.data(); }
    uint64_t size() const { return map_.size(); }
    void drop(uint64_t offset, uint64_t bytes) const { map_.drop(offset, bytes); }
    // Offset of a matrix's first panel or a vector in the map; throws Error(internal) when absent.
    uint64_t offset(const std::string& key) const;
    bool built() const { return built_; }
    bool serves(const Request& request) const;  // holds all that the request's program wants

  private:
    MappedFile map_;
    std::map<std::string, uint64_t> offsets_;
    bool built_ = false;
};

}  // namespace sluice
