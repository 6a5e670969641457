// Whole pictures through the C interface, one row a budget: times of the first and of the last picture of a warm
// context, memory, bytes sent, and whether every budget gave the same pixels. Runs where there is no Node.
//   bench_paint MODEL CACHE RESOURCES [--control MODEL]… [--vram MIB,MIB,…] [--size WxH] [--steps N] [--count N]
//               [--repeat N] [--device NAME] [--fp32] [--trace FILE]
// A budget of 0 is the driver's own. Exit status 1: pictures differ between budgets.
#include <sluice.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

struct Options {
    std::vector<std::string> places, controls;
    std::vector<unsigned long> budgets{0};
    unsigned width = 512, height = 512, steps = 20, count = 1, repeat = 2;
    std::string device = "auto", trace;
    bool fp32 = false;
};

int usage() {
    std::fprintf(stderr,
                 "usage: bench_paint MODEL CACHE RESOURCES [--control MODEL]… [--vram MIB,MIB,…] [--size WxH] [--steps N]\n"
                 "                   [--count N] [--repeat N] [--device NAME] [--fp32] [--trace FILE]\n");
    return SLUICE_USAGE;
}

bool read(int count, char** arguments, Options& o) {
    for (int i = 1; i < count; i++) {
        const std::string a = arguments[i];
        if (!a.starts_with("--")) {
            o.places.push_back(a);
            continue;
        }
        if (a == "--fp32") {
            o.fp32 = true;
            continue;
        }
        if (i + 1 >= count) return false;
        const char* value = arguments[++i];
        if (a == "--control") o.controls.push_back(value);
        else if (a == "--size" && std::sscanf(value, "%ux%u", &o.width, &o.height) == 2) continue;
        else if (a == "--steps") o.steps = unsigned(std::atoi(value));
        else if (a == "--count") o.count = unsigned(std::atoi(value));
        else if (a == "--repeat") o.repeat = unsigned(std::max(1, std::atoi(value)));
        else if (a == "--device") o.device = value;
        else if (a == "--trace") o.trace = value;
        else if (a == "--vram") {
            o.budgets.clear();
            for (const char* at = value; *at;) {
                char* end = nullptr;
                o.budgets.push_back(std::strtoul(at, &end, 10));
                if (end == at) return false;
                at = *end == ',' ? end + 1 : end;
            }
        } else return false;
    }
    return o.places.size() == 3;
}

uint64_t fnv1a(uint64_t value, const void* data, size_t size) {
    for (size_t i = 0; i < size; i++) value = (value ^ static_cast<const uint8_t*>(data)[i]) * 0x100000001b3;
    return value;
}

double mib(uint64_t bytes) { return double(bytes) / 1048576.0; }

// A drawing that no model was trained on: a grid of circles.
std::vector<uint8_t> drawing(unsigned width, unsigned height) {
    std::vector<uint8_t> pixels(size_t(width) * height * 3, 255);
    for (unsigned y = 0; y < height; y++)
        for (unsigned x = 0; x < width; x++) {
            const int dx = int(x % 64) - 32, dy = int(y % 64) - 32, r = dx * dx + dy * dy;
            if (r > 400 && r < 520) std::memset(&pixels[(size_t(y) * width + x) * 3], 0, 3);
        }
    return pixels;
}

}  // namespace

int main(int count, char** arguments) {
    Options o;
    if (!read(count, arguments, o)) return usage();
    sluice_error error{};
    const auto fail = [&](const char* what) {
        std::fprintf(stderr, "%s: %s (%s)\n%s\n", what, error.message, error.code, error.hint);
        return int(error.status);
    };
    sluice_context_desc context_desc{};
    context_desc.size = sizeof context_desc;
    context_desc.device = o.device.c_str();
    context_desc.cache_dir = o.places[1].c_str();
    context_desc.resource_dir = o.places[2].c_str();
    context_desc.keep_warm = 1;
    sluice_context* context = nullptr;
    if (sluice_context_create(&context_desc, &context, &error) != SLUICE_OK) return fail("no context");

    const std::vector<uint8_t> hint = drawing(o.width, o.height);
    std::vector<sluice_control> controls;
    for (const std::string& model : o.controls)
        controls.push_back({model.c_str(), {o.width, o.height, hint.data()}, 1.f, 0.0, 1.0});
    sluice_paint_desc job{};
    job.size = sizeof job;
    job.model = o.places[0].c_str();
    job.prompt = "a red lighthouse at dusk";
    job.width = o.width;
    job.height = o.height;
    job.steps = o.steps;
    job.cfg = 7.f;
    job.sampler = "euler";
    job.schedule = "normal";
    job.seed = 1;
    job.count = o.count;
    job.clip_skip = 1;
    job.strength = 1.f;
    job.controls = controls.data();
    job.control_count = uint32_t(controls.size());
    job.memory.precision = o.fp32 ? SLUICE_FP32 : SLUICE_PRECISION_AUTO;
    job.trace = o.trace.empty() ? nullptr : o.trace.c_str();
    sluice_callbacks callbacks{};
    callbacks.notice = [](void*, const char* text) { std::fprintf(stderr, "%s\n", text); };

    int status = 0;
    uint64_t expected = 0;
    bool first = true;
    for (unsigned long budget : o.budgets) {
        job.memory.budget_bytes = uint64_t(budget) << 20;
        double cold_seconds = 0;
        for (unsigned run = 0; run < o.repeat; run++) {
            sluice_result* result = nullptr;
            if (sluice_paint(context, &job, &callbacks, &result, &error) != SLUICE_OK) {
                char title[64];
                std::snprintf(title, sizeof title, "budget %lu MiB", budget);
                status = fail(title);
                break;
            }
            sluice_figures f{};
            sluice_result_figures(result, &f);
            if (run == 0) cold_seconds = f.seconds;
            uint64_t hash = 0xcbf29ce484222325;
            for (uint32_t i = 0; i < sluice_result_count(result); i++) {
                sluice_image image{};
                sluice_result_image(result, i, &image);
                hash = fnv1a(hash, image.pixels, size_t(image.width) * image.height * 3);
            }
            if (first && run == 0) {
                std::printf("%s, %s, %ux%u, %u steps, %u pictures, %zu ControlNets\n", f.device, f.precision, o.width,
                            o.height, o.steps, o.count, o.controls.size());
                std::printf("%7s %8s %8s %7s %7s %8s %8s %8s %8s %8s %9s %8s  %s\n", "budget", "first s", "image s",
                            "load s", "enc ms", "step ms", "med ms", "dec ms", "peak", "planned", "driver", "sent", "pixels");
                expected = hash;
                first = false;
            }
            if (hash != expected) status = 1;
            if (run + 1 == o.repeat) {
                std::vector<double> steps(f.step_seconds, f.step_seconds + f.step_count);
                double sum = 0;
                for (double s : steps) sum += s;
                std::sort(steps.begin(), steps.end());
                std::printf("%7lu %8.3f %8.3f %7.3f %7.1f %8.2f %8.2f %8.1f %8.1f %8.1f %9.1f %8.1f  %016llx%s\n", budget,
                            cold_seconds, f.seconds, f.load_seconds, f.encode_seconds * 1e3,
                            steps.empty() ? 0 : sum / double(steps.size()) * 1e3, steps.empty() ? 0 : steps[steps.size() / 2] * 1e3,
                            f.decode_seconds * 1e3, mib(f.peak_device_bytes), mib(f.predicted_peak_bytes),
                            mib(f.driver_peak_bytes), mib(f.uploaded_bytes), static_cast<unsigned long long>(hash),
                            hash == expected ? "" : " DIFFERS");
                std::fflush(stdout);
            }
            sluice_result_destroy(result);
        }
    }
    sluice_context_destroy(context);
    return status;
}
