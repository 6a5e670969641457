#!/usr/bin/env python3
"""Compares tensors or pictures.

compare.py A.safetensors B.safetensors    max|a-b| / max|b| a tensor (B is the reference)
compare.py A.png B.png                    PSNR in dB
"""

import pathlib
import sys

import numpy as np


def load(path) -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    return {k: v.astype(np.float64) for k, v in load_file(path).items()}


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """max|a-b| / max|b|; infinite where shapes differ or a value is not finite."""
    if a.shape != b.shape or not np.isfinite(a).all() or not np.isfinite(b).all():
        return float("inf")
    return float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-30))


def worst(a: dict, b: dict) -> float:
    if a.keys() != b.keys():
        return float("inf")
    return max(difference(a[k], b[k]) for k in b)


def psnr(a_path, b_path) -> float:
    from PIL import Image

    a, b = (np.asarray(Image.open(p).convert("RGB"), np.float64) for p in (a_path, b_path))
    if a.shape != b.shape:
        return float("-inf")
    square = np.mean((a - b) ** 2)
    return float("inf") if square == 0 else float(10 * np.log10(255**2 / square))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    if pathlib.Path(sys.argv[1]).suffix == ".safetensors":
        a, b = load(sys.argv[1]), load(sys.argv[2])
        for name in sorted(a.keys() | b.keys()):
            if name in a and name in b:
                print(f"{difference(a[name], b[name]):.3e}  {name} {list(b[name].shape)}")
            else:
                print(f"only in {'first' if name in a else 'second'}: {name}")
        print(f"worst {worst(a, b):.3e}")
    else:
        print(f"{psnr(sys.argv[1], sys.argv[2]):.2f} dB")


if __name__ == "__main__":
    main()
