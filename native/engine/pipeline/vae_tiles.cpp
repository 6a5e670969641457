#include "pipeline/vae_tiles.h"

#include <algorithm>

namespace sluice {

std::vector<int> tile_starts(int length, int tile) {
    if (length <= tile) return {0};
    const int stride = tile - tile / 4;
    const int count = (length - tile + stride - 1) / stride + 1;
    std::vector<int> starts;
    for (int i = 0; i < count; i++) starts.push_back(int(int64_t(length - tile) * i / (count - 1)));
    return starts;
}

std::vector<float> decode_tiles(RepeatedStage& decoder, std::span<const float> z, int h, int w) {
    const Program& program = decoder.description().program;
    const Tensor& in = program.tensors[size_t(find_tensor(program, "latents"))];
    const int th = in.height, tw = in.width, width = w * 8;
    std::vector<float> sum(size_t(h) * 8 * size_t(width) * 3, 0.f), weight(size_t(h) * 8 * size_t(width), 0.f);
    for (int y0 : tile_starts(h, th)) {
        for (int x0 : tile_starts(w, tw)) {
            std::vector<float> tile;
            for (int y = 0; y < th; y++) {
                const auto row = z.subspan((size_t(y0 + y) * size_t(w) + size_t(x0)) * 4, size_t(tw) * 4);
                tile.insert(tile.end(), row.begin(), row.end());
            }
            const std::vector<float> image = decoder.run({{"latents", tile}}, {"image"})[0];
            for (int y = 0; y < th * 8; y++)
                for (int x = 0; x < tw * 8; x++) {
                    const int edge = std::min({y + 1, th * 8 - y, x + 1, tw * 8 - x, 128});
                    const float k = float(edge);
                    const size_t to = size_t(y0 * 8 + y) * size_t(width) + size_t(x0 * 8 + x);
                    const size_t from = size_t(y) * size_t(tw) * 8 + size_t(x);
                    weight[to] += k;
                    for (size_t c = 0; c < 3; c++) sum[to * 3 + c] += k * image[from * 3 + c];
                }
        }
    }
    for (size_t i = 0; i < weight.size(); i++)
        for (size_t c = 0; c < 3; c++) sum[i * 3 + c] /= weight[i];
    return sum;
}

}  // namespace sluice
