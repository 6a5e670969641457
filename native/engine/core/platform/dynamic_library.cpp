#include "core/platform/dynamic_library.h"

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace sluice::platform {

#if defined(_WIN32)

// System folder only: a vulkan-1.dll beside the program or in the working folder must not be picked up.
void* open_library(const char* name) {
    return LoadLibraryExA(name, nullptr, LOAD_LIBRARY_SEARCH_SYSTEM32);
}

void* library_symbol(void* library, const char* symbol) {
    return reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(library), symbol));
}

const char* vulkan_loader_name() {
    return "vulkan-1.dll";
}

const char* vulkan_install_hint() {
    return "Install the current driver of your GPU from its maker: it brings Vulkan with it.";
}

#else

void* open_library(const char* name) {
    return dlopen(name, RTLD_NOW | RTLD_LOCAL);
}

void* library_symbol(void* library, const char* symbol) {
    return dlsym(library, symbol);
}

const char* vulkan_loader_name() {
    return "libvulkan.so.1";
}

const char* vulkan_install_hint() {
    return "On Debian and Ubuntu: sudo apt-get install libvulkan1 mesa-vulkan-drivers (an NVIDIA GPU: its "
           "own "
           "driver in place of the second). mesa-vulkan-drivers also runs on the processor alone.";
}

#endif

}  // namespace sluice::platform
