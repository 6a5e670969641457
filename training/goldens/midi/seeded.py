"""Models with weights from a seed, bit for bit the same here and in native/midi/tests/common/seeded.rs.

Weights are multiples of 1/128 times a power of two, so that every float type that models come in holds them exactly.
"""
import numpy as np

MASK = np.uint64(0xFFFFFFFFFFFFFFFF)


def fnv1a(text: str) -> int:
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def bytes_of(name: str, count: int) -> np.ndarray:
    """`count` integers in -128…127 for the tensor `name` (splitmix64 of name and place)."""
    with np.errstate(over="ignore"):
        z = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(fnv1a(name))
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(56)).astype(np.int64) - 128


def exponent(name: str, shape) -> int:
    """Power of two: products keep a size near 1 at any width, logits spread over some units."""
    if "embed_tokens" in name:
        return -1
    spread = 1 if "lm_head" in name else 0
    return -int(np.ceil(np.log2(shape[-1]) / 2)) + 1 + spread


def tensor(name: str, shape) -> np.ndarray:
    """float32; norms are 1 plus a quarter."""
    count = int(np.prod(shape))
    integers = bytes_of(name, count)
    if "norm" in name:
        return (np.float32(1) + (integers >> 3).astype(np.float32) / np.float32(64)).reshape(shape)
    unit = integers.astype(np.float32) / np.float32(128)
    return (unit * np.float32(2.0 ** exponent(name, shape))).reshape(shape)
