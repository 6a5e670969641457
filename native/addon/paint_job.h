// A painting job's description, owned: what JavaScript gave, copied, and the engine's struct that points into it.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "convert.h"

namespace sluice_addon {

// Not movable: `desc` points into the other members.
class PaintJob {
  public:
    // `with_pixels` false: a plan, where the images' contents don't count and need not be given.
    PaintJob(const Napi::Value& value, bool with_pixels);
    PaintJob(const PaintJob&) = delete;
    PaintJob& operator=(const PaintJob&) = delete;

    const sluice_paint_desc& desc() const { return desc_; }

  private:
    void read_images(const Fields& fields);
    void read_controls(const Fields& fields, bool with_pixels);
    void read_loras(const Fields& fields);

    std::string model_, prompt_, negative_, sampler_, schedule_;
    std::optional<std::string> vae_, trace_;
    std::vector<std::string> control_models_;
    std::vector<Pixels> hints_;
    std::vector<sluice_control> controls_;
    std::vector<std::string> lora_paths_;
    std::vector<sluice_lora> loras_;
    Pixels init_, mask_;
    sluice_image init_view_{}, mask_view_{};
    std::vector<float> latents_;
    sluice_paint_desc desc_{};
};

}  // namespace sluice_addon
