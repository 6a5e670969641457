// A file mapped copy-on-write, and a file written at offsets then renamed into place: what the block cache needs of
// the operating system. The cache is ours, written whole and renamed, so unlike a user's model it may be mapped.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace sluice {

// Private (copy-on-write) and writable: drivers import such maps, and refuse shared or read-only ones.
class MappedFile {
  public:
    MappedFile() = default;
    explicit MappedFile(const std::string& path);  // throws Error(input) "cache-unreadable"
    MappedFile(MappedFile&& other) noexcept;
    MappedFile& operator=(MappedFile&& other) noexcept;
    ~MappedFile();
    std::byte* data() const { return data_; }
    uint64_t size() const { return size_; }
    // Lets whole pages of the range leave our resident memory until they are read again. A hint; nothing may have been
    // written there. Not for pages that a GPU's driver has pinned: that would part its copy from ours.
    void drop(uint64_t offset, uint64_t bytes) const;

  private:
    std::byte* data_ = nullptr;
    uint64_t size_ = 0;
};

// Thread-safe writes at offsets into a temporary beside `path`; nothing stays behind unless commit() succeeds.
class OffsetWriter {
  public:
    explicit OffsetWriter(std::string path);  // throws Error(input) "cache-unwritable"
    OffsetWriter(const OffsetWriter&) = delete;
    ~OffsetWriter();
    void write(uint64_t offset, std::span<const std::byte> bytes);  // Error(input) "disk-full" when it is
    void commit(uint64_t size);                                     // sets the size, flushes, renames

  private:
    std::string path_, temporary_;
    intptr_t handle_ = -1;
};

}  // namespace sluice
