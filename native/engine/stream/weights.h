// A block cache as the device sees it: imported host memory where the driver takes it, otherwise bytes to be staged.
#pragma once
#include <memory>

#include "stream/block_cache.h"
#include "vk/device.h"

namespace sluice {

class DeviceWeights {
  public:
    DeviceWeights(vk::Device& device, std::shared_ptr<BlockCache> cache);
    const BlockCache& cache() const { return *cache_; }
    bool imported() const { return bool(import_); }
    const vk::Buffer& buffer() const { return import_; }

  private:
    std::shared_ptr<BlockCache> cache_;  // outlives the import
    vk::Buffer import_;
};

}  // namespace sluice
