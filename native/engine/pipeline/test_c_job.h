// A small picture of the tiny model through the C interface, for tests of contexts.
#pragma once
#include <doctest/doctest.h>
#include <sluice.h>

#include <string>

#include "core/failpoint.h"
#include "pipeline/test_requests.h"

namespace sluice::testing {

struct CContext {
    sluice_context* handle = nullptr;
    CContext(sluice_context_desc desc, const std::string& cache) {
        const std::string resource_dir = resources();
        desc.size = sizeof desc;
        desc.cache_dir = cache.c_str();
        desc.resource_dir = resource_dir.c_str();
        sluice_error error{};
        REQUIRE_MESSAGE(sluice_context_create(&desc, &handle, &error) == SLUICE_OK, error.message);
    }
    CContext(const CContext&) = delete;
    ~CContext() { sluice_context_destroy(handle); }
};

// The last of a function's call sites that was passed while failpoints counted.
inline std::string counted_site(const std::string& function) {
    std::string found;
    for (const auto& [site, count] : failpoint::state().seen)
        if (site.starts_with(function + "@")) found = site;
    REQUIRE(!found.empty());
    return found;
}

// The pixels; empty where it failed, and `error` says why.
inline std::string paint_through_c(const CContext& context, const sluice_memory& memory, sluice_error* error) {
    const std::string model = test_model("tiny");
    sluice_paint_desc job{};
    job.size = sizeof job;
    job.model = model.c_str();
    job.prompt = "a boat";
    job.width = job.height = 64;
    job.steps = 1;
    job.cfg = 7.5f;
    job.sampler = "euler";
    job.schedule = "normal";
    job.seed = 5;
    job.count = job.clip_skip = 1;
    job.memory = memory;
    sluice_result* result = nullptr;
    const sluice_status status = sluice_paint(context.handle, &job, nullptr, &result, error);
    std::string pixels;
    if (sluice_image image{}; status == SLUICE_OK && sluice_result_image(result, 0, &image) == SLUICE_OK)
        pixels.assign(reinterpret_cast<const char*>(image.pixels), size_t(image.width) * image.height * 3);
    sluice_result_destroy(result);
    return pixels;
}

}  // namespace sluice::testing
