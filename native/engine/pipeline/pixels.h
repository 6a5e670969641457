// From latents and the VAE's values to 8-bit pixels.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace sluice {

struct PixelImage {  // 8 bits a channel, rows from the top
    int width = 0, height = 0;
    std::vector<uint8_t> pixels;
};

// A small picture of latents [4][height][width], without the VAE.
PixelImage preview_of(std::span<const float> latents, int height, int width);
// Of the VAE's [height][width][3] in about -1…1.
PixelImage to_pixels(std::span<const float> image, int height, int width);

}  // namespace sluice
