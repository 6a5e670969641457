#include "pipeline/tune.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <span>

#include "core/error.h"
#include "ops/lower.h"
#include "ops/tile_file.h"
#include "stream/block_cache.h"
#include "stream/plan.h"
#include "vk/shader_registry.h"

namespace sluice {
namespace {

constexpr size_t candidates = 10;
constexpr double share = 0.97;  // of the work; the rest is not worth the wait
// Ops on larger tensors keep the likeliest choice: timing must not take more memory than a small budget has.
constexpr uint64_t most_bytes = 64 << 20;

uint64_t bytes_of(const Program& program, const Op& op) {
    std::vector<TensorId> reads, writes;
    op_tensors(op, reads, writes);
    uint64_t sum = 0;
    for (const auto* list : {&reads, &writes})
        for (const TensorId id : *list) sum += tensor_bytes(program.tensors[size_t(id)], Precision::fp16);
    if (const Conv* c = std::get_if<Conv>(&op.body)) sum += matrix_bytes(program.matrices[size_t(c->weight)], Precision::fp16);
    return sum;
}

std::string tile_path(const vk::Device& device, const std::string& cache_dir) {
    return (std::filesystem::path(cache_dir) / ("tiles-" + device.driver_key() + ".json")).string();
}

// Names the kernels by their code.
std::string kernels() {
    uint64_t hash = 0xcbf29ce484222325ull;
    for (const char* name : {"conv_matrix", "conv_reduce", "attention_matrix", "attention_flash"})
        for (const uint32_t word : vk::shader_code(uint16_t(vk::shader_id(name))).f16)
            hash = (hash ^ word) * 0x100000001b3ull;
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
    return text;
}

// One op of a program by itself in several variants, on memory that holds whatever it holds.
class Timer {
  public:
    Timer(vk::Device& device, const Program& program, const Op& op, const std::vector<DeviceTraits>& variants)
        : device_(device) {
        program_.tensors = program.tensors;
        program_.matrices = program.matrices;
        program_.vectors = program.vectors;
        program_.ops = {op};
        for (const DeviceTraits& traits : variants) {
            Variant v{with_scratch(program_, Precision::fp16, traits), {}};
            lower(v.program, v.program.ops.front(), {}, Precision::fp16, traits, v.list);
            variants_.push_back(std::move(v));
        }
    }

    void add_keys(std::vector<PipelineKey>& keys) const {
        for (const Variant& v : variants_)
            for (const Dispatch& d : v.list)
                if (std::find(keys.begin(), keys.end(), d.pipeline) == keys.end()) keys.push_back(d.pipeline);
    }

    void warm_up() {
        hold_all();
        best_when_steady([&] { return run(variants_.front().list, 16); }, 0.5);
    }

    // Seconds of one run of each variant: the least of some rounds, in which they take turns.
    std::vector<double> time() {
        hold_all();
        constexpr double round_seconds = 1e-3;
        std::vector<double> best(variants_.size(), 1e30);
        for (int round = 0; round < 4; round++)
            for (size_t i = 0; i < variants_.size(); i++) {
                const int repeat = round ? std::clamp(int(round_seconds / best[i]), 1, 64) : 1;
                best[i] = std::min(best[i], std::max(run(variants_[i].list, repeat) / repeat, 1e-7));
            }
        buffers_.clear();
        return best;
    }

  private:
    struct Variant {
        Program program;
        std::vector<Dispatch> list;
    };
    void hold_all() {
        for (const Variant& v : variants_)
            for (const Dispatch& d : v.list)
                for (const Binding& b : d.bindings) hold(v.program, b);
    }
    void hold(const Program& program, const Binding& b) {
        if (b.kind == Binding::Kind::unused) return;
        uint64_t size = 0;
        if (b.kind == Binding::Kind::tensor) size = tensor_bytes(program.tensors[size_t(b.id)], Precision::fp16);
        if (b.kind == Binding::Kind::matrix) size = matrix_bytes(program.matrices[size_t(b.id)], Precision::fp16);
        if (b.kind == Binding::Kind::vector) size = vector_bytes(program.vectors[size_t(b.id)]);
        vk::Buffer& buffer = buffers_[{int(b.kind), b.id}];
        if (buffer.size() < size) buffer = device_.create_buffer(size, vk::MemoryKind::device, "tuning");
    }
    double run(const std::vector<Dispatch>& list, int repeat) {
        vk::Commands commands(device_, vk::QueueKind::compute);
        commands.begin();
        const int begin = commands.timestamp();
        for (int i = 0; i < repeat; i++)
            for (const Dispatch& d : list) {
                std::array<vk::BoundRange, max_bindings> ranges{};
                for (size_t k = 0; k < ranges.size(); k++) {
                    const Binding& b = d.bindings[k];
                    if (b.kind == Binding::Kind::unused) continue;
                    ranges[k] = {buffers_[{int(b.kind), b.id}].handle(), b.offset, b.size};
                }
                if (d.reads_previous) commands.barrier();
                commands.dispatch(d, ranges);
            }
        const int end = commands.timestamp();
        commands.end();
        vk::submit_and_wait(device_, commands);
        const auto times = commands.read_timestamps();
        return times.empty() ? 0 : (times[size_t(end)] - times[size_t(begin)]) * 1e-9;
    }

    vk::Device& device_;
    Program program_;
    std::vector<Variant> variants_;
    std::map<std::pair<int, int32_t>, vk::Buffer> buffers_;
};

struct Work {
    const Program* program = nullptr;
    const Op* op = nullptr;
    double flops = 0;
};

// A shape, the tiles that it may have, and their timer.
template <class Shape, class Tile>
struct Trial {
    Shape shape;
    Work work;
    std::vector<Tile> tiles;
    std::unique_ptr<Timer> timer;
};

template <class Shape, class Tile>
std::vector<Trial<Shape, Tile>> trials(vk::Device& device, const std::map<Shape, Work>& shapes,
                                       std::vector<Tile> (*tiles_of)(const Shape&, const DeviceTraits&)) {
    std::vector<Trial<Shape, Tile>> list;
    for (const auto& [shape, work] : shapes) {
        std::vector<Tile> tiles = tiles_of(shape, device.traits());
        if (tiles.empty()) continue;
        tiles.resize(std::min(candidates, tiles.size()));
        std::vector<DeviceTraits> variants;
        for (const Tile& tile : tiles) {
            TileTable only;
            if constexpr (std::is_same_v<Tile, ConvTile>) only.every_conv = tile;
            else only.every_attention = tile;
            variants.push_back(device.traits());
            variants.back().tiles = std::make_shared<const TileTable>(only);
        }
        list.push_back({shape, work, std::move(tiles), std::make_unique<Timer>(device, *work.program, *work.op, variants)});
    }
    return list;
}

// The quickest and its seconds. The likelier one stays where the difference is noise.
template <class Shape, class Tile>
std::pair<Tile, double> quickest(Trial<Shape, Tile>& trial) {
    const std::vector<double> seconds = trial.timer->time();
    size_t best = 0;
    for (size_t i = 1; i < seconds.size(); i++)
        if (seconds[i] < seconds[best] * 0.98) best = i;
    return {trial.tiles[best], seconds[best]};
}

// Bytes a second from the host's memory to the device's: the best of some rounds, of which the first wakes the link. The
// source is larger than a device's caches, which may keep what they read of the host's memory.
double link_rate(vk::Device& device) {
    constexpr uint64_t piece = 16u << 20, pieces = 8;
    const vk::Buffer from = device.create_buffer(piece * pieces, vk::MemoryKind::upload, "tuning");
    const vk::Buffer to = device.create_buffer(piece, vk::MemoryKind::device, "tuning");
    double best = 0;
    for (int round = 0; round < 4; round++) {
        vk::Commands commands(device, vk::QueueKind::transfer);
        commands.begin();
        const int begin = commands.timestamp();
        for (uint64_t k = 0; k < pieces; k++) commands.copy({from.handle(), to.handle(), k * piece, 0, piece});
        const int end = commands.timestamp();
        commands.end();
        vk::submit_and_wait(device, commands);
        const auto times = commands.read_timestamps();
        if (times.size() < 2) return 0;
        const double seconds = std::max((times[size_t(end)] - times[size_t(begin)]) * 1e-9, 1e-9);
        best = std::max(best, double(piece * pieces) / seconds);
    }
    return best;
}

}  // namespace

double best_when_steady(const std::function<double()>& run, double steady_seconds) {
    double best = 1e30;
    for (double spent = 0, since = 0; spent < 4 * steady_seconds && since < steady_seconds;) {
        const double seconds = std::max(run(), 1e-5);
        spent += seconds;
        since += seconds;
        if (seconds < best * 0.98) since = 0;
        best = std::min(best, seconds);
    }
    return best;
}

void load_tiles(vk::Device& device, const std::string& cache_dir) {
    if (!device.traits().matrix_m || device.traits().cpu || cache_dir.empty()) return;
    device.set_tiles(std::make_shared<const TileTable>(read_tile_file(tile_path(device, cache_dir), kernels())));
}

void tune(vk::Device& device, const std::vector<const Program*>& programs, const std::string& cache_dir,
          const TuneHooks& hooks) {
    const DeviceTraits& traits = device.traits();
    const char* off = std::getenv("SLUICE_TUNE");
    if (!traits.matrix_m || traits.cpu || cache_dir.empty() || (off && std::string(off) == "0")) return;
    std::map<ConvShape, Work> conv;
    std::map<AttentionShape, Work> attention;
    double all = 0;
    for (const Program* program : programs)
        for (const Op& op : program->ops) {
            Work* work = nullptr;
            if (const Conv* c = std::get_if<Conv>(&op.body)) {
                const auto shape = matrix_shape(*program, *c, Precision::fp16);
                if (shape && bytes_of(*program, op) <= most_bytes) work = &conv[*shape];
            } else if (const Attention* a = std::get_if<Attention>(&op.body)) {
                const auto shape = matrix_shape(*program, *a, Precision::fp16);
                if (shape && bytes_of(*program, op) <= most_bytes) work = &attention[*shape];
            }
            if (!work) continue;
            if (!work->op) *work = {program, &op, 0};
            work->flops += op_flops(*program, op);
            all += op_flops(*program, op);
        }
    // Those that count most, as long as they count.
    std::vector<double> sizes;
    for (const auto& [shape, work] : conv) sizes.push_back(work.flops);
    for (const auto& [shape, work] : attention) sizes.push_back(work.flops);
    std::sort(sizes.rbegin(), sizes.rend());
    double sum = 0, least = 0;
    for (const double size : sizes) {
        if (sum > share * all) break;
        sum += size;
        least = size;
    }
    const std::string path = tile_path(device, cache_dir);
    TileTable table = read_tile_file(path, kernels());
    auto remember = [&] {
        write_tile_file(path, kernels(), table);
        device.set_tiles(std::make_shared<const TileTable>(table));
    };
    // The others keep the likeliest choice for good: timed for another network later, they would change the last bits
    // of pictures that were painted before.
    bool settled = false;
    auto settle = [&](auto& shapes, auto& chosen, auto tiles_of) {
        for (const auto& [shape, work] : shapes)
            if (work.flops < least && !chosen.contains(shape))
                if (const auto tiles = tiles_of(shape, traits); !tiles.empty()) {
                    chosen.emplace(shape, tiles.front());
                    settled = true;
                }
        std::erase_if(shapes, [&](const auto& e) { return e.second.flops < least || chosen.contains(e.first); });
    };
    settle(conv, table.conv, conv_tiles);
    settle(attention, table.attention, attention_tiles);
    const size_t count = conv.size() + attention.size();
    if (count == 0) {
        if (settled) remember();
        else device.set_tiles(std::make_shared<const TileTable>(std::move(table)));
        return;
    }
    if (hooks.notice)
        hooks.notice("the GPU's kernels are timed once for this size (" + std::to_string(count) + " shapes); it is remembered");
    double timed_flops = 0, timed_seconds = 0;
    auto conv_trials = trials<ConvShape, ConvTile>(device, conv, conv_tiles);
    auto attention_trials = trials<AttentionShape, AttentionTile>(device, attention, attention_tiles);
    std::vector<PipelineKey> keys;
    for (const auto& t : conv_trials) t.timer->add_keys(keys);
    for (const auto& t : attention_trials) t.timer->add_keys(keys);
    auto check_cancelled = [&] {
        if (hooks.cancelled && hooks.cancelled()) throw Error(Status::cancelled, "cancelled", "stopped by the user");
    };
    // Compiling takes most of the time: in portions, so that it can be stopped.
    constexpr size_t portion = 16;
    for (size_t i = 0; i < keys.size(); i += portion) {
        check_cancelled();
        device.prepare(std::span(keys).subspan(i, std::min(portion, keys.size() - i)));
        if (hooks.progress) hooks.progress(0.9 * double(i) / double(keys.size()));
    }
    size_t done = 0;
    const size_t all_trials = std::max<size_t>(1, conv_trials.size() + attention_trials.size());
    auto next = [&](Timer& timer) {
        if (done == 0) timer.warm_up();
        if (hooks.progress) hooks.progress(0.9 + 0.1 * double(done) / double(all_trials));
        done++;
    };
    try {
        for (auto& trial : conv_trials) {
            check_cancelled();
            next(*trial.timer);
            const auto [tile, seconds] = quickest(trial);
            const double rate = op_flops(*trial.work.program, *trial.work.op) / seconds;
            table.conv[trial.shape] = tile;
            table.conv_rates[trial.shape] = rate;
            timed_flops += trial.work.flops;
            timed_seconds += trial.work.flops / rate;
        }
        for (auto& trial : attention_trials) {
            check_cancelled();
            next(*trial.timer);
            const auto [tile, seconds] = quickest(trial);
            table.attention[trial.shape] = tile;
            table.attention_rates[trial.shape] = op_flops(*trial.work.program, *trial.work.op) / seconds;
        }
        // A few shapes more say little about a whole network.
        if (timed_seconds > 0 && (table.flops_per_second == 0 || timed_flops > 0.5 * all))
            table.flops_per_second = timed_flops / timed_seconds;
        if (table.link_bytes_per_second == 0) table.link_bytes_per_second = link_rate(device);
    } catch (const Error& e) {
        if (e.status == Status::cancelled) remember();
        throw;
    }
    remember();
}

}  // namespace sluice
