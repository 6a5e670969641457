// Files read at offsets and replaced whole: the one place where POSIX and Windows differ for files. Nothing
// here knows a format. Paths are UTF-8 on every system. Tensor data is read, not mapped: a file that shrinks
// under a mapping kills the process by a signal, a short read is an Error; and what was read leaves our
// resident memory.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace sluice {

std::filesystem::path native_path(const std::string& utf8);
std::string utf8_path(const std::filesystem::path& path);

// A regular file opened for reading. Thread-safe: reads carry their own offset.
class File {
  public:
    // Throws Error(input) "file-missing", "file-not-regular" or "file-unreadable".
    static std::shared_ptr<const File> open(const std::string& path);
    ~File();
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    const std::string& path() const { return path_; }
    uint64_t size() const { return size_; }  // bytes, when it was opened

    // What changes when the file's content does, as far as the system tells.
    struct Identity {
        std::string real_path;
        uint64_t size = 0;
        int64_t modified_ns = 0;
        bool operator==(const Identity&) const = default;
    };
    Identity identity() const;  // as it is now; throws Error(input) "file-unreadable"

    // Fills `out` with the bytes from `offset` on. Throws Error(input) "file-truncated" where the file ends
    // before, "file-unreadable" where the system reports a failure.
    void read_at(uint64_t offset, std::span<std::byte> out) const;

  private:
    File() = default;
    std::string path_;
    uint64_t size_ = 0;
    intptr_t handle_ = -1;
};

// The whole of a small file. Throws Error(input) "file-too-large" above `limit` bytes.
std::string read_text_file(const std::string& path, uint64_t limit);

// Writes beside `path`, then renames over it: a reader sees the old or the new content, never a part. Throws
// Error(input) "file-unwritable"; leaves no partial file.
void write_file_atomically(const std::string& path, std::span<const std::byte> content);

}  // namespace sluice
