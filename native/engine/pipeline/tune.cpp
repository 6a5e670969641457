#include "pipeline/tune.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "core/error.h"
#include "ops/lower.h"
#include "ops/tile_file.h"
#include "stream/block_cache.h"
#include "stream/plan.h"
#include "vk/shader_registry.h"

namespace sluice {
namespace {

constexpr size_t candidates = 6;
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
    for (const char* name : {"conv_matrix", "conv_reduce", "attention_matrix"})
        for (const uint32_t word : vk::shader_code(uint16_t(vk::shader_id(name))).f16)
            hash = (hash ^ word) * 0x100000001b3ull;
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
    return text;
}

// Runs one op of a program by itself, on memory that holds whatever it holds.
class Timer {
  public:
    Timer(vk::Device& device, const Program& program, const Op& op) : device_(device), done_(device) {
        program_.tensors = program.tensors;
        program_.matrices = program.matrices;
        program_.vectors = program.vectors;
        program_.ops = {op};
    }

    // Seconds of one run: the best of some.
    double time(const DeviceTraits& traits) {
        const Program program = with_scratch(program_, Precision::fp16, traits);
        std::vector<Dispatch> list;
        lower(program, program.ops.front(), {}, Precision::fp16, traits, list);
        for (const Dispatch& d : list)
            for (const Binding& b : d.bindings) hold(program, b);
        const double once = run(list, 1);
        const int repeat = std::clamp(int(2e-3 / std::max(once, 1e-6)), 1, 32);
        double best = 1e30;
        for (int i = 0; i < 3; i++) best = std::min(best, run(list, repeat) / repeat);
        return best;
    }

  private:
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
        const vk::Commands* submitted[] = {&commands};
        const vk::TimelinePoint signal[] = {{&done_, ++runs_}};
        device_.submit(vk::QueueKind::compute, submitted, {}, signal);
        while (!done_.wait(runs_, 1'000'000'000)) {
        }
        const auto times = commands.read_timestamps();
        return times.empty() ? 0 : (times[size_t(end)] - times[size_t(begin)]) * 1e-9;
    }

    vk::Device& device_;
    Program program_;
    std::map<std::pair<int, int32_t>, vk::Buffer> buffers_;
    vk::Timeline done_;
    uint64_t runs_ = 0;
};

struct Work {
    const Program* program = nullptr;
    const Op* op = nullptr;
    double flops = 0;
};

template <class Tile>
Tile quickest(vk::Device& device, const Work& work, const std::vector<Tile>& tiles, const TuneHooks& hooks) {
    Timer timer(device, *work.program, *work.op);
    Tile best = tiles.front();
    double least = 1e30;
    for (size_t i = 0; i < std::min(candidates, tiles.size()); i++) {
        if (hooks.cancelled && hooks.cancelled()) throw Error(Status::cancelled, "cancelled", "stopped by the user");
        TileTable only;
        if constexpr (std::is_same_v<Tile, ConvTile>) only.every_conv = tiles[i];
        else only.every_attention = tiles[i];
        DeviceTraits traits = device.traits();
        traits.tiles = std::make_shared<const TileTable>(only);
        const double seconds = timer.time(traits);
        // The likelier one stays where the difference is noise.
        if (seconds < least * 0.98) {
            least = seconds;
            best = tiles[i];
        }
    }
    return best;
}

}  // namespace

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
    std::erase_if(conv, [&](const auto& e) { return e.second.flops < least || table.conv.contains(e.first); });
    std::erase_if(attention, [&](const auto& e) { return e.second.flops < least || table.attention.contains(e.first); });
    const size_t count = conv.size() + attention.size();
    if (count == 0) {
        device.set_tiles(std::make_shared<const TileTable>(std::move(table)));
        return;
    }
    if (hooks.notice)
        hooks.notice("the GPU's kernels are timed once for this size (" + std::to_string(count) + " shapes); it is remembered");
    size_t done = 0;
    auto remember = [&] {
        write_tile_file(path, kernels(), table);
        device.set_tiles(std::make_shared<const TileTable>(table));
    };
    try {
        for (const auto& [shape, work] : conv) {
            const auto tiles = conv_tiles(shape, traits);
            if (!tiles.empty()) table.conv[shape] = quickest(device, work, tiles, hooks);
            if (hooks.progress) hooks.progress(double(++done) / double(count));
        }
        for (const auto& [shape, work] : attention) {
            const auto tiles = attention_tiles(shape, traits);
            if (!tiles.empty()) table.attention[shape] = quickest(device, work, tiles, hooks);
            if (hooks.progress) hooks.progress(double(++done) / double(count));
        }
    } catch (const Error& e) {
        if (e.status == Status::cancelled) remember();
        throw;
    }
    remember();
}

}  // namespace sluice
