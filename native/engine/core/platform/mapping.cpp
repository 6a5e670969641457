#include "core/platform/mapping.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "core/failpoint.h"
#include "core/platform/file.h"

#ifdef _WIN32
#define NOMINMAX
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace sluice {
namespace {

Error unwritable(const std::string& path, int code) {
    if (code == ENOSPC || code == EDQUOT)
        return Error(Status::input, "disk-full", "writing " + path + ": no space left on the disk",
                     "free some space, or point the cache folder to another disk");
    return Error(Status::input, "cache-unwritable", "writing " + path + ": " + std::strerror(code),
                 "check the cache folder's permissions");
}

}  // namespace

#ifdef _WIN32

MappedFile::MappedFile(const std::string& path) {
    HANDLE file = CreateFileW(native_path(path).c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr,
                              OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr);
    if (file == INVALID_HANDLE_VALUE) throw Error(Status::input, "cache-unreadable", "opening " + path);
    LARGE_INTEGER size{};
    GetFileSizeEx(file, &size);
    HANDLE mapping = size.QuadPart > 0 ? CreateFileMappingW(file, nullptr, PAGE_WRITECOPY, 0, 0, nullptr) : nullptr;
    CloseHandle(file);
    if (!mapping) throw Error(Status::input, "cache-unreadable", "mapping " + path);
    data_ = static_cast<std::byte*>(MapViewOfFile(mapping, FILE_MAP_COPY, 0, 0, 0));
    CloseHandle(mapping);
    if (!data_) throw Error(Status::input, "cache-unreadable", "mapping " + path);
    size_ = uint64_t(size.QuadPart);
}

void MappedFile::drop(uint64_t, uint64_t) const {}  // the system trims working sets by itself

MappedFile::~MappedFile() {
    if (data_) UnmapViewOfFile(data_);
}

OffsetWriter::OffsetWriter(std::string path) : path_(std::move(path)), temporary_(path_ + ".part") {
    HANDLE file = CreateFileW(native_path(temporary_).c_str(), GENERIC_WRITE, 0, nullptr, CREATE_ALWAYS,
                              FILE_ATTRIBUTE_NORMAL, nullptr);
    if (file == INVALID_HANDLE_VALUE) throw unwritable(path_, EACCES);
    handle_ = intptr_t(file);
}

OffsetWriter::~OffsetWriter() {
    if (handle_ == -1) return;
    CloseHandle(HANDLE(handle_));
    std::error_code ignored;
    std::filesystem::remove(native_path(temporary_), ignored);
}

void OffsetWriter::write(uint64_t offset, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        OVERLAPPED at{};
        at.Offset = DWORD(offset);
        at.OffsetHigh = DWORD(offset >> 32);
        DWORD done = 0;
        const DWORD want = DWORD(bytes.size() > (64u << 20) ? (64u << 20) : bytes.size());
        if (SLUICE_FAILS("write") || !WriteFile(HANDLE(handle_), bytes.data(), want, &done, &at) || done == 0)
            throw unwritable(path_, GetLastError() == ERROR_DISK_FULL ? ENOSPC : EIO);
        offset += done;
        bytes = bytes.subspan(done);
    }
}

void OffsetWriter::commit(uint64_t size) {
    LARGE_INTEGER end{};
    end.QuadPart = LONGLONG(size);
    if (!SetFilePointerEx(HANDLE(handle_), end, nullptr, FILE_BEGIN) || !SetEndOfFile(HANDLE(handle_)))
        throw unwritable(path_, EIO);
    CloseHandle(HANDLE(handle_));
    handle_ = -1;
    std::error_code code;
    std::filesystem::rename(native_path(temporary_), native_path(path_), code);
    if (code) throw unwritable(path_, EIO);
}

#else

MappedFile::MappedFile(const std::string& path) {
    auto fail = [&](int code) {
        return Error(Status::input, "cache-unreadable", "mapping " + path + ": " + std::strerror(code),
                     "delete the file: it is made anew");
    };
    const int fd = SLUICE_FAILS("open") ? (errno = EIO, -1) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) throw fail(errno);
    struct stat info {};
    if (SLUICE_FAILS("fstat") ? (errno = EIO, true) : ::fstat(fd, &info) != 0) {
        const int code = errno;
        ::close(fd);
        throw fail(code);
    }
    void* address = MAP_FAILED;
    if (info.st_size == 0) errno = EINVAL;
    else if (SLUICE_FAILS("mmap")) errno = ENOMEM;
    else address = ::mmap(nullptr, size_t(info.st_size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
    const int code = errno;
    ::close(fd);
    if (address == MAP_FAILED) throw fail(code);
    data_ = static_cast<std::byte*>(address);
    size_ = uint64_t(info.st_size);
}

void MappedFile::drop(uint64_t offset, uint64_t bytes) const {
    const uint64_t page = uint64_t(::sysconf(_SC_PAGESIZE));
    const uint64_t begin = (offset + page - 1) / page * page, end = (offset + bytes) / page * page;
    if (offset + bytes <= size_ && begin < end) ::madvise(data_ + begin, size_t(end - begin), MADV_DONTNEED);
}

MappedFile::~MappedFile() {
    if (data_) ::munmap(data_, size_);
}

OffsetWriter::OffsetWriter(std::string path)
    : path_(std::move(path)), temporary_(path_ + ".part." + std::to_string(::getpid())) {
    const int fd = SLUICE_FAILS("create") ? (errno = EACCES, -1)
                                          : ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) throw unwritable(path_, errno);
    handle_ = fd;
}

OffsetWriter::~OffsetWriter() {
    if (handle_ == -1) return;
    ::close(int(handle_));
    ::unlink(temporary_.c_str());
}

void OffsetWriter::write(uint64_t offset, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t done = SLUICE_FAILS("write")
                                 ? (errno = ENOSPC, -1)
                                 : ::pwrite(int(handle_), bytes.data(), bytes.size(), off_t(offset));
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) throw unwritable(path_, done < 0 ? errno : EIO);
        offset += uint64_t(done);
        bytes = bytes.subspan(size_t(done));
    }
}

void OffsetWriter::commit(uint64_t size) {
    if (SLUICE_FAILS("ftruncate") ? (errno = ENOSPC, true) : ::ftruncate(int(handle_), off_t(size)) != 0)
        throw unwritable(path_, errno);
    const bool renamed = !SLUICE_FAILS("rename") && ::rename(temporary_.c_str(), path_.c_str()) == 0;
    if (!renamed) throw unwritable(path_, errno ? errno : EIO);
    ::close(int(handle_));
    handle_ = -1;
}

#endif

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
}

}  // namespace sluice
