#include "pipeline/pixels.h"

#include <algorithm>
#include <cmath>

namespace sluice {

// Latents to RGB by a linear guess, good enough to see where the picture is going. Coefficients are a least-squares
// fit commonly used for SD 1.x's VAE; another VAE gives other colours, the same shapes.
PixelImage preview_of(std::span<const float> latents, int height, int width) {
    static constexpr float to_rgb[4][3] = {
        {0.35f, 0.23f, 0.32f}, {0.32f, 0.50f, 0.24f}, {-0.28f, 0.18f, 0.27f}, {-0.21f, -0.26f, -0.72f}};
    PixelImage out{width, height, std::vector<uint8_t>(size_t(width) * size_t(height) * 3)};
    const size_t area = size_t(width) * size_t(height);
    for (size_t i = 0; i < area; i++)
        for (size_t c = 0; c < 3; c++) {
            float v = 0;
            for (size_t k = 0; k < 4; k++) v += latents[k * area + i] * to_rgb[k][c];
            out.pixels[i * 3 + c] = uint8_t(std::clamp((v + 1.f) * 127.5f, 0.f, 255.f));
        }
    return out;
}

// VaeImageProcessor.postprocess: x / 2 + 0.5, clamped, times 255, rounded half to even.
PixelImage to_pixels(std::span<const float> image, int height, int width) {
    PixelImage out{width, height, std::vector<uint8_t>(image.size())};
    for (size_t i = 0; i < image.size(); i++)
        out.pixels[i] = uint8_t(std::nearbyint(std::clamp(image[i] / 2.f + 0.5f, 0.f, 1.f) * 255.f));
    return out;
}

}  // namespace sluice
