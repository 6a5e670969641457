// Writes a seeded model as a diffusers folder or as one file in the original layout, without Python: for
// checks at true shapes, memory tests and benchmarks. The pictures that it paints are noise.
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/seeded_weights.h"

namespace {

int usage() {
    std::fprintf(
        stderr,
        "usage: seeded_model SPECIFICATION.json FOLDER [--fp32] [--components NAME …]\n"
        "       seeded_model SPECIFICATION.json FILE.safetensors --names original_names.txt [--fp32]\n"
        "Specifications lie in native/engine/testdata/models/.\n");
    return int(sluice::Status::usage);
}

}  // namespace

int main(int count, char** arguments) {
    using namespace sluice;
    std::vector<std::string> places, components;
    std::string names;
    SeededFormat format = SeededFormat::f16;
    bool listing = false;
    for (int i = 1; i < count; ++i) {
        const std::string argument = arguments[i];
        if (argument == "--fp32") {
            format = SeededFormat::f32;
            listing = false;
        } else if (argument == "--names" && i + 1 < count) {
            names = arguments[++i];
            listing = false;
        } else if (argument == "--components") {
            listing = true;
        } else if (argument.starts_with("--")) {
            return usage();
        } else {
            (listing ? components : places).push_back(argument);
        }
    }
    if (places.size() != 2) return usage();
    try {
        const SeededModel model = read_seeded_model(places[0]);
        if (names.empty())
            write_seeded_folder(model, places[1], format, components);
        else
            write_seeded_single_file(model, names, places[1], format);
    } catch (const Error& error) {
        std::fprintf(stderr, "%s\n%s\n", error.what(), error.hint.c_str());
        return int(error.status);
    }
    return 0;
}
