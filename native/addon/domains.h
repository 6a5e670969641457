// One function a domain; addon.cpp calls them all. A new domain is a new file and a line in each of these two.
#pragma once
#include <napi.h>

namespace sluice_addon {

void add_devices(Napi::Env env, Napi::Object exports);
void add_models(Napi::Env env, Napi::Object exports);
void add_plan(Napi::Env env, Napi::Object exports);
void add_grammars(Napi::Env env, Napi::Object exports);
void add_context(Napi::Env env, Napi::Object exports);
void add_midi_tokens(Napi::Env env, Napi::Object exports);
void add_midi_session(Napi::Env env, Napi::Object exports);

}  // namespace sluice_addon
