// Files of torch.save: the zip archive of PyTorch 1.6 and later, and the stream of pickles before it.
#pragma once
#include <string>

#include "format/raw_tensor.h"

namespace sluice {

// True where a file of `size` bytes that begins so is a zip archive or a pickle. Bytes that may as well be a
// safetensors header's length (640 begins as a pickle does) are taken for that where such a header fits.
bool looks_like_torch_file(std::span<const std::byte> first_bytes, uint64_t size);

// The tensors of the state dictionary: of the value "state_dict" where the file's dictionary has one, of the
// file's dictionary itself otherwise. Values that are no tensors are passed over. Nothing is executed; see
// pickle.h. Throws Error(input): "model-hostile", "model-corrupt", "model-truncated", "model-unsupported".
RawTensors read_torch_file(const std::string& path);

}  // namespace sluice
