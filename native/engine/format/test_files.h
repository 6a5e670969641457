// What the format tests share: a folder that goes away, files of given bytes, and errors as text.
#pragma once
#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/platform/file.h"
#include "format/raw_tensor.h"

namespace sluice::testing {

class Folder {
  public:
    Folder() {
        static std::atomic<int> serial{0};
        const auto base = std::filesystem::temp_directory_path();
        do {
            path_ = utf8_path(base / ("sluice-test-" + std::to_string(serial++)));
        } while (!std::filesystem::create_directory(native_path(path_)));
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(native_path(path_), ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    std::string path() const { return path_; }
    // The path of a file in the folder; its parents are made.
    std::string operator/(const std::string& name) const {
        const auto path = native_path(path_) / native_path(name);
        std::filesystem::create_directories(path.parent_path());
        return utf8_path(path);
    }
    std::string write(const std::string& name, const std::string& content) const {
        const std::string path = *this / name;
        write_file_atomically(path, std::as_bytes(std::span(content)));
        return path;
    }

  private:
    std::string path_;
};

// "code: message" of the Error that `action` throws; empty where it throws none.
template <typename F>
std::string error_of(F action) {
    try {
        action();
    } catch (const Error& error) {
        return error.code + ": " + error.what();
    }
    return {};
}

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

inline std::vector<float> values_of(const RawTensor& tensor) {
    std::vector<float> out(size_t(tensor.elements()));
    read_raw(tensor, 0, out);
    return out;
}

}  // namespace sluice::testing
