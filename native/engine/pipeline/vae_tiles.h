// Decoding in blended tiles, for pictures that no budget holds whole. Only when asked for: the result differs.
#pragma once
#include <span>
#include <vector>

#include "pipeline/job.h"

namespace sluice {

// First positions of tiles of `tile` along `length`, overlapping by at least a quarter, ends included.
std::vector<int> tile_starts(int length, int tile);

// `decoder` is a VAE decoder's stage of the tile's size; z is [h][w][4]; the result [8h][8w][3]. Tiles are mixed by
// weights that fall linearly towards their edges.
std::vector<float> decode_tiles(RepeatedStage& decoder, std::span<const float> z, int h, int w);

}  // namespace sluice
