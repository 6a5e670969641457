// Compute pipelines: one layout for all, made on demand or ahead, remembered by key, cached on disk.
#pragma once
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <unordered_map>

#include "vk/instance.h"

namespace sluice::vk {

struct PipelineKeyHash {
    size_t operator()(const PipelineKey& key) const noexcept;
};

class Pipelines {
  public:
    // `cache_dir` empty: nothing on disk.
    Pipelines(const Api& api, VkDevice device, const Physical& physical, const std::string& cache_dir);
    ~Pipelines();
    Pipelines(const Pipelines&) = delete;

    VkPipelineLayout layout() const { return layout_; }
    VkDescriptorSetLayout set_layout() const { return set_layout_; }

    // Made when it is not there. Any thread.
    VkPipeline get(const PipelineKey& key);
    // On up to two threads; writes the disk cache when something was new. True when any pipeline was neither
    // made already nor in the disk cache.
    bool prepare(std::span<const PipelineKey> keys);
    void save() noexcept;

  private:
    VkShaderModule module(const PipelineKey& key);
    VkPipeline create(const PipelineKey& key);
    void load_cache();
    void release() noexcept;
    uint64_t stable_hash(const PipelineKey& key) const;

    const Api& api_;
    VkDevice device_;
    const Physical& physical_;
    std::string cache_path_;
    VkDescriptorSetLayout set_layout_ = VK_NULL_HANDLE;
    VkPipelineLayout layout_ = VK_NULL_HANDLE;
    VkPipelineCache cache_ = VK_NULL_HANDLE;
    std::mutex mutex_;
    std::unordered_map<PipelineKey, VkPipeline, PipelineKeyHash> made_;
    std::unordered_map<uint32_t, VkShaderModule> modules_;  // shader * 2 + precision
    std::set<uint64_t> on_disk_;                            // stable hashes of what the disk cache holds
    bool dirty_ = false;
};

}  // namespace sluice::vk
