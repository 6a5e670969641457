// The entry point of every C++ test beside the engine's sources.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdlib>
#include <memory>

#include "core/test_end.h"
#include "vk/instance.h"

std::vector<std::function<void()>>& sluice::testing::at_end() {
    static std::vector<std::function<void()>> list;
    return list;
}

namespace {

// Keeps drivers and layers loaded: NVIDIA's driver does not come again after some dozens of loads, and what a layer
// keeps is gone for those who close a device after the program's end has begun. Without a driver the tests that need one
// say so.
struct Kept {
    std::unique_ptr<sluice::vk::Api> api;
    std::unique_ptr<sluice::vk::Instance> instance;
    Kept() {
        try {
            api = std::make_unique<sluice::vk::Api>();
            api->load_global();
            instance = std::make_unique<sluice::vk::Instance>(*api);
        } catch (const sluice::Error&) {
        }
    }
};

}  // namespace

int main(int count, char** arguments) {
#ifndef _WIN32
    // Timing kernels takes seconds for every size, and tests that compare bytes between contexts want one choice.
    setenv("SLUICE_TUNE", "0", 0);
#endif
    const Kept kept;
    const int status = doctest::Context(count, arguments).run();
    for (const auto& close : sluice::testing::at_end()) close();
    return status;
}

#ifdef __SANITIZE_ADDRESS__
// Drivers stay loaded until the process ends: the leak checker can name what a driver allocated, and so tell it from
// the engine's, only while the driver's module is there.
extern "C" int dlclose(void*) { return 0; }
#endif
