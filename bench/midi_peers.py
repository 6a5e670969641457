"""Events a second of SkyTNT's nets in PyTorch (fp32) and ONNX Runtime (8-bit weights, quantised dynamically).

Run by bench/midi.mjs: python bench/midi_peers.py MODEL_FOLDER --threads N --seconds S [--original CHECKOUT]

PyTorch runs transformers' LlamaModel, which is what the original's nets are; with a checkout of the original, its own
midi_model.py. ONNX Runtime runs graphs as the original's export.py makes them (caches in and out, bound as OrtValues),
exported from the plain module below, whose outputs are first compared with PyTorch's. Neither peer samples: the
likeliest token is taken, which costs them less than the original's sampling would. Prints one JSON object a line.
"""
import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

ROW = 8  # tokens of an event


def say(**figures):
    print(json.dumps(figures), flush=True)


def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Llama(torch.nn.Module):
    """One net over embeddings, with the cache of keys and values handed in and out: float32 [1, heads, past, dim]."""

    def __init__(self, config, weights, prefix):
        super().__init__()
        self.heads = config["num_attention_heads"]
        self.dim = config["hidden_size"] // self.heads
        self.eps = config.get("rms_norm_eps", 1e-6)
        self.count = config["num_hidden_layers"]
        for name, tensor in weights.items():
            if name.startswith(prefix):
                parameter = torch.nn.Parameter(tensor.float(), requires_grad=False)
                self.register_parameter(name[len(prefix):].replace(".", "_"), parameter)
        theta = config.get("rope_theta") or config.get("rope_parameters", {}).get("rope_theta", 10000.0)
        inverse = 1.0 / theta ** (torch.arange(0, self.dim, 2).float() / self.dim)
        self.register_buffer("inverse", torch.cat([inverse, inverse]))

    def weight(self, name):
        return getattr(self, name + "_weight")

    def norm(self, x, name):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight(name)

    def forward(self, x, past):
        n, before = x.shape[1], past[0].shape[2]
        places = torch.arange(before, before + n).float()
        angles = places[:, None] * self.inverse[None]
        cos, sin = angles.cos(), angles.sin()
        later = torch.arange(before + n)[None] > torch.arange(before, before + n)[:, None]
        bias = later.float() * -1e9

        def turned(v):
            low, high = v[..., : self.dim // 2], v[..., self.dim // 2 :]
            return v * cos + torch.cat([-high, low], -1) * sin

        present = []
        for i in range(self.count):
            at = f"layers_{i}_"
            h = self.norm(x, at + "input_layernorm")
            q, k, v = (
                (h @ self.weight(at + f"self_attn_{part}_proj").T)
                .reshape(1, -1, self.heads, self.dim)
                .transpose(1, 2)
                for part in "qkv"
            )
            k = torch.cat([past[2 * i], turned(k)], 2)
            v = torch.cat([past[2 * i + 1], v], 2)
            present += [k, v]
            scores = turned(q) @ k.transpose(2, 3) / self.dim**0.5 + bias
            mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(1, -1, self.heads * self.dim)
            x = x + mixed @ self.weight(at + "self_attn_o_proj").T
            h = self.norm(x, at + "post_attention_layernorm")
            gate = torch.nn.functional.silu(h @ self.weight(at + "mlp_gate_proj").T)
            x = x + (gate * (h @ self.weight(at + "mlp_up_proj").T)) @ self.weight(at + "mlp_down_proj").T
        return self.norm(x, "norm"), present


class Events(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, tokens, *past):
        hidden, present = self.net(self.net.weight("embed_tokens")[tokens].sum(-2), past)
        return hidden, *present


class Tokens(torch.nn.Module):
    def __init__(self, net, head):
        super().__init__()
        self.net = net
        self.head = torch.nn.Parameter(head.float(), requires_grad=False)

    def forward(self, hidden, tokens, *past):
        x = torch.cat([hidden, self.net.weight("embed_tokens")[tokens]], 1)
        out, present = self.net(x, past)
        return out @ self.head.T, *present


def measure(step, seconds, warm=3):
    """Events a second of `step()`, which makes one."""
    for _ in range(warm):
        step()
    begun, count = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        step()
        count += 1
    return count / (time.perf_counter() - begun)


class Torch:
    """The nets as the original has them, transformers' LlamaModel with its caches."""

    def __init__(self, config, weights, original):
        from transformers import DynamicCache, LlamaConfig, LlamaModel

        self.new_cache = DynamicCache
        if original is not None:
            sys.path.insert(0, str(original))
            import midi_model

            wanted = {key: value for key, value in config.items() if key != "n_embd"}
            self.model = midi_model.MIDIModel(midi_model.MIDIModelConfig(**wanted)).eval()
            self.model.load_state_dict({k: v.float() for k, v in weights.items()}, strict=False)
            self.net, self.net_token = self.model.net, self.model.net_token
            self.head = self.model.lm_head.weight
        else:
            def net(key, prefix):
                made = LlamaModel(LlamaConfig(**config[key])).eval()
                own = {k[len(prefix):]: v.float() for k, v in weights.items() if k.startswith(prefix)}
                made.load_state_dict(own, strict=False)
                return made

            self.net, self.net_token = net("net_config", "net."), net("net_token_config", "net_token.")
            self.head = weights["lm_head.weight"].float()
        self.begin()

    def begin(self):
        self.cache, self.row = self.new_cache(), [1] + [0] * (ROW - 1)

    def read(self, rows):
        x = self.net.embed_tokens(torch.tensor([rows])).sum(-2)
        return self.net(inputs_embeds=x, past_key_values=self.cache, use_cache=True).last_hidden_state[:, -1:]

    def event(self, rows=None):
        x, cache, row, self.logits = self.read(rows or [self.row]), self.new_cache(), [], []
        for i in range(ROW):
            if i > 0:
                x = self.net_token.embed_tokens(torch.tensor([[row[-1]]]))
            out = self.net_token(inputs_embeds=x, past_key_values=cache, use_cache=True).last_hidden_state
            logits = out[0, -1] @ self.head.T
            self.logits.append(logits.numpy())
            row.append(int(logits.argmax()))
        self.row = row


class Onnx:
    """Two sessions, each with its caches in and out."""

    def __init__(self, folder, config, weights, threads):
        import onnxruntime

        self.rt, self.config, self.files = onnxruntime, config, {}
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self.options = options
        nets = {
            "events": (Events(Llama(config["net_config"], weights, "net.")), "net_config"),
            "tokens": (
                Tokens(Llama(config["net_token_config"], weights, "net_token."), weights["lm_head.weight"]),
                "net_token_config",
            ),
        }
        for name, (module, key) in nets.items():
            self.files[name] = self.export(folder, name, module.eval(), config[key])

    def empty(self, config, past=0):
        dim = config["hidden_size"] // config["num_attention_heads"]
        shape = (1, config["num_attention_heads"], past, dim)
        return [torch.zeros(shape) for _ in range(2 * config["num_hidden_layers"])]

    def export(self, folder, name, module, config):
        count, width = 2 * config["num_hidden_layers"], config["hidden_size"]
        past, present = [f"past.{i}" for i in range(count)], [f"present.{i}" for i in range(count)]
        axes = {p: {2: "past"} for p in past} | {p: {2: "all"} for p in present}
        if name == "events":
            given = (torch.zeros(1, 2, ROW, dtype=torch.long), *self.empty(config, 3))
            inputs, axes["tokens"] = ["tokens"], {1: "events"}
        else:
            given = (torch.zeros(1, 1, width), torch.zeros(1, 1, dtype=torch.long), *self.empty(config, 3))
            inputs, axes["hidden"], axes["tokens"] = ["hidden", "tokens"], {1: "states"}, {1: "new"}
        plain, small = folder / f"{name}.onnx", folder / f"{name}-int8.onnx"
        axes["out"] = {1: "rows"}
        torch.onnx.export(
            module, given, str(plain), input_names=inputs + past, output_names=["out"] + present,
            dynamic_axes=axes, opset_version=17, do_constant_folding=True, dynamo=False,
        )
        from onnxruntime.quantization import QuantType, quantize_dynamic

        quantize_dynamic(str(plain), str(small), weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul"])
        return {"f32": plain, "q8": small}

    def open(self, kind):
        self.sessions = {
            name: self.rt.InferenceSession(str(files[kind]), self.options, providers=["CPUExecutionProvider"])
            for name, files in self.files.items()
        }
        self.begin()

    def values(self, config):
        return [self.rt.OrtValue.ortvalue_from_numpy(t.numpy()) for t in self.empty(config)]

    def begin(self):
        self.past, self.row = self.values(self.config["net_config"]), [1] + [0] * (ROW - 1)

    def call(self, name, given, past):
        session = self.sessions[name]
        binding = session.io_binding()
        for key, array in given.items():
            binding.bind_ortvalue_input(key, self.rt.OrtValue.ortvalue_from_numpy(array))
        for i, value in enumerate(past):
            binding.bind_ortvalue_input(f"past.{i}", value)
        for output in session.get_outputs():
            binding.bind_output(output.name)
        session.run_with_iobinding(binding)
        out, *present = binding.get_outputs()
        return out.numpy(), present

    def event(self, rows=None):
        hidden, self.past = self.call("events", {"tokens": np.array([rows or [self.row]], dtype=np.int64)}, self.past)
        hidden, row, past, self.logits = hidden[:, -1:], [], self.values(self.config["net_token_config"]), []
        for i in range(ROW):
            token = np.array([row[-1:]], dtype=np.int64).reshape(1, -1)
            out, past = self.call("tokens", {"hidden": hidden, "tokens": token}, past)
            hidden = np.zeros((1, 0, hidden.shape[-1]), dtype=np.float32)
            self.logits.append(out[0, -1])
            row.append(int(out[0, -1].argmax()))
        self.row = row


def figures(peer, seconds, seed):
    """The rate, and the seconds to the first event behind a seed of so many rows."""
    peer.begin()
    rate = measure(peer.event, seconds)
    peer.begin()
    rows = [[1] + [0] * (ROW - 1)] + [[3 + (i + j) % 40 for j in range(ROW)] for i in range(seed - 1)]
    begun = time.perf_counter()
    peer.event(rows)
    first = time.perf_counter() - begun
    return {"events_per_second": rate, "first_event_seconds": first, "peak_rss_bytes": peak_bytes()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--seed-events", type=int, default=512)
    parser.add_argument("--original", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    config = json.loads((given.model / "config.json").read_text())
    weights = load_file(given.model / "model.safetensors")
    with torch.inference_mode():
        peer = Torch(config, weights, given.original)
        peer.event()
        reference = peer.logits
        say(peer="pytorch", weights="f32", version=torch.__version__, threads=given.threads,
            code="the original's midi_model.py" if given.original else "transformers' LlamaModel",
            **figures(peer, given.seconds, given.seed_events))
        del peer
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        peer = Onnx(Path(folder), config, weights, given.threads)
        del weights
        for kind in ("f32", "q8"):
            peer.open(kind)
            peer.event()
            worst = float(max(np.abs(a - b).max() for a, b in zip(peer.logits[:1], reference)))
            if kind == "f32" and worst > 1e-2:
                sys.exit(f"the exported graph is wrong: its logits are {worst} off PyTorch's")
            say(peer="onnxruntime", weights=kind, version=peer.rt.__version__, threads=given.threads,
                logits_off=worst, **figures(peer, given.seconds, given.seed_events))


main()
