#!/usr/bin/env python3
"""Writes native/engine/testdata/pickles/: small files of torch.save in every form that checkpoints come in, and
what PyTorch reads from them (expected.safetensors, float32 and row-major)."""

import sys
import types

import numpy as np
import torch

import layouts
import networks

OUT = networks.TESTDATA / "pickles"


def tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(11)
    base = torch.randn(6, 5, generator=generator)
    image = torch.randn(4, 3, 2, 2, generator=generator)
    return {
        "float32": base,
        "float16": base.half(),
        "bfloat16": base.bfloat16(),
        "float64": base.double(),
        "int64": torch.arange(-3, 4),
        "int32": torch.arange(-3, 4, dtype=torch.int32),
        "int16": torch.arange(-3, 4, dtype=torch.int16),
        "int8": torch.arange(-3, 4, dtype=torch.int8),
        "uint8": torch.arange(250, 256, dtype=torch.uint8),
        "bool": torch.tensor([True, False, True]),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 4),
        "transposed": base.t(),
        "rows": base[2:5],
        "column": base[:, 3],
        "every_second": base[::2, 1::2],
        "expanded": base[0].expand(4, 5),
        "channels_last": image.contiguous(memory_format=torch.channels_last),
        "parameter": torch.nn.Parameter(base * 2),
    }


def callback_class():
    """A class under the name that old checkpoints carry; only the name gets into the file."""
    module = types.ModuleType("pytorch_lightning.callbacks.model_checkpoint")
    cls = type("ModelCheckpoint", (), {"__module__": module.__name__})
    module.ModelCheckpoint = cls
    for name in ("pytorch_lightning", "pytorch_lightning.callbacks"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules[module.__name__] = module
    return cls


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    values = tensors()
    cls = callback_class()
    leftover = cls()
    leftover.best = np.float64(0.25)
    whole = {"epoch": 3, "global_step": 1 << 40, "pytorch-lightning_version": "1.4.2", "done": False, "loss": 0.125,
             "callbacks": {cls: {"best_model_score": np.float64(0.5), "kept": leftover, "path": None}},
             "state_dict": values, "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(3)}}}],
             "lr_schedulers": [(1, 2), (1, 2, 3, 4), ()]}
    torch.save(whole, OUT / "lightning.ckpt")
    torch.save(whole, OUT / "legacy.ckpt", _use_new_zipfile_serialization=False)
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Conv2d(2, 3, 1))
    with torch.no_grad():
        for i, parameter in enumerate(module.parameters()):
            parameter.copy_(torch.arange(parameter.numel()).reshape(parameter.shape) + i / 4)
    torch.save(module.state_dict(), OUT / "module.bin")
    torch.save({"weight": torch.ones(2), "odd": leftover}, OUT / "object.pt")
    expected = {k: v.detach().float().contiguous() for k, v in values.items()}
    expected |= {f"module.{k}": v.float().contiguous() for k, v in module.state_dict().items()}
    layouts.save_safetensors(OUT / "expected.safetensors", expected)


if __name__ == "__main__":
    main()
