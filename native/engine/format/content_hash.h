// A hash over everything of a network's weights that a conversion of them depends on.
#pragma once
#include <string>
#include <vector>

#include "format/model.h"
#include "format/raw_tensor.h"

namespace sluice {

// XXH3-128 over canonical names, element types, shapes, strides and data, in the order of names; 32
// hexadecimal digits. Data is streamed through a buffer of 1 MiB. Memoised in `cache_dir` (made when absent;
// empty: never) under the files' real paths, sizes and modification times and `network`; a cache that cannot
// be read or written costs time, no error. Throws Error(input) where a file cannot be read or changes
// meanwhile.
std::string content_hash(const std::vector<TensorInfo>& infos, const std::vector<RawTensor>& raw,
                         const std::string& network, const std::string& cache_dir);

// XXH3-128 over texts and their lengths, 32 hexadecimal digits.
std::string hash_of_texts(const std::vector<std::string>& texts);

}  // namespace sluice
