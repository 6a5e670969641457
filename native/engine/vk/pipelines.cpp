#include "vk/pipelines.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <system_error>
#include <thread>

#include "vk/pipeline_file.h"
#include "vk/shader_registry.h"

namespace sluice::vk {

namespace {

uint64_t fnv(uint64_t hash, const void* data, size_t bytes) {
    const auto* p = static_cast<const unsigned char*>(data);
    for (size_t i = 0; i < bytes; ++i) hash = (hash ^ p[i]) * 0x100000001b3ull;
    return hash;
}
constexpr uint64_t fnv_start = 0xcbf29ce484222325ull;

std::span<const uint32_t> code_of(const PipelineKey& key) {
    const ShaderCode code = shader_code(key.shader);
    const auto words = key.precision == Precision::fp16 ? code.f16 : code.f32;
    if (words.empty())
        throw Error(Status::internal, "no-shader",
                    std::string("there is no SPIR-V for shader ") + std::to_string(key.shader) +
                        (code.name ? std::string(" (") + code.name + ")" : "") + " in " +
                        (key.precision == Precision::fp16 ? "fp16" : "fp32"),
                    "Build the shaders (shaders/spv) and the library again.");
    return words;
}

std::string name_of(const PipelineKey& key) {
    const ShaderCode code = shader_code(key.shader);
    return std::string(code.name ? code.name : "?") +
           (key.precision == Precision::fp16 ? " (fp16)" : " (fp32)");
}

}  // namespace

size_t PipelineKeyHash::operator()(const PipelineKey& key) const noexcept {
    uint64_t hash = fnv(fnv_start, key.spec.data(), sizeof key.spec);
    return size_t(fnv(hash, &key.shader, sizeof key.shader) * 2 + uint64_t(key.precision));
}

Pipelines::Pipelines(const Api& api, VkDevice device, const Physical& physical, const std::string& cache_dir)
    : api_(api), device_(device), physical_(physical) {
    try {
        VkDescriptorSetLayoutBinding bindings[2 * max_bindings];
        for (uint32_t i = 0; i < max_bindings; ++i) {
            bindings[i] = {i, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr};
            bindings[max_bindings + i] = bindings[i];
            bindings[max_bindings + i].binding += max_bindings;
            bindings[max_bindings + i].descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER;
        }
        VkDescriptorSetLayoutCreateInfo set{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
        set.bindingCount = 2 * max_bindings;
        set.pBindings = bindings;
        SLUICE_VK_CHECK(api_, vkCreateDescriptorSetLayout, device_, &set, nullptr, &set_layout_);

        const VkPushConstantRange push{VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(Dispatch::push)};
        VkPipelineLayoutCreateInfo layout{VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
        layout.setLayoutCount = 1;
        layout.pSetLayouts = &set_layout_;
        layout.pushConstantRangeCount = 1;
        layout.pPushConstantRanges = &push;
        SLUICE_VK_CHECK(api_, vkCreatePipelineLayout, device_, &layout, nullptr, &layout_);
        if (!cache_dir.empty()) cache_path_ = pipeline_file_path(cache_dir, physical_);
        load_cache();
    } catch (...) {
        release();
        throw;
    }
}

Pipelines::~Pipelines() {
    save();
    release();
}

void Pipelines::release() noexcept {
    for (const auto& [key, pipeline] : made_) api_.vkDestroyPipeline(device_, pipeline, nullptr);
    for (const auto& [id, module] : modules_) api_.vkDestroyShaderModule(device_, module, nullptr);
    api_.vkDestroyPipelineCache(device_, cache_, nullptr);
    api_.vkDestroyPipelineLayout(device_, layout_, nullptr);
    api_.vkDestroyDescriptorSetLayout(device_, set_layout_, nullptr);
}

uint64_t Pipelines::stable_hash(const PipelineKey& key) const {
    const auto words = code_of(key);
    const uint64_t hash = fnv(fnv_start, words.data(), words.size_bytes());
    return fnv(hash, key.spec.data(), sizeof key.spec);
}

void Pipelines::load_cache() {
    PipelineFile file;
    if (!cache_path_.empty()) file = read_pipeline_file(cache_path_, physical_);
    VkPipelineCacheCreateInfo create{VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
    create.initialDataSize = file.data.size();
    create.pInitialData = file.data.data();
    SLUICE_VK_CHECK(api_, vkCreatePipelineCache, device_, &create, nullptr, &cache_);
    on_disk_.insert(file.keys.begin(), file.keys.end());
}

void Pipelines::save() noexcept {
    try {
        std::lock_guard lock(mutex_);
        if (!dirty_ || cache_path_.empty()) return;
        dirty_ = false;  // also after a failure: a cache that cannot be written is not tried again and again
        size_t size = 0;
        SLUICE_VK_CHECK(api_, vkGetPipelineCacheData, device_, cache_, &size, nullptr);
        PipelineFile file;
        file.data.resize(size);
        if (SLUICE_VK_CHECK(api_, vkGetPipelineCacheData, device_, cache_, &size, file.data.data()) !=
            VK_SUCCESS)
            return;
        file.data.resize(size);
        file.keys.assign(on_disk_.begin(), on_disk_.end());
        write_pipeline_file(cache_path_, physical_, file);
    } catch (...) {
        // The cache only saves time: the next start compiles again.
    }
}

VkShaderModule Pipelines::module(const PipelineKey& key) {
    const uint32_t id = uint32_t(key.shader) * 2 + uint32_t(key.precision);
    std::lock_guard lock(mutex_);
    if (const auto it = modules_.find(id); it != modules_.end()) return it->second;
    const auto words = code_of(key);
    // Byte 2 of the second word is SPIR-V's minor version; 1.6 came with Vulkan 1.3.
    if (words.size() > 1 && ((words[1] >> 8) & 0xff) > 5 && physical_.api_version < VK_API_VERSION_1_3)
        throw Error(Status::device, "shader-too-new",
                    "shader " + name_of(key) + " is SPIR-V 1.6, which " + physical_.info.name +
                        " with Vulkan " + physical_.info.api_version + " cannot take",
                    "Update the GPU's driver.");
    VkShaderModuleCreateInfo create{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
    create.codeSize = words.size_bytes();
    create.pCode = words.data();
    VkShaderModule module = VK_NULL_HANDLE;
    SLUICE_VK_CHECK(api_, vkCreateShaderModule, device_, &create, nullptr, &module);
    modules_.emplace(id, module);
    return module;
}

VkPipeline Pipelines::create(const PipelineKey& key) {
    std::array<VkSpecializationMapEntry, max_spec_constants> entries;
    for (uint32_t i = 0; i < max_spec_constants; ++i) entries[i] = {i, i * 4, 4};
    const VkSpecializationInfo spec{max_spec_constants, entries.data(), sizeof key.spec, key.spec.data()};

    VkComputePipelineCreateInfo create{VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO};
    create.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
    create.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
    create.stage.module = module(key);
    create.stage.pName = "main";
    create.stage.pSpecializationInfo = &spec;
    create.layout = layout_;
    // Where a driver may choose among subgroup sizes, hold it to the one that lowering was told of.
    VkPipelineShaderStageRequiredSubgroupSizeCreateInfo subgroup{
        VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO};
    subgroup.requiredSubgroupSize = physical_.info.traits.subgroup_size;
    if (physical_.features.subgroup_size_control && physical_.min_subgroup != physical_.max_subgroup &&
        (physical_.required_subgroup_stages & VK_SHADER_STAGE_COMPUTE_BIT))
        create.stage.pNext = &subgroup;

    VkPipeline pipeline = VK_NULL_HANDLE;
    const VkResult result =
        SLUICE_VK_TRY(api_, vkCreateComputePipelines, device_, cache_, 1, &create, nullptr, &pipeline);
    if (result < 0) throw_result(result, "building the pipeline of shader " + name_of(key) + " failed");
    return pipeline;
}

VkPipeline Pipelines::get(const PipelineKey& key) {
    {
        std::lock_guard lock(mutex_);
        if (const auto it = made_.find(key); it != made_.end()) return it->second;
    }
    VkPipeline pipeline = create(key);
    const uint64_t stable = stable_hash(key);
    std::lock_guard lock(mutex_);
    const auto [it, inserted] = made_.emplace(key, pipeline);
    if (!inserted) api_.vkDestroyPipeline(device_, pipeline, nullptr);  // another thread was first
    if (on_disk_.insert(stable).second) dirty_ = true;
    return it->second;
}

bool Pipelines::prepare(std::span<const PipelineKey> keys) {
    std::vector<PipelineKey> missing;
    bool cold = false;
    {
        std::lock_guard lock(mutex_);
        for (const PipelineKey& key : keys)
            if (!made_.contains(key) && std::find(missing.begin(), missing.end(), key) == missing.end())
                missing.push_back(key);
        for (const PipelineKey& key : missing) cold = cold || !on_disk_.contains(stable_hash(key));
    }
    // Drivers compile for tens of milliseconds. A CPU device's have threads of their own.
    const size_t cores = physical_.info.type == "cpu" ? 2 : std::clamp<size_t>(std::thread::hardware_concurrency(), 2, 8);
    const size_t threads = std::max<size_t>(1, std::min(cores, missing.size()));
    std::atomic<size_t> next{0};
    std::vector<std::exception_ptr> failures(threads);
    auto work = [&](size_t thread) {
        try {
            for (size_t i; (i = next.fetch_add(1)) < missing.size();) get(missing[i]);
        } catch (...) {
            failures[thread] = std::current_exception();
            next = missing.size();
        }
    };
    std::vector<std::thread> others;
    try {
        for (size_t i = 1; i < threads; i++) others.emplace_back(work, i);
    } catch (const std::system_error&) {
        // No thread to be had: those that are there do it all.
    }
    work(0);
    for (std::thread& t : others) t.join();
    for (const auto& f : failures)
        if (f) std::rethrow_exception(f);
    if (cold) save();
    return cold;
}

}  // namespace sluice::vk
