// One network's tensors, taken from files under their canonical names and checked against the configuration.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "format/expected_tensors.h"
#include "format/model.h"
#include "format/raw_tensor.h"

namespace sluice {

// A file's tensor names for a canonical one, the most likely first.
using NameCandidates = std::function<std::vector<std::string>(const std::string& canonical)>;

struct AssembleOptions {
    std::string network;        // "UNet", "VAE", …: for messages and for the memoised hash
    std::string path;           // file or folder, for messages
    std::string cache_dir;      // empty: hashes are not memoised
    std::string prefix;         // what the file's names had before `raw`'s, for messages
    NameCandidates candidates;  // empty: names are canonical already
    // A tensor of the file that no canonical name took: true where it is known to be of no use to the
    // network.
    std::function<bool(const std::string&)> ignorable;
};

// Throws Error(input): "model-incomplete" naming the first missing tensor, "model-shape" for a wrong shape,
// "model-wrong-architecture" for a tensor that the network does not have.
std::unique_ptr<WeightSource> assemble(const std::vector<ExpectedTensor>& expected, const RawTensors& raw,
                                       const AssembleOptions& options);

}  // namespace sluice
