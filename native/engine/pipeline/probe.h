// One forward pass of one network, tensors in and out as safetensors with diffusers' shapes.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "pipeline/job.h"

namespace sluice {

struct ProbeTensor {
    std::vector<int64_t> shape;
    std::vector<float> values;
};
using ProbeTensors = std::map<std::string, ProbeTensor>;

// Runs a stage on given inputs: Job::run_once on a device, the twins in tests.
using Evaluate = std::function<std::vector<std::vector<float>>(
    const StageDescription&, const std::map<std::string, std::vector<float>>& inputs,
    const std::vector<std::string>& outputs)>;

// network: text-encoder, unet, controlnet, vae-encoder, vae-decoder. Throws Error(usage) for another name, Error(input)
// for missing or ill-shaped tensors, naming them.
ProbeTensors probe(const std::string& network, const std::string& model, const std::string& cache_dir,
                   const ProbeTensors& in, const Evaluate& evaluate);

ProbeTensors read_probe_tensors(const std::string& path);
void write_probe_tensors(const std::string& path, const ProbeTensors& tensors);

}  // namespace sluice
