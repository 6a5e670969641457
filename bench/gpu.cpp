// Speed of a GPU's matrix units at SD 1.5's shapes, and of a whole UNet pass.
//   bench_gpu tiles [--device NAME] [--most N] [--table FILE]   candidates of every shape, timed; FILE gets all of them
//   bench_gpu step [--device NAME] [--budget MIB]… [--link-divisor N]… [--profile FILE] [--cache FOLDER] [--latent SIDE] [--tune 1]
//     resident, then in each budget, and over a link so many times slower; with --tune all of it again after the tuner chose
//   bench_gpu empty [--device NAME]   opens the device and holds it for four seconds, for a look at what that takes
// Weights are made up. Times are of the device's clock (tiles) or of the host's (step), the best of several.
#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <thread>

#include "core/error.h"
#include "networks/networks.h"
#include "ops/op_bench.h"
#include "pipeline/job.h"
#include "pipeline/tune.h"
#include "shared/params.h"
#include "stream/run.h"

using namespace sluice;
using namespace sluice::ops;

namespace {

struct Shape {
    const char* name;
    int kernel, batch, height, width, inputs, outputs;
    bool folded = false, geglu = false;
};

// Matrix products are of the two halves of guidance, as the networks have them.
const Shape shapes[] = {
    {"matmul 4096", 1, 2, 1, 2048, 4096, 4096},
    {"product 8192x320x2880", 1, 2, 1, 4096, 2880, 320},
    {"product 2048x640x5760", 1, 2, 1, 1024, 5760, 640},
    {"product 512x1280x11520", 1, 2, 1, 256, 11520, 1280},
    {"product 128x1280x11520", 1, 2, 1, 64, 11520, 1280},
    {"product 8192x2560x320", 1, 2, 1, 4096, 320, 2560},
    {"conv 64x64 320>320", 3, 2, 64, 64, 320, 320},
    {"conv 32x32 640>640", 3, 2, 32, 32, 640, 640},
    {"conv 16x16 1280>1280", 3, 2, 16, 16, 1280, 1280},
    {"conv 8x8 1280>1280", 3, 2, 8, 8, 1280, 1280},
    {"geglu 8192 320>2560", 1, 2, 1, 4096, 320, 2560, false, true},
    {"norm conv 64x64 320>320", 3, 2, 64, 64, 320, 320, true},
    {"norm conv 32x32 640>640", 3, 2, 32, 32, 640, 640, true},
    {"norm conv 16x16 1280>1280", 3, 2, 16, 16, 1280, 1280, true},
    {"norm conv 8x8 1280>1280", 3, 2, 8, 8, 1280, 1280, true},
    {"norm conv 64x64 960>320", 3, 2, 64, 64, 960, 320, true},
    {"norm conv 16x16 2560>1280", 3, 2, 16, 16, 2560, 1280, true},
    {"linear 8192 320>320", 1, 2, 1, 4096, 320, 320},
    {"linear 8192 1280>320", 1, 2, 1, 4096, 1280, 320},
    {"linear 2048 640>640", 1, 2, 1, 1024, 640, 640},
    {"linear 512 1280>1280", 1, 2, 1, 256, 1280, 1280},
    {"geglu 512 1280>10240", 1, 2, 1, 256, 1280, 10240, false, true},
    {"norm conv 512x512 128>128", 3, 1, 512, 512, 128, 128, true},
    {"norm conv 128x128 512>512", 3, 1, 128, 128, 512, 512, true},
};

struct Heads {
    const char* name;
    int batch, queries, keys, heads, size;
};

const Heads attentions[] = {
    {"attention 4096 8x40", 2, 4096, 4096, 8, 40},   {"attention 4096 8x64", 2, 4096, 4096, 8, 64},
    {"attention 4096 8x80", 2, 4096, 4096, 8, 80},   {"attention 4096 8x160", 2, 4096, 4096, 8, 160},
    {"attention 1024 8x80", 2, 1024, 1024, 8, 80},   {"attention 256 8x160", 2, 256, 256, 8, 160},
    {"attention 4096>77 8x40", 2, 4096, 77, 8, 40},  {"attention 4096 1x512", 1, 4096, 4096, 1, 512},
};

OpCase build(const Shape& s) {
    CaseBuilder b(s.name);
    Conv op;
    op.a = b.tensor("a", s.batch, s.height, s.width, s.inputs);
    Matrix m;
    m.outputs = s.outputs;
    m.inputs = s.inputs;
    op.kernel = s.kernel;
    op.pad = s.kernel / 2;
    m.taps = s.kernel * s.kernel;
    if (s.folded) {
        op.affine = b.tensor("affine", s.batch, 2, 1, s.inputs, true);
        op.silu_in = true;
    }
    if (s.geglu) op.activation = Activation::geglu;
    m.geglu = s.geglu;
    op.weight = b.matrix(m);
    op.bias = b.vector(s.outputs, m.geglu);
    op.out = b.tensor("out", s.batch, s.height, s.width, m.geglu ? s.outputs / 2 : s.outputs);
    const TensorId out = op.out;
    return b.finish(op, out);
}

OpCase build(const Heads& s) {
    CaseBuilder b(s.name);
    Attention op;
    const int width = s.heads * s.size;
    op.heads = s.heads;
    op.head_size = s.size;
    op.q = b.tensor("q", s.batch, 1, s.queries, width);
    op.k = op.v = b.tensor("kv", s.batch, 1, s.keys, 2 * width);
    op.v_offset = width;
    op.out = b.tensor("out", s.batch, 1, s.queries, width);
    const TensorId out = op.out;
    return b.finish(op, out);
}

std::string text(const ConvTile& t) {
    char buffer[64];
    std::snprintf(buffer, sizeof buffer, "%dx%dx%d/%dx%d%s%s%s", t.m, t.n, t.k, t.warp_m, t.warp_n, t.halo ? " halo" : "",
                  t.splits > 1 ? " split" : "", t.splits > 1 ? std::to_string(t.splits).c_str() : "");
    return buffer;
}

std::string text(const AttentionTile& t) {
    char buffer[64];
    if (t.flash()) std::snprintf(buffer, sizeof buffer, "flash %dg%dp k%d", t.groups, t.parts, t.keys);
    else std::snprintf(buffer, sizeof buffer, "%dg%ds k%d c%d v%d", t.groups, t.shares, t.keys, t.key_columns, t.value_rows);
    return buffer;
}

// Seconds of one run of the op; every run is recorded into the same submission until they take some milliseconds.
double time_of(vk::Device& device, OpCase c, const DeviceTraits& traits, double* flops) {
    share(c, Precision::fp16, traits);
    OnDevice on(device, c, Precision::fp16, vk::MemoryKind::device);
    *flops = 0;
    for (const Dispatch& d : on.lower({}, traits)) *flops += d.flops;
    const double once = std::max(on.run({Cut{}}, traits), 1e-7);
    const int repeat = std::clamp(int(4e-3 / once), 1, 64);
    return best_when_steady([&] { return on.run({Cut{}}, traits, repeat); }) / repeat;
}

template <class Tile>
void time_all(vk::Device& device, const OpCase& c, const std::vector<Tile>& tiles, size_t most, std::FILE* table) {
    double first = 0, best = 1e30, flops = 0;
    std::string best_name = "none";
    for (size_t i = 0; i < std::min(most, tiles.size()); i++) {
        TileTable only;
        if constexpr (std::is_same_v<Tile, ConvTile>) only.every_conv = tiles[i];
        else only.every_attention = tiles[i];
        DeviceTraits traits = device.traits();
        traits.cpu = false;
        traits.tiles = std::make_shared<const TileTable>(only);
        const double seconds = time_of(device, c, traits, &flops);
        std::fprintf(table, "%s\t%s\t%.4f\t%.1f\n", c.name.c_str(), text(tiles[i]).c_str(), seconds * 1e3, flops / seconds * 1e-12);
        std::fflush(table);
        if (i == 0) first = seconds;
        if (seconds < best) {
            best = seconds;
            best_name = text(tiles[i]);
        }
    }
    std::printf("%-26s %8.4f ms %6.1f TF/s  %-32s first guess %8.4f ms  (%zu tried)\n", c.name.c_str(), best * 1e3,
                flops / best * 1e-12, best_name.c_str(), first * 1e3, std::min(most, tiles.size()));
    std::fflush(stdout);
}

int tiles(vk::Device& device, size_t most, const std::string& file, const std::string& only) {
    std::FILE* table = std::fopen(file.c_str(), "w");
    if (!table) throw Error(Status::input, "not-writable", "cannot write " + file);
    DeviceTraits traits = device.traits();
    if (!traits.matrix_m) throw Error(Status::device, "no-matrix-units", device.info().name + " has no matrix units");
    std::printf("%s, %s; matrices %ux%ux%u, subgroup %u, %u KiB shared\n", device.info().name.c_str(),
                device.info().driver.c_str(), traits.matrix_m, traits.matrix_n, traits.matrix_k, traits.subgroup_size,
                traits.max_shared_bytes >> 10);
    for (const Heads& s : attentions) {
        if (std::string(s.name).find(only) == std::string::npos) continue;
        const OpCase c = build(s);
        const AttentionShape shape = *matrix_shape(c.program, std::get<Attention>(c.op().body), Precision::fp16);
        time_all(device, c, attention_tiles(shape, traits), std::min<size_t>(most, 8), table);
    }
    for (const Shape& s : shapes) {
        if (std::string(s.name).find(only) == std::string::npos) continue;
        const OpCase c = build(s);
        const ConvShape shape = *matrix_shape(c.program, std::get<Conv>(c.op().body), Precision::fp16);
        time_all(device, c, conv_tiles(shape, traits), most, table);
    }
    std::fclose(table);
    return 0;
}

// Weights from their names: finite results, and nothing to read.
class MadeUp : public WeightSource {
  public:
    const std::vector<TensorInfo>& tensors() const override { return none_; }
    const TensorInfo* find(const std::string&) const override { return nullptr; }
    void read(const std::string& name, int64_t first, std::span<float> out) const override {
        const bool norm = name.find("norm") != std::string::npos;
        uint64_t x = std::hash<std::string>{}(name) + uint64_t(first) * 0x9e3779b97f4a7c15ull;
        for (float& v : out) {
            x = x * 6364136223846793005ull + 1442695040888963407ull;
            v = float(int32_t(x >> 32)) * (0.03f / 2147483648.f) + (norm && name.ends_with("weight") ? 1.f : 0.f);
        }
    }
    std::string content_hash() const override { return "00000000000000000000000000be9c46"; }
    std::string path() const override { return "made-up weights"; }

  private:
    std::vector<TensorInfo> none_;
};

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

const char* shader_name(uint16_t id) {
    static const char* names[] = {
#define SLUICE_SHADER(name, ...) #name,
#include "table.def"
#undef SLUICE_SHADER
    };
    return names[id];
}

void fill_inputs(Stage& stage) {
    for (const Tensor& t : stage.program().tensors) {
        if (t.role != TensorRole::input) continue;
        std::vector<float> values(size_t(t.rows()) * size_t(t.channels));
        for (size_t i = 0; i < values.size(); i++) values[i] = float(int(i * 7919 % 2001) - 1000) / 700.f;
        stage.set_input(t.name, values);
    }
}

// "down_blocks.0.resnets.1.conv1" belongs to "down_blocks.0", "mid_block.resnets.0.conv1" to "mid_block".
std::string block_of(const std::string& op) {
    const size_t first = op.find('.'), second = op.find('.', first + 1);
    const bool numbered = first + 1 < op.size() && std::isdigit(static_cast<unsigned char>(op[first + 1]));
    return op.substr(0, numbered ? second : first);
}

void report(const Stage& stage, const std::string& file) {
    struct Row {
        double ns = 0, flops = 0, bytes = 0;
        int count = 0;
    };
    std::map<std::string, Row> by_shape, by_shader;
    std::vector<std::pair<std::string, Row>> by_block;  // in the order of the pass
    std::map<std::string, std::set<MatrixId>> weights;
    auto add = [](Row& r, const StepTime& t) {
        r.ns += t.ns;
        r.flops += t.flops;
        r.bytes += t.bytes;
        r.count++;
    };
    double all = 0;
    std::FILE* details = std::fopen(file.c_str(), "w");
    for (const StepTime& t : stage.profile()) {
        const Op& op = stage.program().ops[size_t(stage.plan().steps[size_t(t.step)].op)];
        const std::string block = block_of(op.name);
        auto row = std::find_if(by_block.begin(), by_block.end(), [&](const auto& r) { return r.first == block; });
        if (row == by_block.end()) row = by_block.insert(row, {block, {}});
        add(row->second, t);
        if (const Conv* c = std::get_if<Conv>(&op.body)) weights[block].insert(c->weight);
        std::string shape = shader_name(t.pipeline.shader);
        add(by_shader[shape], t);
        if (const Conv* c = std::get_if<Conv>(&op.body)) {
            const Tensor& out = stage.program().tensors[size_t(c->out)];
            const Matrix& m = stage.program().matrices[size_t(c->weight)];
            char buffer[160];
            std::snprintf(buffer, sizeof buffer, " %dx%d %dx%dx%d %d>%d%s", c->kernel, c->kernel, out.batch, out.height,
                          out.width, m.inputs, m.outputs, c->affine != none || c->row_stats != none ? " norm" : "");
            shape += buffer;
            if (t.pipeline.spec[SPEC_MATRIX_M]) {
                const auto& s = t.pipeline.spec;
                std::snprintf(buffer, sizeof buffer, " [%ux%ux%u/%ux%u%s]", s[SPEC_TILE_M], s[SPEC_TILE_N],
                              s[SPEC_TILE_K], s[SPEC_WARP_M], s[SPEC_WARP_N], s[SPEC_HALO] ? " halo" : "");
                shape += buffer;
            }
        } else if (const Attention* a = std::get_if<Attention>(&op.body)) {
            const Tensor &q = stage.program().tensors[size_t(a->q)], &k = stage.program().tensors[size_t(a->k)];
            shape += " " + std::to_string(q.rows() / q.batch) + ">" + std::to_string(k.rows() / k.batch) + " " +
                     std::to_string(a->heads) + "x" + std::to_string(a->head_size);
        }
        add(by_shape[shape], t);
        all += t.ns;
        if (details)
            std::fprintf(details, "%s\t%s\t%.1f us\t%.1f TF/s\t%.0f GB/s\n", op.name.c_str(), shape.c_str(), t.ns * 1e-3,
                         t.flops / t.ns * 1e-3, t.bytes / t.ns);
    }
    if (details) std::fclose(details);
    auto print = [&](const std::map<std::string, Row>& rows, size_t most) {
        std::vector<std::pair<std::string, Row>> list(rows.begin(), rows.end());
        std::sort(list.begin(), list.end(), [](auto& x, auto& y) { return x.second.ns > y.second.ns; });
        for (size_t i = 0; i < std::min(most, list.size()); i++) {
            const Row& r = list[i].second;
            std::printf("  %5.1f%% %8.3f ms %4d x %7.1f us %6.1f TF/s %5.0f GB/s  %s\n", 100 * r.ns / all, r.ns * 1e-6,
                        r.count, r.ns * 1e-3 / r.count, r.flops / r.ns * 1e-3, r.bytes / r.ns, list[i].first.c_str());
        }
    };
    std::printf(" profile: %.2f ms between timestamps\n", all * 1e-6);
    print(by_shader, 20);
    std::printf("  by shape:\n");
    print(by_shape, 30);
    std::printf("  by block:   weights MiB        ms     GFLOP   GFLOP/s\n");
    for (const auto& [block, row] : by_block) {
        uint64_t bytes = 0;
        for (const MatrixId id : weights[block]) bytes += matrix_bytes(stage.program().matrices[size_t(id)], Precision::fp16);
        std::printf("    %-24s %6.1f %9.2f %9.2f %9.1f\n", block.c_str(), double(bytes) / 1048576.0, row.ns * 1e-6,
                    row.flops * 1e-9, row.flops / row.ns);
    }
}

void time_stage(vk::Device& device, const char* name, const Program& program, std::shared_ptr<DeviceWeights> weights,
                uint64_t budget, const std::string& profile, const std::string& trace = "", int link_divisor = 1) {
    PlanRequest r = plan_request(device.traits(), Precision::fp16, budget, true, 0);
    r.link_bytes_per_second /= link_divisor;
    r.staged = !weights->imported();
    RunControl control;
    control.profile = !profile.empty();
    control.link_divisor = link_divisor;
    device.reset_peak();
    const double start = now();
    Stage stage(device, program, r, {weights}, {}, control);
    const double ready = now() - start;
    fill_inputs(stage);
    stage.run(control, true);
    double best = 1e30, sum = 0;
    const int count = device.traits().cpu ? 1 : 10;
    for (int i = 0; i < count; i++) {
        const double begin = now();
        stage.run(control, true);
        const double seconds = now() - begin;
        best = std::min(best, seconds);
        sum += seconds;
    }
    double copied = 0, computed = 0;
    uint64_t bytes = 0;
    stage.enable_trace();
    stage.run(control, false);
    if (std::FILE* file = trace.empty() ? nullptr : std::fopen(trace.c_str(), "w")) {
        for (const TraceEvent& e : stage.trace())
            std::fprintf(file, "%s\t%s\t%.3f\t%.3f\t%llu\n", e.copy ? "copy" : "compute", e.name.c_str(),
                         (e.begin_ns - stage.trace().front().begin_ns) * 1e-3, (e.end_ns - e.begin_ns) * 1e-3,
                         static_cast<unsigned long long>(e.bytes));
        std::fclose(file);
    }
    for (const TraceEvent& e : stage.trace()) {
        (e.copy ? copied : computed) += (e.end_ns - e.begin_ns) * 1e-6;
        if (e.copy) bytes += e.bytes;
    }
    std::printf("%-12s %5.0f MiB: best %8.2f ms, mean %8.2f; ready in %.2f s, peak %.0f MiB, %zu segments, %.0f MiB copied "
                "in %.2f ms, computing %.2f ms, %d slots of %.0f MiB, predicted %.2f ms (%+.1f %%)%s\n",
                name, double(budget >> 20), best * 1e3, sum / count * 1e3, ready, double(device.peak_device_bytes()) / 1048576.0,
                stage.plan().segments.size(), double(bytes) / 1048576.0, copied, computed,
                stage.plan().slot_count, double(stage.plan().slot_bytes) / 1048576.0, stage.plan().seconds_per_pass * 1e3,
                (stage.plan().seconds_per_pass * count / sum - 1) * 100, weights->imported() ? "" : ", staged");
    std::fflush(stdout);
    if (!profile.empty()) report(stage, profile);
    std::fflush(stdout);
}

int step(vk::Device& device, const std::vector<uint64_t>& budgets, const std::string& profile, const std::string& cache,
         int latent, bool tuned, const std::vector<int>& divisors) {
    const MadeUp source;
    auto weights_of = [&](const Program& program, const char* role) {
        BlockCache::Request request;
        request.program = &program;
        request.source = &source;
        request.role = role;
        request.directory = cache;
        return std::make_shared<DeviceWeights>(device, BlockCache::open(request));
    };
    const double start = now();
    const Program unet = unet_program(UNetConfig{}, StepOptions{2, latent, latent});
    auto weights = weights_of(unet, "unet");
    std::printf("weights made in %.1f s\n", now() - start);
    const Program decoder = vae_decoder_program(VaeConfig{}, latent, latent);
    auto vae = weights_of(decoder, "vae-decoder");
    for (int round = 0; round < (tuned ? 2 : 1); round++) {
        if (round) {
            const double begin = now();
            TuneHooks hooks;
            hooks.notice = [](const std::string& text) { std::printf("%s\n", text.c_str()); };
            tune(device, {&unet, &decoder}, cache, hooks);
            std::printf("tuned in %.1f s\n", now() - begin);
        }
        const std::string stamps = profile.empty() ? "" : profile + (round ? ".tuned" : "");
        time_stage(device, "unet", unet, weights, 0, "");
        if (!profile.empty()) time_stage(device, "unet, stamps", unet, weights, 0, stamps);
        for (const uint64_t budget : budgets)
            time_stage(device, "unet", unet, weights, budget << 20, "",
                       stamps.empty() ? "" : stamps + ".trace-" + std::to_string(budget));
        for (const int divisor : divisors)
            for (const uint64_t budget : budgets)
                time_stage(device, ("link 1/" + std::to_string(divisor)).c_str(), unet, weights, budget << 20, "", "", divisor);
        time_stage(device, "vae decoder", decoder, vae, 0, "");
        if (!profile.empty()) time_stage(device, "vae, stamps", decoder, vae, 0, stamps + ".vae");
    }
    return 0;
}

}  // namespace

int main(int count, char** arguments) try {
    std::string command = count > 1 ? arguments[1] : "", name, profile, table = "tiles.tsv", only;
    std::string cache = std::filesystem::temp_directory_path().string();
    std::vector<uint64_t> budgets;
    std::vector<int> divisors;
    size_t most = 14;
    int latent = 64;
    bool tuned = false;
    for (int i = 2; i + 1 < count; i += 2) {
        const std::string flag = arguments[i], value = arguments[i + 1];
        if (flag == "--device") name = value;
        else if (flag == "--most") most = size_t(std::stoul(value));
        else if (flag == "--table") table = value;
        else if (flag == "--only") only = value;
        else if (flag == "--budget") budgets.push_back(std::stoull(value));
        else if (flag == "--tune") tuned = value != "0";
        else if (flag == "--profile") profile = value;
        else if (flag == "--link-divisor") divisors.push_back(std::max(1, std::stoi(value)));
        else if (flag == "--latent") latent = std::stoi(value);
        else if (flag == "--cache") cache = value;
        else throw Error(Status::usage, "unknown-flag", "unknown argument " + flag);
    }
    auto device = vk::Device::open(name, cache);
    if (command == "tiles") return tiles(*device, most, table, only);
    if (command == "step") return step(*device, budgets, profile, cache, latent, tuned, divisors);
    if (command == "empty") {
        std::this_thread::sleep_for(std::chrono::seconds(4));
        return 0;
    }
    throw Error(Status::usage, "unknown-command", "expected tiles, step or empty");
} catch (const sluice::Error& e) {
    std::fprintf(stderr, "bench_gpu: %s %s\n", e.what(), e.hint.c_str());
    return int(e.status);
}
