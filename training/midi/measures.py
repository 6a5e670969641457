"""What is measured of a continuation: in key, on the grid, repeating, polyphony and pitch classes. No model here.

Each is a plain count over notes [n, 6] (vocab.notes_of): onset and duration in steps (16 a quarter note), channel,
pitch, velocity, track. Drums (channel 9) count for the grid only.
"""
from __future__ import annotations

import numpy as np

DRUMS = 9
MAJOR = np.array([0, 2, 4, 5, 7, 9, 11])


def pitch_classes(notes: np.ndarray) -> np.ndarray:
    """float [12]: share of notes by pitch class."""
    pitched = notes[notes[:, 2] != DRUMS]
    histogram = np.bincount(pitched[:, 3] % 12, minlength=12).astype(float)
    return histogram / max(1.0, histogram.sum())


def scale_of(notes: np.ndarray) -> np.ndarray:
    """The seven pitch classes of the diatonic scale that holds the most of the notes' sounding time."""
    pitched = notes[notes[:, 2] != DRUMS]
    weight = np.bincount(pitched[:, 3] % 12, weights=np.minimum(pitched[:, 1], 64), minlength=12)
    best = max(range(12), key=lambda root: weight[(MAJOR + root) % 12].sum())
    return (MAJOR + best) % 12


def motifs(notes: np.ndarray, length: int) -> list[tuple]:
    """Runs of `length` notes as (interval, steps since the last note) pairs, in order of onset, a channel at a time."""
    found = []
    for channel in np.unique(notes[:, 2]):
        if channel == DRUMS:
            continue
        line = notes[notes[:, 2] == channel]
        line = line[np.lexsort((line[:, 3], line[:, 0]))]
        pairs = list(zip(np.diff(line[:, 3]).tolist(), np.diff(line[:, 0]).tolist()))
        found += [tuple(pairs[i : i + length - 1]) for i in range(len(pairs) - length + 2)]
    return found


def measure(notes: np.ndarray, seed: np.ndarray) -> dict[str, float]:
    """The measures of one continuation beside the seed that it follows; both on one time line."""
    pitched = notes[notes[:, 2] != DRUMS]
    if len(pitched) == 0:
        return {}
    scale = scale_of(seed)
    onsets = np.unique(notes[:, 0])
    span = max(1, int((notes[:, 0] + notes[:, 1]).max() - notes[:, 0].min()))
    own, known = motifs(notes, 6), set(motifs(seed, 6))
    seen: set[tuple] = set()
    again = 0
    for motif in own:
        again += motif in seen
        seen.add(motif)
    a, b = pitch_classes(notes), pitch_classes(seed)
    entropy = -sum(p * np.log2(p) for p in a if p > 0)
    return {
        "in_key": float(np.isin(pitched[:, 3] % 12, scale).mean()),
        "on_sixteenth": float((notes[:, 0] % 4 == 0).mean()),
        "on_beat": float((notes[:, 0] % 16 == 0).mean()),
        "repeats_itself": again / max(1, len(own)),
        "repeats_seed": sum(m in known for m in own) / max(1, len(own)),
        "polyphony": float(pitched[:, 1].clip(max=64).sum() / span),
        "notes_a_beat": len(notes) / span * 16,
        "onsets_a_beat": len(onsets) / span * 16,
        "pitch_class_entropy": float(entropy),
        "pitch_class_overlap_with_seed": float(np.minimum(a, b).sum()),
        "mean_pitch": float(pitched[:, 3].mean()),
        "mean_duration_steps": float(np.minimum(pitched[:, 1], 64).mean()),
    }


def average(rows: list[dict[str, float]]) -> dict[str, float]:
    rows = [r for r in rows if r]
    return {k: round(float(np.mean([r[k] for r in rows])), 4) for k in rows[0]} if rows else {}
