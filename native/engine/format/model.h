// Opening models: diffusers folders, single files in the original layout, ControlNets. Nothing here knows the
// device or the shaders' weight layout (stream/ and ops/ do); tensors are named as diffusers names them.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "networks/config.h"

namespace sluice {

struct TensorInfo {
    std::string name;  // diffusers (UNet, VAE, ControlNet) or transformers ("text_model.…") naming
    DType dtype = DType::f32;
    std::vector<int64_t>
        shape;  // as diffusers has it: 1x1 convolutions that replace linear layers are squeezed
    int64_t elements() const {
        int64_t n = 1;
        for (int64_t d : shape) n *= d;
        return n;
    }
};

// The tensors of one network. Reading never executes anything and never reads past a file's end; file changes
// under us surface as Error(input). Thread-safe for reads.
class WeightSource {
  public:
    virtual ~WeightSource() = default;
    virtual const std::vector<TensorInfo>& tensors() const = 0;
    virtual const TensorInfo* find(const std::string& name) const = 0;  // null when absent
    // Elements [first, first + out.size()) of the row-major tensor, converted to float32.
    virtual void read(const std::string& name, int64_t first, std::span<float> out) const = 0;
    // Bytes on which a cached conversion depends: a hash over the whole content of this network's tensors and
    // names (memoised by path, size and modification time in cache_dir), 32 hexadecimal digits.
    virtual std::string content_hash() const = 0;
    virtual std::string path() const = 0;  // for messages
    virtual bool adapted() const { return false; }  // another's weights, changed for one job (format/lora.h)
};

struct Model {
    std::string path;
    TextEncoderConfig text_config;
    UNetConfig unet_config;
    VaeConfig vae_config;
    SchedulerConfig scheduler_config;
    std::unique_ptr<WeightSource> text, unet, vae;  // null where the folder holds configuration only
    std::string vocab_path, merges_path, tokenizer_json_path;  // empty: CLIP's embedded vocabulary
};

struct OpenOptions {
    std::string cache_dir;                      // for memoised hashes
    bool need_weights = true;                   // false: configuration alone (plan)
    bool text = true, unet = true, vae = true;  // components that must be there
};

// A diffusers folder (pipeline), one component's folder (then only that part is filled), or a single
// .safetensors/.ckpt/.bin file. The word "sd15" gives SD 1.5's configuration without weights.
Model open_model(const std::string& path, const OpenOptions& options);

// A separate VAE: diffusers folder or single file, original or diffusers layout.
struct VaeModel {
    VaeConfig config;
    std::unique_ptr<WeightSource> weights;
};
VaeModel open_vae(const std::string& path, const OpenOptions& options);

struct ControlNetModel {
    ControlNetConfig config;
    std::unique_ptr<WeightSource> weights;
};
// diffusers folder or file, or the original layout ("control_model.…", with or without that prefix). "sd15" as above.
ControlNetModel open_controlnet(const std::string& path, const OpenOptions& options);

}  // namespace sluice
