"""Piano rolls of evaluate.py's continuations, to look at: the seed grey, what follows coloured by channel.

    python roll.py OUT/continuations.npz ROLLS

One PNG a piece: the model's continuation above, the real one below. Needs pillow.
"""
from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import vocab

COLOURS = ["#d1495b", "#00798c", "#edae49", "#30638e", "#6a994e", "#8e5572", "#bc6c25", "#577590"]
STEP_WIDTH, PITCH_HEIGHT, LOW, HIGH = 1.5, 4, 24, 104


def draw(image: ImageDraw.ImageDraw, top: int, seed: np.ndarray, rows: np.ndarray) -> None:
    beat = int((seed[seed[:, 0] >= 3, 1] - vocab.BASE["time1"]).sum())
    for notes, own in ((vocab.notes_of(seed), False), (vocab.notes_of(rows, beat), True)):
        for onset, duration, channel, pitch, _, _ in notes:
            y = top + (HIGH - pitch) * PITCH_HEIGHT
            box = (onset * STEP_WIDTH, y, max(onset + 1, onset + duration) * STEP_WIDTH - 1, y + PITCH_HEIGHT - 1)
            image.rectangle(box, fill=COLOURS[channel % 8] if own else "#999999")


def main() -> None:
    data = np.load(sys.argv[1])
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    height = (HIGH - LOW) * PITCH_HEIGHT
    for i in range(len(data["piece"])):
        seed = data[f"seed_{i}"].astype(np.int64)
        picture = Image.new("RGB", (1600, height * 2 + 10), "white")
        canvas = ImageDraw.Draw(picture)
        for place, way in enumerate(("model", "real")):
            draw(canvas, place * (height + 10), seed, data[f"{way}_{i}"].astype(np.int64))
        canvas.line((0, height + 5, 1600, height + 5), fill="black")
        picture.save(folder / f"{i:02d}.png")


if __name__ == "__main__":
    main()
