"""Pictures stretched by Pillow's Lanczos, which diffusers uses on control and initial pictures of another size."""

import pathlib

from PIL import Image

import goldens_io
import paint_goldens

SIZES = [
    ("drawing", (40, 56), (64, 96)),
    ("photo", (150, 100), (64, 96)),
    ("photo", (64, 96), (104, 72)),
    ("waves", (33, 17), (24, 40)),
    ("photo", (16, 16), (16, 48)),
]


def make(folder: pathlib.Path) -> None:
    rows = []
    folder.mkdir(parents=True, exist_ok=True)
    for i, (kind, size, target) in enumerate(SIZES):
        picture = paint_goldens.pictures(*size)[kind]
        picture.save(folder / f"{i}.in.png", optimize=True)
        picture.resize(target, Image.Resampling.LANCZOS).save(folder / f"{i}.out.png", optimize=True)
        rows.append({"in": f"{i}.in.png", "out": f"{i}.out.png", "width": target[0], "height": target[1]})
    goldens_io.save_index(folder / "index.json", rows)
