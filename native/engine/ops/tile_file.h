// A table of measured tiles as a file. A file that cannot be read, or was made for other kernels, is an empty table.
#pragma once
#include <string>

#include "ops/tiles.h"

namespace sluice {

// `kernels`: what names the kernels that were measured; a file of others is not taken.
TileTable read_tile_file(const std::string& path, const std::string& kernels);

// Replaces the file whole. False where it cannot be written: then the choice holds for this process alone.
bool write_tile_file(const std::string& path, const std::string& kernels, const TileTable& table);

}  // namespace sluice
