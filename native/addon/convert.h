// JavaScript values to engine structs and back. Every argument is checked here: a wrong type throws TypeError, a
// wrong size RangeError, and nothing that JavaScript owns is touched after the call has returned.
#pragma once
#include <napi.h>
#include <sluice.h>

#include <optional>
#include <string>
#include <vector>

namespace sluice_addon {

// Named fields of an object argument. `where` opens the messages: "paint.controls[0]".
class Fields {
  public:
    Fields(const Napi::Value& value, std::string where);

    std::string text(const char* name) const;
    std::optional<std::string> optional_text(const char* name) const;  // null or undefined: nothing
    double number(const char* name) const;                              // finite
    uint64_t whole(const char* name, uint64_t max) const;               // integer in 0…max
    bool boolean(const char* name) const;
    Napi::Value value(const char* name) const;
    bool absent(const char* name) const;  // null or undefined
    std::string label(const char* name) const { return where_ + "." + name; }

  private:
    Napi::Object object_;
    std::string where_;
};

// A copy of an image argument: { width, height, pixels: Uint8Array } with exactly width x height x channels bytes.
struct Pixels {
    uint32_t width = 0, height = 0;
    std::vector<uint8_t> bytes;
    sluice_image view() const { return {width, height, bytes.empty() ? nullptr : bytes.data()}; }
};
Pixels read_pixels(const Napi::Value& value, const std::string& where, uint32_t channels);

sluice_memory read_memory(const Fields& fields);  // budgetBytes, precision

// An Error with the engine's status, code and hint as properties; asSluiceError in src-main/engine reads them.
Napi::Error to_js(Napi::Env env, const sluice_error& error);

// Takes a string of the library's and frees it.
std::string take(char* text);

}  // namespace sluice_addon
