#include "core/seeded_weights.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <unordered_map>

#include "core/error.h"

namespace sluice {
namespace {

using nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr uint64_t kGolden = 0x9E3779B97F4A7C15ull;

uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

[[noreturn]] void bad(const std::string& path, const std::string& what) {
    throw Error(Status::input, "specification-invalid", "seeded model " + path + ": " + what,
                "Take a file from native/engine/testdata/models/.");
}

// A file that appears under its name only when it is whole.
class WholeFile {
  public:
    // Several processes may write components of one folder at once, and each writes the folder's own files.
    explicit WholeFile(const fs::path& path)
        : path_(path), part_(path.string() + ".part-" + std::to_string(std::random_device{}())) {
        std::error_code ignored;
        if (path.has_parent_path()) fs::create_directories(path.parent_path(), ignored);
        stream_.open(part_, std::ios::binary | std::ios::trunc);
        check("open");
    }
    ~WholeFile() {
        std::error_code ignored;
        if (!done_) fs::remove(part_, ignored);
    }
    WholeFile(const WholeFile&) = delete;
    WholeFile& operator=(const WholeFile&) = delete;
    void write(const void* data, size_t bytes) {
        stream_.write(static_cast<const char*>(data), std::streamsize(bytes));
        check("write");
    }
    void finish() {
        stream_.close();
        check("close");
        std::error_code failure;
        fs::rename(part_, path_, failure);
        if (failure) fail("rename", failure.message());
        done_ = true;
    }

  private:
    void check(const char* operation) {
        if (!stream_) fail(operation, std::strerror(errno));
    }
    [[noreturn]] void fail(const char* operation, const std::string& why) {
        throw Error(Status::input, "output-failed",
                    std::string("cannot ") + operation + " " + path_.string() + ": " + why,
                    "Check that the folder can be written and that the disk has room.");
    }
    fs::path path_, part_;
    std::ofstream stream_;
    bool done_ = false;
};

struct Entry {
    std::string name;
    std::vector<int64_t> shape;
    const SeededTensor* tensor;
};

void write_safetensors(const std::vector<Entry>& entries, const fs::path& path, SeededFormat format) {
    const uint64_t size = format == SeededFormat::f16 ? 2 : 4;
    std::string header = R"({"__metadata__":{"format":"pt"})";
    uint64_t offset = 0;
    for (const Entry& entry : entries) {
        const uint64_t end = offset + size * entry.tensor->elements();
        const ordered_json row = {
            {"dtype", size == 2 ? "F16" : "F32"}, {"shape", entry.shape}, {"data_offsets", {offset, end}}};
        header.append(",").append(ordered_json(entry.name).dump()).append(":").append(row.dump());
        offset = end;
    }
    header += "}";
    header.append((8 - header.size() % 8) % 8, ' ');
    WholeFile file(path);
    uint8_t length[8];
    for (int i = 0; i < 8; ++i) length[i] = uint8_t(header.size() >> (8 * i));
    file.write(length, sizeof length);
    file.write(header.data(), header.size());
    std::vector<uint16_t> halves(1 << 18);
    std::vector<float> floats(size == 4 ? halves.size() : 0);
    for (const Entry& entry : entries) {
        const uint64_t total = entry.tensor->elements();
        for (uint64_t first = 0; first < total; first += halves.size()) {
            const size_t count = size_t(std::min<uint64_t>(halves.size(), total - first));
            seeded_values(*entry.tensor, first, {halves.data(), count});
            if (size == 4)
                std::transform(halves.begin(), halves.begin() + long(count), floats.begin(), half_to_float);
            file.write(size == 4 ? static_cast<const void*>(floats.data()) : halves.data(), count * size);
        }
    }
    file.finish();
}

void write_text(const fs::path& path, const std::string& text) {
    WholeFile file(path);
    file.write(text.data(), text.size());
    file.finish();
}

}  // namespace

uint64_t SeededTensor::elements() const {
    uint64_t n = 1;
    for (int64_t d : shape) n *= uint64_t(d);
    return n;
}

uint64_t seeded_key(uint64_t seed, const std::string& component, const std::string& tensor) {
    uint64_t key = 0xCBF29CE484222325ull;
    for (unsigned char byte : std::to_string(seed) + "/" + component + "/" + tensor)
        key = (key ^ byte) * 0x100000001B3ull;
    return key;
}

void seeded_values(const SeededTensor& tensor, uint64_t first, std::span<uint16_t> out) {
    uint64_t state = tensor.key + (first + 1) * kGolden;
    for (uint16_t& value : out) {
        const int64_t k = int64_t(mix(state) >> 40) - (int64_t(1) << 23);
        const int64_t exact = tensor.centre * (int64_t(1) << 23) + tensor.half_width * k;
        value = float_to_half(float(double(exact) * 0x1p-39));
        state += kGolden;
    }
}

SeededModel read_seeded_model(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    if (!stream) bad(path, "cannot be opened");
    SeededModel model;
    try {
        const ordered_json document = ordered_json::parse(stream);
        model.seed = document.at("seed").get<uint64_t>();
        for (const auto& [name, content] : document.at("files").items())
            model.files.emplace_back(name, content.dump(2) + "\n");
        for (const auto& [name, content] : document.at("components").items()) {
            SeededComponent component{name, content.at("config").dump(2) + "\n", {}};
            for (const auto& row : content.at("tensors")) {
                SeededTensor tensor;
                tensor.name = row.at(0).get<std::string>();
                tensor.shape = row.at(1).get<std::vector<int64_t>>();
                tensor.centre = row.at(2).get<int64_t>();
                tensor.half_width = row.at(3).get<int64_t>();
                tensor.key = seeded_key(model.seed, name, tensor.name);
                // Beyond these the arithmetic of seeded_values would not be exact.
                constexpr int64_t kLimit = int64_t(1) << 24;
                if (std::max(std::abs(tensor.centre), std::abs(tensor.half_width)) > kLimit)
                    bad(path, tensor.name + " has a centre or half-width beyond 2^24");
                if (std::any_of(tensor.shape.begin(), tensor.shape.end(),
                                [](int64_t d) { return d < 1 || d > (int64_t(1) << 24); }))
                    bad(path, tensor.name + " has a dimension outside 1…2^24");
                component.tensors.push_back(std::move(tensor));
            }
            model.components.push_back(std::move(component));
        }
    } catch (const nlohmann::json::exception& error) {
        bad(path, error.what());
    }
    return model;
}

void write_seeded_folder(const SeededModel& model, const std::string& folder, SeededFormat format,
                         const std::vector<std::string>& components) {
    for (const auto& [name, text] : model.files) write_text(fs::path(folder) / name, text);
    for (const SeededComponent& component : model.components) {
        if (!components.empty() &&
            std::find(components.begin(), components.end(), component.name) == components.end())
            continue;
        const fs::path where = fs::path(folder) / component.name;
        write_text(where / "config.json", component.config);
        std::vector<Entry> entries;
        for (const SeededTensor& tensor : component.tensors)
            entries.push_back({tensor.name, tensor.shape, &tensor});
        const bool text = component.name == "text_encoder";
        write_safetensors(
            entries, where / (text ? "model.safetensors" : "diffusion_pytorch_model.safetensors"), format);
    }
}

void write_seeded_single_file(const SeededModel& model, const std::string& names_path,
                              const std::string& path, SeededFormat format) {
    std::unordered_map<std::string, std::string> originals;
    std::ifstream names(names_path);
    if (!names) bad(names_path, "cannot be opened");
    for (std::string ours, original; names >> ours >> original;) originals[ours] = original;
    std::vector<Entry> entries;
    for (const char* wanted : {"unet", "vae", "text_encoder"}) {
        for (const SeededComponent& component : model.components) {
            if (component.name != wanted) continue;
            for (const SeededTensor& tensor : component.tensors) {
                const auto found = originals.find(component.name + "/" + tensor.name);
                if (found == originals.end()) bad(names_path, "lacks " + component.name + "/" + tensor.name);
                Entry entry{found->second, tensor.shape, &tensor};
                // The original VAE's attention was made of 1x1 convolutions.
                if (component.name == "vae" && entry.shape.size() == 2)
                    entry.shape.insert(entry.shape.end(), {1, 1});
                entries.push_back(std::move(entry));
            }
        }
    }
    write_safetensors(entries, path, format);
}

}  // namespace sluice
