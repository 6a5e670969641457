"""PyTorch's CPU generator: torch.manual_seed(seed), torch.randn(size), one draw after another."""

import pathlib

import torch

import goldens_io

# Below 16 elements PyTorch draws pairs in double precision and keeps the second; from 16 on it works in blocks
# of 16, and re-draws the last 16 when the size is no multiple of 16.
DRAWS = {
    "latents-16x12": (1, [(1, 4, 16, 12)]),
    "latents-64x64": (42, [(1, 4, 64, 64)]),
    "one-by-one": (0, [(1,), (1,), (1,), (2,), (1,)]),
    "under-16": (3, [(5,), (15,), (7,), (4,)]),
    "around-16": (4, [(15,), (16,), (17,), (31,), (32,), (33,)]),
    "mixed": (2**32 - 1, [(3,), (20,), (1,), (48,), (2,), (100,)]),
    "large-seed": (2**32 + 5, [(64,), (9,)]),
    "largest-seed": (2**63 - 1, [(64,)]),
    "many-small": (12345, [(700,), (13,), (700,)]),
}


def make(folder: pathlib.Path) -> None:
    tensors, rows = {}, []
    for name, (seed, shapes) in DRAWS.items():
        generator = torch.Generator().manual_seed(seed)
        for i, shape in enumerate(shapes):
            tensors[f"{name}/{i}"] = torch.randn(shape, generator=generator)
        rows.append({"name": name, "seed": str(seed), "shapes": shapes})
    goldens_io.save(folder / "noise.safetensors", tensors)
    goldens_io.save_index(folder / "noise.json", rows)
