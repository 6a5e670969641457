// A small job of the tiny model for tests, which change what they are about.
#pragma once
#include <string>

#include "core/test_models.h"
#include "pipeline/paint.h"

namespace sluice::testing {

inline std::string resources() { return std::string(SLUICE_TEST_DATA) + "/../../../resources"; }

// A picture of one value throughout.
inline PixelImage plain_picture(int width, int height, uint8_t value, int channels = 3) {
    return {width, height, std::vector<uint8_t>(size_t(width) * size_t(height) * size_t(channels), value)};
}

// One ControlNet, 64x64, no initial picture, the device's own budget. `model`: another one with a ControlNet.
inline PaintRequest tiny_request(int steps, uint64_t seed, const std::string& model = test_model("tiny")) {
    PaintRequest r;
    r.model = model;
    r.prompt = "a boat";
    r.width = r.height = 64;
    r.steps = steps;
    r.seed = seed;
    PaintControl c;
    c.model = r.model + "/controlnet";
    c.hint = plain_picture(64, 64, 200);
    r.controls.push_back(c);
    return r;
}

}  // namespace sluice::testing
