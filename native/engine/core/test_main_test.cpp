// The entry point of every C++ test beside the engine's sources.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdlib>

int main(int count, char** arguments) {
#ifndef _WIN32
    // Timing kernels takes seconds for every size, and tests that compare bytes between contexts want one choice.
    setenv("SLUICE_TUNE", "0", 0);
#endif
    return doctest::Context(count, arguments).run();
}

#ifdef __SANITIZE_ADDRESS__
// Drivers stay loaded until the process ends: the leak checker can name what a driver allocated, and so tell it from
// the engine's, only while the driver's module is there.
extern "C" int dlclose(void*) { return 0; }
#endif
