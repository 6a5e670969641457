// What a painting job gives back: { images, latents, figures }.
#pragma once
#include <napi.h>
#include <sluice.h>

#include "job.h"

namespace sluice_addon {

// Native memory cannot back ArrayBuffers where V8's memory cage is on: bytes are copied.
Napi::Uint8Array copy_bytes(Napi::Env env, const uint8_t* data, size_t size);

// Owns the result from here on.
Job::MakeResult paint_result(sluice_result* result);

}  // namespace sluice_addon
