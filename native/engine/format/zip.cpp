#include "format/zip.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/error.h"

namespace sluice {
namespace {

constexpr uint32_t end_magic = 0x06054b50, end64_magic = 0x06064b50, locator_magic = 0x07064b50;
constexpr uint32_t central_magic = 0x02014b50, local_magic = 0x04034b50;
constexpr size_t end_size = 22, end64_size = 56, locator_size = 20, central_size = 46, local_size = 30;
constexpr uint64_t largest_directory = uint64_t(64) << 20;

template <typename T>
T load(const std::vector<std::byte>& bytes, size_t at) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof(T));
    return value;
}

}  // namespace

void ZipDirectory::fail(const std::string& what) const {
    throw Error(Status::input, "model-corrupt", file_->path() + ": zip archive: " + what,
                "The file is damaged: fetch it again.");
}

ZipDirectory::ZipDirectory(std::shared_ptr<const File> file) : file_(std::move(file)) {
    const uint64_t size = file_->size();
    const auto read = [&](uint64_t offset, uint64_t bytes) {
        std::vector<std::byte> out(static_cast<size_t>(bytes));
        file_->read_at(offset, out);
        return out;
    };
    const uint64_t tail_size = std::min<uint64_t>(size, 0xffff + end_size);
    const auto tail = read(size - tail_size, tail_size);
    // The end record is the last whose comment reaches exactly to the file's end.
    size_t end = tail.size();
    for (size_t at = tail.size() < end_size ? 0 : tail.size() - end_size + 1; at-- > 0;)
        if (load<uint32_t>(tail, at) == end_magic &&
            at + end_size + load<uint16_t>(tail, at + 20) == tail.size()) {
            end = at;
            break;
        }
    if (end == tail.size())
        throw Error(Status::input, "model-truncated",
                    file_->path() + ": expected a zip archive's directory at the end, found none",
                    "The file is incomplete: fetch it again.");
    uint64_t count = load<uint16_t>(tail, end + 10), bytes = load<uint32_t>(tail, end + 12);
    directory_ = load<uint32_t>(tail, end + 16);
    uint64_t directory_end = size - tail_size + end;
    if (end >= locator_size && load<uint32_t>(tail, end - locator_size) == locator_magic) {
        const uint64_t at = load<uint64_t>(tail, end - locator_size + 8);
        if (at > directory_end || directory_end - at < end64_size + locator_size)
            fail("the zip64 end record lies outside of the file");
        const auto record = read(at, end64_size);
        if (load<uint32_t>(record, 0) != end64_magic)
            fail("expected a zip64 end record, found something else");
        count = load<uint64_t>(record, 32);
        bytes = load<uint64_t>(record, 40);
        directory_ = load<uint64_t>(record, 48);
        directory_end = at;
    }
    if (directory_ > directory_end || bytes > directory_end - directory_)
        fail("the directory lies outside of the file");
    if (bytes > largest_directory || count > bytes / central_size) fail("the directory's size is impossible");

    const auto directory = read(directory_, bytes);
    size_t at = 0;
    for (uint64_t i = 0; i < count; ++i) {
        if (directory.size() - at < central_size || load<uint32_t>(directory, at) != central_magic)
            fail("entry " + std::to_string(i) + " of the directory is damaged");
        ZipEntry entry;
        entry.flags = load<uint16_t>(directory, at + 8);
        entry.method = load<uint16_t>(directory, at + 10);
        uint64_t packed = load<uint32_t>(directory, at + 20);
        entry.size = load<uint32_t>(directory, at + 24);
        const size_t name_size = load<uint16_t>(directory, at + 28),
                     extra_size = load<uint16_t>(directory, at + 30),
                     comment_size = load<uint16_t>(directory, at + 32);
        entry.header = load<uint32_t>(directory, at + 42);
        at += central_size;
        if (directory.size() - at < name_size + extra_size + comment_size)
            fail("entry " + std::to_string(i) + " of the directory is damaged");
        const std::string name(reinterpret_cast<const char*>(directory.data() + at), name_size);
        at += name_size;
        const size_t extra_end = at + extra_size;
        for (size_t field = at; extra_end - field >= 4;) {
            const size_t kind = load<uint16_t>(directory, field),
                         length = load<uint16_t>(directory, field + 2);
            field += 4;
            if (extra_end - field < length) fail("entry " + name + " has a damaged extra field");
            if (kind == 1) {
                size_t value = field;
                for (uint64_t* wide : {&entry.size, &packed, &entry.header}) {
                    if (*wide != 0xffffffff) continue;
                    if (field + length - value < 8) fail("entry " + name + " lacks its 64-bit sizes");
                    *wide = load<uint64_t>(directory, value);
                    value += 8;
                }
            }
            field += length;
        }
        at = extra_end + comment_size;
        if (entry.method == 0 && packed != entry.size) fail("entry " + name + " is stored in two sizes");
        if (!entries_.emplace(name, entry).second) fail("entry " + name + " stands there twice");
    }
}

uint64_t ZipDirectory::data_offset(const std::string& name, const ZipEntry& entry) const {
    if (entry.method != 0) fail("entry " + name + " is compressed, which torch.save does not do");
    if (entry.flags & 1) fail("entry " + name + " is encrypted");
    if (entry.header > directory_ || directory_ - entry.header < local_size)
        fail("entry " + name + " lies outside of the file");
    std::vector<std::byte> header(local_size + name.size());
    if (directory_ - entry.header < header.size()) fail("entry " + name + " lies outside of the file");
    file_->read_at(entry.header, header);
    if (load<uint32_t>(header, 0) != local_magic || load<uint16_t>(header, 26) != name.size() ||
        std::memcmp(header.data() + local_size, name.data(), name.size()) != 0)
        fail("entry " + name + " is not where the directory says");
    const uint64_t data = entry.header + header.size() + load<uint16_t>(header, 28);
    if (data > directory_ || entry.size > directory_ - data)
        fail("entry " + name + " lies outside of the file");
    return data;
}

}  // namespace sluice
