"""LoRA files for `tiny`, as kohya-ss's trainers and as diffusers save them, and the weights that they make.

Weights are random and large enough that a layer which is left out, or an alpha that is not counted, shows.
"""

import copy
import pathlib

import torch
from diffusers import StableDiffusionPipeline
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file

import goldens_io

RANK = 3
# module, alpha; a convolution's kernel is read from the module
KOHYA = [
    ("unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q", 3.0),
    ("unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0", 1.5),
    ("unet.down_blocks.1.attentions.1.transformer_blocks.0.ff.net.0.proj", 3.0),
    ("unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_v", 6.0),
    ("unet.up_blocks.1.attentions.0.proj_in", 3.0),
    ("unet.down_blocks.0.resnets.0.conv1", 1.0),
    ("unet.up_blocks.3.resnets.1.conv2", 3.0),
    ("text_encoder.text_model.encoder.layers.0.self_attn.q_proj", 3.0),
    ("text_encoder.text_model.encoder.layers.1.mlp.fc1", 1.5),
]


def _random(generator, *shape):
    return (torch.randn(shape, generator=generator) * 0.2).half()


def kohya(parts) -> dict[str, torch.Tensor]:
    generator, tensors = torch.Generator().manual_seed(71), {}
    for path, alpha in KOHYA:
        component, module = path.split(".", 1)
        weight = parts[component].get_submodule(module.removeprefix("text_model.")).weight  # gone in transformers 5
        taps = list(weight.shape[2:])
        name = {"unet": "lora_unet_", "text_encoder": "lora_te_"}[component] + module.replace(".", "_")
        tensors[f"{name}.lora_down.weight"] = _random(generator, RANK, weight.shape[1], *taps)
        tensors[f"{name}.lora_up.weight"] = _random(generator, weight.shape[0], RANK, *[1] * len(taps))
        tensors[f"{name}.alpha"] = torch.tensor(alpha)
    return tensors


def peft(parts) -> dict[str, torch.Tensor]:
    """As diffusers' training scripts save it: no alpha, which then counts as the rank."""
    unet = copy.deepcopy(parts["unet"])
    unet.add_adapter(LoraConfig(r=2, lora_alpha=2, target_modules=["to_k", "to_v"]))
    state = convert_state_dict_to_diffusers(get_peft_model_state_dict(unet))
    generator = torch.Generator().manual_seed(72)
    return {
        f"unet.{name}": _random(generator, *value.shape)
        for name, value in sorted(state.items())
        if "up_blocks.2." in name or "mid_block" in name
    }


def make(folder: pathlib.Path, parts) -> None:
    goldens_io.save(folder / "lora-kohya.safetensors", kohya(parts))
    goldens_io.save(folder / "lora-peft.safetensors", peft(parts))


def _modules(tensors):
    """(component, module, down, up, scale) of either file; the scale is alpha / rank."""
    for name, down in tensors.items():
        if name.endswith(".lora_down.weight"):
            stem = name.removesuffix(".lora_down.weight")
            path = next(
                path
                for path, _ in KOHYA
                if path.replace("text_encoder.", "lora_te_").replace("unet.", "lora_unet_").replace(".", "_")
                == stem
            )
            scale = float(tensors[f"{stem}.alpha"]) / len(down)
            yield *path.split(".", 1), down, tensors[f"{stem}.lora_up.weight"], scale
        elif name.endswith(".lora.down.weight"):
            stem = name.removesuffix(".lora.down.weight")
            yield *stem.split(".", 1), down, tensors[f"{stem}.lora.up.weight"], 1.0


def fuse(parts, loras: list[tuple[pathlib.Path, float]]) -> None:
    """W += strength * alpha / rank * up @ down, into the modules themselves."""
    for path, strength in loras:
        for component, module, down, up, scale in _modules(load_file(path)):
            weight = parts[component].get_submodule(module.removeprefix("text_model.")).weight
            delta = (up.float().flatten(1) @ down.float().flatten(1)).reshape(weight.shape)
            with torch.no_grad():
                weight += strength * scale * delta


def check(folder: pathlib.Path, fresh) -> None:
    """diffusers' loader says the same. It does not count every alpha, and passes over text encoders' attention in
    this version (0.42.1 with transformers 5): those layers are left out."""
    ignored = ("to_out.0", "attn2.to_v.", "resnets.0.conv1")
    for name in ("lora-kohya", "lora-peft"):
        ours, theirs = fresh(), fresh()
        fuse(ours, [(folder / f"{name}.safetensors", 0.8)])
        empty = [None] * 3
        pipe = StableDiffusionPipeline(
            theirs["vae"],
            theirs["text_encoder"],
            None,
            theirs["unet"],
            *empty,
            requires_safety_checker=False,
        )
        pipe.load_lora_weights(folder / f"{name}.safetensors")
        pipe.fuse_lora(lora_scale=0.8)
        pipe.unload_lora_weights()
        before, good = fresh()["unet"].state_dict(), ours["unet"].state_dict()
        compared = 0
        for key, value in theirs["unet"].state_dict().items():
            changed = not torch.equal(before[key], good[key])
            if name == "lora-kohya" and any(part in key for part in ignored):
                continue
            if not torch.allclose(value, good[key], atol=1e-6):
                raise RuntimeError(f"{name}: diffusers makes something else of {key}")
            compared += changed
        print(f"{name}: {compared} adapted weights as diffusers has them")
