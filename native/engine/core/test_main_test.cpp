// The entry point of every C++ test beside the engine's sources.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#ifdef __SANITIZE_ADDRESS__
// Drivers stay loaded until the process ends: the leak checker can name what a driver allocated, and so tell it from
// the engine's, only while the driver's module is there.
extern "C" int dlclose(void*) { return 0; }
#endif
