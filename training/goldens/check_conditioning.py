#!/usr/bin/env python3
"""How far diffusers itself strays on the small goldens when what it stores is rounded to fp16.

check_conditioning.py [NAME…] [--trials N]    max|a-b| / max|b|: to nearest, and the worst of N by chance

Weights are exact in fp16 and every operation computes in float32; only the result of each is rounded, which is what a
device with fp16 storage does at best. Where the worst exceeds the tests' bound, a golden tells nothing about a device.
"""

import argparse
import json

import safetensors.torch
import torch
from diffusers.models.embeddings import Timesteps
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_map

import compare
import goldens_io
import networks


def exact_timesteps():
    """Sines of hundreds of radians stay in float32, as diffusers keeps them under every dtype."""
    inner = Timesteps.forward

    def forward(self, timesteps):
        with _disable_current_modes():
            return inner(self, timesteps)

    Timesteps.forward = forward


class Fp16Storage(TorchDispatchMode):
    """Rounds the results of all operations to fp16: to nearest, or up or down by chance when a generator is given."""

    def __init__(self, random=None):
        super().__init__()
        self.random = random

    def round(self, value):
        if not isinstance(value, torch.Tensor) or value.dtype != torch.float32:
            return value
        near = value.half().float()
        if self.random is None:
            return near
        spacing = (2.0 ** (torch.floor(torch.log2(value.abs().clamp(min=2.0**-14))) - 10)).float()
        chance = torch.rand(value.shape, generator=self.random)
        return torch.floor(value / spacing + chance) * spacing

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        name = operation._schema.name
        if operation.is_view or name in ("aten::detach", "aten::_to_copy", "aten::copy_"):
            return result
        return tree_map(self.round, result)


def forward(network, module, inputs):
    """The network's outputs by the names that the goldens use."""
    if network == "text-encoder":
        return {"last_hidden_state": module(input_ids=inputs["input_ids"].long()).last_hidden_state}
    if network == "vae-encoder":
        return {"moments": module.encode(inputs["image"]).latent_dist.parameters}
    if network == "vae-decoder":
        return {"image": module.decode(inputs["latents"]).sample}
    given = [inputs["sample"], inputs["timestep"], inputs["encoder_hidden_states"]]
    if network == "controlnet":
        strength = float(inputs["strength"]) if "strength" in inputs else 1.0
        down, mid = module(*given, inputs["hint"], strength, return_dict=False)
        return {f"down_{i}": t for i, t in enumerate(down)} | {"mid": mid}
    more = {}
    if "mid" in inputs:
        more = {
            "down_block_additional_residuals": [inputs[f"down_{i}"] for i in range(12)],
            "mid_block_additional_residual": inputs["mid"],
        }
    return {"sample": module(*given, **more).sample}


def as_numpy(tensors):
    return {name: value.double().numpy() for name, value in tensors.items()}


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as tiny/unet-b1-8x8 (default: all)")
    parser.add_argument("--trials", type=int, default=16)
    options = parser.parse_args()
    folder = goldens_io.ROOT / "probe"
    exact_timesteps()
    modules = {}
    for row in json.loads((folder / "index.json").read_text()):
        if options.names and row["name"] not in options.names:
            continue
        key = row["model"], row["component"]
        if key not in modules:
            modules = {key: networks.module(*key)}
        inputs = safetensors.torch.load_file(folder / f"{row['name']}.in.safetensors")
        want = as_numpy(safetensors.torch.load_file(folder / f"{row['name']}.out.safetensors"))
        errors = []
        for trial in range(options.trials + 1):
            random = torch.Generator().manual_seed(trial) if trial else None
            with Fp16Storage(random):
                got = forward(row["network"], modules[key], inputs)
            errors.append(compare.worst(as_numpy(got), want))
        print(f"{row['name']:40} nearest {errors[0]:.1e}   worst {max(errors):.1e}", flush=True)


if __name__ == "__main__":
    main()
