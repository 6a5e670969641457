// Errors of the engine. Not a logging facility: an Error is thrown inside the engine and turned into a
// sluice_error at the C boundary, never across it.
#pragma once
#include <stdexcept>
#include <string>
#include <utility>

namespace sluice {

// Values equal sluice_status in include/sluice.h and the command line's exit codes.
enum class Status : int { internal = 1, usage = 2, input = 3, device = 4, cancelled = 130 };

// `code` is a stable kebab-case word for programs ("model-truncated"), `message` says which operation on what
// failed, what was expected and what was found; `hint` says what to do.
class Error : public std::runtime_error {
  public:
    Error(Status status, std::string code, const std::string& message, std::string hint = {})
        : std::runtime_error(message), status(status), code(std::move(code)), hint(std::move(hint)) {}
    Status status;
    std::string code;
    std::string hint;
};

}  // namespace sluice
