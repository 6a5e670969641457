#include "core/platform/file.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "core/error.h"
#include "core/failpoint.h"

#ifdef _WIN32
#define NOMINMAX
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace sluice {
namespace {

// One system call never asks for more than this: the systems' own limits lie just under 2 GiB.
constexpr size_t largest_read = size_t(1) << 30;

#ifdef _WIN32
std::string system_message() {
    return "Windows error " + std::to_string(GetLastError());
}
#else
std::string system_message() {
    return std::strerror(errno);
}
#endif

[[noreturn]] void throw_unreadable(const std::string& path, const std::string& reason) {
    throw Error(Status::input, "file-unreadable", path + ": cannot be read: " + reason,
                "Check the file's permissions and the disk.");
}

}  // namespace

std::filesystem::path native_path(const std::string& utf8) {
    return std::filesystem::path(std::u8string(utf8.begin(), utf8.end()));
}

std::string utf8_path(const std::filesystem::path& path) {
    const std::u8string text = path.u8string();
    return std::string(text.begin(), text.end());
}

std::shared_ptr<const File> File::open(const std::string& path) {
    std::shared_ptr<File> file(new File);
    file->path_ = path;
#ifdef _WIN32
    HANDLE handle = CreateFileW(native_path(path).c_str(), GENERIC_READ,
                                FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                                OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr);
    if (handle == INVALID_HANDLE_VALUE) {
        const DWORD code = GetLastError();
        if (code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND)
            throw Error(Status::input, "file-missing", path + ": no such file", "Check the path.");
        throw_unreadable(path, system_message());
    }
    file->handle_ = reinterpret_cast<intptr_t>(handle);
    LARGE_INTEGER size;
    if (!GetFileSizeEx(handle, &size)) throw_unreadable(path, system_message());
    file->size_ = uint64_t(size.QuadPart);
#else
    if (SLUICE_FAILS("open")) throw_unreadable(path, "input/output error (asked for by a test)");
    // Not to wait for a writer where the path names a pipe.
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            throw Error(Status::input, "file-missing", path + ": no such file", "Check the path.");
        throw_unreadable(path, system_message());
    }
    file->handle_ = descriptor;
    struct stat status{};
    if (fstat(descriptor, &status) != 0) throw_unreadable(path, system_message());
    if (!S_ISREG(status.st_mode))
        throw Error(Status::input, "file-not-regular", path + ": expected a file, found a folder or a device",
                    "Name a file.");
    file->size_ = uint64_t(status.st_size);
#endif
    return file;
}

File::~File() {
    if (handle_ == -1) return;
#ifdef _WIN32
    CloseHandle(reinterpret_cast<HANDLE>(handle_));
#else
    ::close(int(handle_));
#endif
}

File::Identity File::identity() const {
    Identity identity;
    std::error_code failed;
    const std::filesystem::path real = std::filesystem::canonical(native_path(path_), failed);
    identity.real_path = failed ? path_ : utf8_path(real);
#ifdef _WIN32
    BY_HANDLE_FILE_INFORMATION information;
    if (!GetFileInformationByHandle(reinterpret_cast<HANDLE>(handle_), &information))
        throw_unreadable(path_, system_message());
    identity.size = (uint64_t(information.nFileSizeHigh) << 32) | information.nFileSizeLow;
    const uint64_t ticks = (uint64_t(information.ftLastWriteTime.dwHighDateTime) << 32) |
                           information.ftLastWriteTime.dwLowDateTime;
    identity.modified_ns = int64_t(ticks * 100);
#else
    struct stat status{};
    if (fstat(int(handle_), &status) != 0) throw_unreadable(path_, system_message());
    identity.size = uint64_t(status.st_size);
#ifdef __APPLE__
    identity.modified_ns = int64_t(status.st_mtimespec.tv_sec) * 1'000'000'000 + status.st_mtimespec.tv_nsec;
#else
    identity.modified_ns = int64_t(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec;
#endif
#endif
    return identity;
}

void File::read_at(uint64_t offset, std::span<std::byte> out) const {
    if (SLUICE_FAILS("read")) throw_unreadable(path_, "input/output error (asked for by a test)");
    if (offset > uint64_t(INT64_MAX) - out.size()) throw_unreadable(path_, "offset out of range");
    size_t done = 0;
    while (done < out.size()) {
        const size_t want = std::min(out.size() - done, largest_read);
#ifdef _WIN32
        OVERLAPPED at{};
        at.Offset = DWORD(offset + done);
        at.OffsetHigh = DWORD((offset + done) >> 32);
        DWORD got = 0;
        if (!ReadFile(reinterpret_cast<HANDLE>(handle_), out.data() + done, DWORD(want), &got, &at) &&
            GetLastError() != ERROR_HANDLE_EOF)
            throw_unreadable(path_, system_message());
#else
        const ssize_t got = ::pread(int(handle_), out.data() + done, want, off_t(offset + done));
        if (got < 0) {
            if (errno == EINTR) continue;
            throw_unreadable(path_, system_message());
        }
#endif
        if (got == 0)
            throw Error(Status::input, "file-truncated",
                        path_ + ": expected " + std::to_string(out.size()) + " bytes at offset " +
                            std::to_string(offset) + ", found " + std::to_string(done),
                        "The file is incomplete or was changed while it was read: fetch it again.");
        done += size_t(got);
    }
}

std::string read_text_file(const std::string& path, uint64_t limit) {
    const auto file = File::open(path);
    if (file->size() > limit)
        throw Error(Status::input, "file-too-large",
                    path + ": expected at most " + std::to_string(limit) + " bytes, found " +
                        std::to_string(file->size()),
                    "This is not the file that its name says.");
    std::string text(size_t(file->size()), '\0');
    file->read_at(0, std::as_writable_bytes(std::span(text.data(), text.size())));
    return text;
}

void write_file_atomically(const std::string& path, std::span<const std::byte> content) {
    static std::atomic<uint64_t> serial{0};
#ifdef _WIN32
    const uint64_t process = GetCurrentProcessId();
#else
    const uint64_t process = uint64_t(getpid());
#endif
    const std::string temporary =
        path + ".partial-" + std::to_string(process) + "-" + std::to_string(serial.fetch_add(1));
    const auto fail = [&](const std::string& reason) {
        std::error_code ignored;
        std::filesystem::remove(native_path(temporary), ignored);
        throw Error(Status::input, "file-unwritable", path + ": cannot be written: " + reason,
                    "Check that the folder exists, may be written and has space.");
    };
#ifdef _WIN32
    FILE* stream = _wfopen(native_path(temporary).c_str(), L"wb");
#else
    FILE* stream = std::fopen(temporary.c_str(), "wb");
#endif
    if (!stream) fail(std::strerror(errno));
    const bool written =
        !SLUICE_FAILS("write") && std::fwrite(content.data(), 1, content.size(), stream) == content.size();
    const int write_error = errno;
    if (std::fclose(stream) != 0 || !written) fail(std::strerror(written ? errno : write_error));
    std::error_code failed;
    std::filesystem::rename(native_path(temporary), native_path(path), failed);
    if (failed) fail(failed.message());
}

}  // namespace sluice
