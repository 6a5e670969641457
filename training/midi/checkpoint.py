"""Weights in parts small enough for places that limit a file's size. It knows nothing of the model."""
from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

PART_BYTES = 14 << 20


def save_checkpoint(state: dict[str, torch.Tensor], folder: Path) -> None:
    """Writes checkpoint-1.safetensors, checkpoint-2.safetensors, … of at most 14 MiB, or one tensor, each."""
    parts: list[dict[str, torch.Tensor]] = [{}]
    size = 0
    for name, value in state.items():
        grown = value.numel() * value.element_size()
        if size + grown > PART_BYTES and parts[-1]:
            parts.append({})
            size = 0
        parts[-1][name] = value.detach().cpu().contiguous()
        size += grown
    for old in folder.glob("checkpoint-*.safetensors"):
        old.unlink()
    for index, part in enumerate(parts):
        save_file(part, folder / f"checkpoint-{index + 1}.safetensors")


def load_checkpoint(folder: Path) -> dict[str, torch.Tensor]:
    """All parts' tensors, on the CPU."""
    files = sorted(folder.glob("checkpoint-*.safetensors"))
    if not files:
        raise SystemExit(f"{folder}: expected checkpoint-*.safetensors as train.py writes them, found none")
    return {name: value for file in files for name, value in load_file(file).items()}
