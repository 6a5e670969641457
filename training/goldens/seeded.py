"""Weights from a seed, bit for bit the same here and in native/engine/core/seeded_weights.cpp.

Element i of a tensor is an integer hash of (seed, component, name, i), mapped to a uniform number by integer
arithmetic alone, so that no two compilers or machines can disagree; see `values`. Not a statistical generator,
and it knows nothing of files or PyTorch.
"""

import numpy as np

UNIT = 1 << 16  # centre and half-width of a tensor's distribution are integers in units of 1/65536
MASK = (1 << 64) - 1


def tensor_key(seed: int, component: str, name: str) -> int:
    """64-bit FNV-1a over the text `seed/component/name`."""
    key = 0xCBF29CE484222325
    for byte in f"{seed}/{component}/{name}".encode():
        key = ((key ^ byte) * 0x100000001B3) & MASK
    return key


def values(key: int, count: int, centre: int, half_width: int, first: int = 0) -> np.ndarray:
    """Elements [first, first + count) as float32: (centre + half_width * u) / 65536, u uniform in [-1, 1).

    u is k / 2^23 - 1 with k the top 24 bits of splitmix64's output; centre * 2^23 + half_width * (k - 2^23) is
    an exact integer below 2^53, and rounds once, to float32.
    """
    out = np.empty(count, np.float32)
    chunk = 1 << 20
    for begin in range(0, count, chunk):
        end = min(count, begin + chunk)
        z = np.arange(first + begin + 1, first + end + 1, dtype=np.uint64)
        z *= np.uint64(0x9E3779B97F4A7C15)
        z += np.uint64(key)
        z ^= z >> np.uint64(30)
        z *= np.uint64(0xBF58476D1CE4E5B9)
        z ^= z >> np.uint64(27)
        z *= np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
        k = (z >> np.uint64(40)).astype(np.int64) - (1 << 23)
        exact = (centre * (1 << 23) + half_width * k).astype(np.float64)
        out[begin:end] = (exact * 2.0**-39).astype(np.float32)
    return out


def tensor(seed: int, component: str, name: str, shape, centre: int, half_width: int) -> np.ndarray:
    """A whole tensor, float32 with values that float16 holds exactly (rounded to it first)."""
    count = int(np.prod(shape, dtype=np.int64))
    flat = values(tensor_key(seed, component, name), count, centre, half_width)
    return flat.astype(np.float16).astype(np.float32).reshape(shape)
