// Single files: whole checkpoints in the original layout, and lone networks in either layout. What model.h's
// functions call where their path names a file.
#pragma once
#include <string>

#include "format/model.h"

namespace sluice {

Model open_single_file(const std::string& path, const OpenOptions& options);
VaeModel open_vae_file(const std::string& path, const OpenOptions& options);
ControlNetModel open_controlnet_file(const std::string& path, const OpenOptions& options);

}  // namespace sluice
