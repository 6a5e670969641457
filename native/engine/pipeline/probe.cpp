#include "pipeline/probe.h"

#include "core/error.h"
#include "format/safetensors.h"
#include "format/safetensors_write.h"

namespace sluice {
namespace {

std::string shape_text(const std::vector<int64_t>& shape) {
    std::string text = "[";
    for (size_t i = 0; i < shape.size(); i++) text += (i ? "," : "") + std::to_string(shape[i]);
    return text + "]";
}

// The tensor of that name; `shape` holds -1 where any size goes.
const ProbeTensor& need(const ProbeTensors& in, const std::string& name, const std::vector<int64_t>& shape) {
    const auto it = in.find(name);
    if (it == in.end())
        throw Error(Status::input, "probe-input", "input tensor " + name + " is missing, expected " + shape_text(shape));
    bool fits = it->second.shape.size() == shape.size();
    for (size_t i = 0; fits && i < shape.size(); i++)
        fits = shape[i] < 0 ? it->second.shape[i] > 0 : it->second.shape[i] == shape[i];
    if (!fits)
        throw Error(Status::input, "probe-input",
                    "input tensor " + name + " is " + shape_text(it->second.shape) + ", expected " + shape_text(shape) +
                        " (-1: any size)");
    return it->second;
}

int as_int(int64_t v, const char* what) {
    if (v < 1 || v > 65536) throw Error(Status::input, "probe-input", std::string(what) + " of " + std::to_string(v));
    return int(v);
}

std::vector<float> channels_last(const ProbeTensor& t) {
    return to_channels_last(t.values, int(t.shape[0]), int(t.shape[1]), int(t.shape[2]), int(t.shape[3]));
}

// What UNet and ControlNet take alike.
struct Common {
    int batch, height, width, tokens;
    std::map<std::string, std::vector<float>> inputs;
};

Common common(const ProbeTensors& in, const UNetConfig& config) {
    const ProbeTensor& sample = need(in, "sample", {-1, config.in_channels, -1, -1});
    Common c;
    c.batch = as_int(sample.shape[0], "batch");
    c.height = as_int(sample.shape[2], "height");
    c.width = as_int(sample.shape[3], "width");
    const ProbeTensor& states = need(in, "encoder_hidden_states", {c.batch, -1, config.cross_attention_dim});
    c.tokens = as_int(states.shape[1], "tokens");
    const ProbeTensor& timestep = need(in, "timestep", {-1});
    if (timestep.values.size() != 1 && timestep.values.size() != size_t(c.batch))
        throw Error(Status::input, "probe-input", "input tensor timestep: expected [1] or [" + std::to_string(c.batch) + "]");
    std::vector<float> time;
    for (int b = 0; b < c.batch; b++) {
        const double t = timestep.values[timestep.values.size() == 1 ? 0 : size_t(b)];
        const auto row =
            timestep_embedding(t, config.block_out_channels.front(), config.flip_sin_to_cos, config.freq_shift);
        time.insert(time.end(), row.begin(), row.end());
    }
    c.inputs["sample"] = channels_last(sample);
    c.inputs["time"] = std::move(time);
    c.inputs["context"] = states.values;
    return c;
}

ProbeTensor channels_first(const Tensor& t, const std::vector<float>& values) {
    return {{t.batch, t.channels, t.height, t.width},
            to_channels_first(values, t.batch, t.channels, t.height, t.width)};
}

const Tensor& tensor_named(const Program& p, const std::string& name) {
    return p.tensors[size_t(find_tensor(p, name))];
}

}  // namespace

ProbeTensors probe(const std::string& network, const std::string& path, const std::string& cache_dir,
                   const ProbeTensors& in, const Evaluate& evaluate) {
    OpenOptions options;
    options.cache_dir = cache_dir;
    options.text = network == "text-encoder";
    options.unet = network == "unet";
    options.vae = network == "vae-encoder" || network == "vae-decoder";
    ProbeTensors out;
    StageDescription d;
    d.name = network;

    if (network == "controlnet") {
        const ControlNetModel m = open_controlnet(path, options);
        Common c = common(in, m.config.unet);
        const ProbeTensor& hint =
            need(in, "hint", {c.batch, m.config.conditioning_channels, 8 * c.height, 8 * c.width});
        const float strength = in.contains("strength") ? need(in, "strength", {1}).values[0] : 1.f;
        c.inputs["hint"] = channels_last(hint);
        d.program = controlnet_program(m.config, c.batch, c.height, c.width, c.tokens, strength);
        d.sources = {{m.weights.get(), "controlnet-probe"}};
        std::vector<std::string> names;
        for (const Tensor& t : d.program.tensors)
            if (t.role == TensorRole::output) names.push_back(t.name);
        const auto results = evaluate(d, c.inputs, names);
        for (size_t i = 0; i < names.size(); i++)
            out[names[i]] = channels_first(tensor_named(d.program, names[i]), results[i]);
        return out;
    }
    if (!options.text && !options.unet && !options.vae)
        throw Error(Status::usage, "unknown-network", "unknown network " + network,
                    "there are text-encoder, unet, controlnet, vae-encoder, vae-decoder and tokenizer");

    const Model m = open_model(path, options);
    if (network == "text-encoder") {
        const int tokens = m.text_config.max_position_embeddings;
        const ProbeTensor& ids = need(in, "input_ids", {-1, tokens});
        const int batch = as_int(ids.shape[0], "batch");
        std::vector<std::vector<int>> rows;
        for (int b = 0; b < batch; b++) {
            const auto begin = ids.values.begin() + std::ptrdiff_t(b) * tokens;
            rows.emplace_back(begin, begin + tokens);
        }
        d.program = text_encoder_program(m.text_config, batch, m.text_config.num_hidden_layers);
        d.sources = {{m.text.get(), "text"}};
        const auto results =
            evaluate(d, {{"embeddings", gather_embeddings(m.text_config, *m.text, rows)}}, {"last_hidden_state"});
        out["last_hidden_state"] = {{batch, tokens, m.text_config.hidden_size}, results[0]};
    } else if (network == "unet") {
        Common c = common(in, m.unet_config);
        StepOptions o;
        o.batch = c.batch;
        o.height = c.height;
        o.width = c.width;
        o.tokens = c.tokens;
        o.residual_inputs = in.contains("mid");
        d.program = unet_program(m.unet_config, o);
        d.sources = {{m.unet.get(), "unet"}};
        if (o.residual_inputs)
            for (const Tensor& t : d.program.tensors)
                if (t.role == TensorRole::input && !c.inputs.contains(t.name))
                    c.inputs[t.name] = channels_last(need(in, t.name, {t.batch, t.channels, t.height, t.width}));
        const auto results = evaluate(d, c.inputs, {"out"});
        out["sample"] = channels_first(tensor_named(d.program, "out"), results[0]);
    } else {
        // One picture at a time: a program's row strips are those of one picture.
        const bool decoder = network == "vae-decoder";
        const ProbeTensor& all = decoder ? need(in, "latents", {-1, m.vae_config.latent_channels, -1, -1})
                                         : need(in, "image", {-1, m.vae_config.in_channels, -1, -1});
        const int batch = as_int(all.shape[0], "batch");
        const int h = as_int(all.shape[2], "height"), w = as_int(all.shape[3], "width");
        if (!decoder && (h % 8 || w % 8))
            throw Error(Status::input, "probe-input", "image of " + std::to_string(w) + "x" + std::to_string(h) +
                                                          ": sides must be multiples of 8");
        d.program = decoder ? vae_decoder_program(m.vae_config, h, w) : vae_encoder_program(m.vae_config, h, w);
        d.sources = {{m.vae.get(), network}};
        const std::string in_name = decoder ? "latents" : "image", out_name = decoder ? "image" : "moments";
        const Tensor& result = tensor_named(d.program, out_name);
        ProbeTensor& collected = out[out_name];
        collected.shape = {batch, result.channels, result.height, result.width};
        const size_t each = all.values.size() / size_t(batch);
        for (int b = 0; b < batch; b++) {
            const std::span<const float> one(all.values.data() + size_t(b) * each, each);
            const auto results =
                evaluate(d, {{in_name, to_channels_last(one, 1, int(all.shape[1]), h, w)}}, {out_name});
            const auto first = to_channels_first(results[0], 1, result.channels, result.height, result.width);
            collected.values.insert(collected.values.end(), first.begin(), first.end());
        }
    }
    return out;
}

ProbeTensors read_probe_tensors(const std::string& path) {
    ProbeTensors out;
    const RawTensors raw = read_safetensors(path);
    for (const auto& [name, tensor] : raw) {
        ProbeTensor t;
        t.shape = tensor.shape;
        t.values.resize(size_t(tensor.elements()));
        read_raw(tensor, 0, t.values);
        out[name] = std::move(t);
    }
    return out;
}

void write_probe_tensors(const std::string& path, const ProbeTensors& tensors) {
    std::vector<TensorToWrite> list;
    for (const auto& [name, t] : tensors) list.push_back(float_tensor(name, t.shape, t.values));
    write_safetensors(path, list);
}

}  // namespace sluice
