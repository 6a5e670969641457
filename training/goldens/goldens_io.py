"""Reading and writing golden files: safetensors through our own writer, an index a folder."""

import json
import pathlib

import torch

import layouts
import networks

ROOT = networks.TESTDATA / "goldens"


def save(path: pathlib.Path, tensors: dict[str, torch.Tensor]) -> None:
    for name, value in tensors.items():
        if not torch.isfinite(value.float()).all():
            raise RuntimeError(f"{path}: {name} is not finite")
    layouts.save_safetensors(path, {k: v.detach().contiguous() for k, v in tensors.items()})


def save_index(path: pathlib.Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
