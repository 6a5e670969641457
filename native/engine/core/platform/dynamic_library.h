// Loading a shared library at run time. Nothing is ever unloaded: GPU drivers leave threads and thread-local
// destructors behind, and code that they still call must stay mapped.
#pragma once

namespace sluice::platform {

// A handle, or null when the library is not there or cannot be loaded.
void* open_library(const char* name);

// The address of an exported symbol, or null.
void* library_symbol(void* library, const char* symbol);

// What the system's Vulkan loader is called here.
const char* vulkan_loader_name();

// How a user gets a Vulkan loader and driver on this system: one sentence for an error's hint.
const char* vulkan_install_hint();

}  // namespace sluice::platform
