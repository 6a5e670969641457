// The directory of a zip archive of stored (uncompressed) entries, as torch.save writes them; zip64 included.
// Entries are found by the central directory alone; nothing is decompressed.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "core/platform/file.h"

namespace sluice {

struct ZipEntry {
    uint64_t header = 0;  // offset of the local header
    uint64_t size = 0;    // bytes of data
    uint16_t method = 0, flags = 0;
};

class ZipDirectory {
  public:
    // Throws Error(input): "model-truncated" where the end record is missing, "model-corrupt" where the
    // directory contradicts itself.
    explicit ZipDirectory(std::shared_ptr<const File> file);

    const std::map<std::string, ZipEntry>& entries() const { return entries_; }

    // Where the entry's data begins. Throws Error(input) "model-corrupt" for a compressed or encrypted entry,
    // or where its local header does not agree with the directory.
    uint64_t data_offset(const std::string& name, const ZipEntry& entry) const;

  private:
    [[noreturn]] void fail(const std::string& what) const;
    std::shared_ptr<const File> file_;
    uint64_t directory_ = 0;  // offset of the central directory: data ends before it
    std::map<std::string, ZipEntry> entries_;
};

}  // namespace sluice
