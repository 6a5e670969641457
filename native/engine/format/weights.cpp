#include "format/weights.h"

#include <algorithm>

#include "core/error.h"
#include "format/content_hash.h"

namespace sluice {
namespace {

class NetworkWeights final : public WeightSource {
  public:
    NetworkWeights(std::string network, std::string path, std::string cache_dir)
        : network_(std::move(network)), path_(std::move(path)), cache_dir_(std::move(cache_dir)) {}

    void add(TensorInfo info, RawTensor raw) {
        index_.emplace(info.name, infos_.size());
        infos_.push_back(std::move(info));
        raw_.push_back(std::move(raw));
    }

    const std::vector<TensorInfo>& tensors() const override { return infos_; }

    const TensorInfo* find(const std::string& name) const override {
        const auto found = index_.find(name);
        return found == index_.end() ? nullptr : &infos_[found->second];
    }

    void read(const std::string& name, int64_t first, std::span<float> out) const override {
        const auto found = index_.find(name);
        if (found == index_.end())
            throw Error(Status::internal, "tensor-unknown",
                        path_ + ": the " + network_ + " has no tensor " + name);
        read_raw(raw_[found->second], first, out);
        if (const int64_t bad = first_not_finite(out); bad >= 0)
            throw Error(Status::input, "weights-not-finite",
                        path_ + ": tensor " + name + " of the " + network_ + " holds " +
                            std::to_string(out[bad]) + " at element " + std::to_string(first + bad),
                        "The model is damaged or was trained to overflow: use another file.");
    }

    std::string content_hash() const override {
        return sluice::content_hash(infos_, raw_, network_, cache_dir_);
    }

    std::string path() const override { return path_; }

  private:
    std::string network_, path_, cache_dir_;
    std::vector<TensorInfo> infos_;
    std::vector<RawTensor> raw_;  // in infos_' order
    std::unordered_map<std::string, size_t> index_;
};

// A 1x1 convolution's weight read as a linear layer's, or the other way round: the same numbers in the same
// order.
bool fits_squeezed(const RawTensor& raw, const std::vector<int64_t>& shape) {
    if (raw.dtype == DType::boolean || raw.shape.size() != 4 || shape.size() != 2) return false;
    return raw.shape[0] == shape[0] && raw.shape[1] == shape[1] && raw.shape[2] == 1 && raw.shape[3] == 1;
}

}  // namespace

std::unique_ptr<WeightSource> assemble(const std::vector<ExpectedTensor>& expected, const RawTensors& raw,
                                       const AssembleOptions& options) {
    auto weights = std::make_unique<NetworkWeights>(options.network, options.path, options.cache_dir);
    std::unordered_map<std::string, bool> used;
    for (const ExpectedTensor& tensor : expected) {
        const std::vector<std::string> names =
            options.candidates ? options.candidates(tensor.name) : std::vector<std::string>{tensor.name};
        auto found = raw.end();
        for (const std::string& name : names)
            if ((found = raw.find(name)) != raw.end()) break;
        if (found == raw.end()) {
            const std::string theirs = options.prefix + names.front();
            throw Error(Status::input, "model-incomplete",
                        options.path + ": the " + options.network + " lacks tensor " + theirs +
                            (theirs == tensor.name ? "" : " (" + tensor.name + ")") +
                            ", expected with shape " + shape_text(tensor.shape),
                        "The file is incomplete or holds another network than its configuration says.");
        }
        RawTensor source = found->second;
        if (source.shape != tensor.shape) {
            if (!fits_squeezed(source, tensor.shape) || !options.candidates)
                throw Error(Status::input, "model-shape",
                            options.path + ": tensor " + source.name + " of the " + options.network +
                                ": expected shape " + shape_text(tensor.shape) + ", found " +
                                shape_text(source.shape),
                            "The file holds another network than its configuration says.");
            source.shape.resize(2);
            if (!source.strides.empty()) source.strides.resize(2);
        }
        used[found->first] = true;
        TensorInfo info{tensor.name, source.dtype, tensor.shape};
        weights->add(std::move(info), std::move(source));
    }
    for (const auto& [name, tensor] : raw)
        if (!used.count(name) && !(options.ignorable && options.ignorable(name)))
            throw Error(Status::input, "model-wrong-architecture",
                        options.path + ": tensor " + tensor.name + " of shape " + shape_text(tensor.shape) +
                            " has no place in the " + options.network,
                        "The file holds another network than its configuration says.");
    return weights;
}

}  // namespace sluice
