"""Whole pictures on the small models: what every sampler, control, initial picture and mask must give."""

import pathlib

import numpy as np
import torch
from PIL import Image

import goldens_io
import lora_goldens
import networks
import reference
import schedulers

PROMPT = "a photo of a small red fox in the snow, detailed"
NEGATIVE = "blurry, lowres"
LONG = ", ".join(
    ["an old harbour at dusk, wooden boats, gulls", "lanterns over wet stones", "mist on the water"] * 6
)
WEIGHED = "a (photo:1.3) of a ((small)) red [fox (in:0.4) the snow], \\(detailed\\)"
WEIGHED_LONG = f"{LONG}, (a tall lamp:1.6) BREAK (boats:0.7), gulls"
W, H = 64, 96


def pictures(width: int, height: int) -> dict[str, Image.Image]:
    """A drawing, an edge map, a photograph's stand-in and a mask, all from formulas."""
    y, x = np.mgrid[0:height, 0:width] / min(width, height)
    circle = np.hypot(x - 0.5, y - 0.6)
    lines = (np.abs(circle - 0.35) < 0.02) | (np.abs(x - y * 0.7) < 0.015)
    drawing = np.repeat((lines * 255)[:, :, None], 3, 2)
    waves = np.stack([np.sin(9 * x + 2 * y), np.cos(7 * y - x), np.sin(5 * (x + y))], -1) * 100 + 128
    photo = np.stack([255 * x / x.max(), 255 * y / y.max(), 255 * (circle < 0.4)], -1) * 0.8 + waves * 0.2
    # Grey ramp across 0.5, and no multiple of 8 pixels: threshold and nearest neighbour both count.
    mask = np.clip((0.42 - circle) * 900 + 128, 0, 255)
    arrays = {"drawing": drawing, "waves": waves, "photo": photo, "mask": mask}
    return {k: Image.fromarray(np.clip(np.rint(v), 0, 255).astype(np.uint8)) for k, v in arrays.items()}


def rows() -> list[dict]:
    base = {
        "model": "tiny",
        "prompt": PROMPT,
        "negative": NEGATIVE,
        "width": W,
        "height": H,
        "steps": 20,
        "cfg": 7.5,
    }
    one = [{"model": "controlnet", "image": "drawing", "strength": 1.0, "start": 0.0, "end": 1.0}]
    two = [
        {**one[0], "strength": 0.9},
        {"model": "controlnet-b", "image": "waves", "strength": 0.6, "start": 0.0, "end": 1.0},
    ]
    result = []

    def add(name, **fields):
        result.append({"name": name, **base, "sampler": "euler", "schedule": "normal", **fields})

    for sampler, schedule in schedulers.COMBINATIONS:
        way = {"sampler": sampler, "schedule": schedule}
        label = sampler if schedule == "normal" else f"{sampler}-{schedule}"
        add(f"{label}-text", latents="noise", seed=11, **way)
        add(f"{label}-control", latents="noise", seed=12, controls=one, **way)
        add(f"{label}-two-controls", latents="noise", seed=13, controls=two, **way)
        add(f"{label}-image", seed=14, init="photo", strength=0.6, **way)
        add(f"{label}-inpaint", seed=15, init="photo", mask="mask", strength=0.8, **way)
    add("seed", seed=2**32 + 77)
    add(
        "windows",
        seed=21,
        controls=[{**one[0], "start": 0.2, "end": 0.65}, {**two[1], "start": 0.5, "end": 0.95}],
    )
    add("unguided", seed=22, cfg=1.0, controls=one)
    add("strong-guidance", seed=23, cfg=12.5)
    add("clip-skip", seed=24, clip_skip=2)
    add("long-prompt", seed=25, prompt=LONG)
    add("long-negative", seed=26, negative=LONG, prompt="caf\u00e9 \U0001f98a \u65e5\u672c")
    add("empty", seed=27, prompt="", negative="")
    add("image-from-latents", seed=28, latents="noise", init="photo", strength=0.55, sampler="euler_a")
    add(
        "image-control-window",
        seed=29,
        init="photo",
        strength=0.7,
        controls=[{**one[0], "start": 0.25, "end": 0.75}],
    )
    add("image-full-strength", seed=30, init="photo", strength=1.0)
    add("inpaint-full-strength", seed=31, init="photo", mask="mask", strength=1.0, sampler="ddim")
    add("inpaint-control", seed=32, init="photo", mask="mask", strength=0.9, controls=one, sampler="dpmpp_2m")
    add("two-steps", seed=33, steps=2)
    add("seven-steps", seed=34, steps=7, sampler="dpmpp_2m", schedule="karras")
    add("odd-sizes", seed=35, model="odd", width=104, height=72, controls=one)
    add("classic", seed=36, model="classic", controls=one)
    add("weights", seed=37, prompt=WEIGHED, negative="(blurry:1.4), [lowres]", syntax="a1111")
    add("weights-long", seed=38, prompt=WEIGHED_LONG, syntax="a1111", clip_skip=2)
    add("lora", seed=39, loras=[{"file": "lora-kohya", "strength": 0.8}])
    add("lora-two", seed=40, loras=[{"file": "lora-kohya", "strength": 0.6}, {"file": "lora-peft", "strength": -0.5}])
    return result


def make(folder: pathlib.Path, bpe: pathlib.Path, dtype=torch.float32, only=None) -> None:
    noise = torch.randn((1, 4, H // 8, W // 8), generator=torch.Generator().manual_seed(99))
    goldens_io.save(folder / "inputs/noise.safetensors", {"latents": noise})
    lora_goldens.make(folder / "inputs", {name: networks.module("tiny", name) for name in ("unet", "text_encoder")})
    painters, table = {}, rows()
    for row in table:
        if only and row["name"] not in only:
            continue
        size = f"{row['width']}x{row['height']}"
        images = pictures(row["width"], row["height"])
        for kind in {row.get("init"), row.get("mask"), *[c["image"] for c in row.get("controls", [])]} - {
            None
        }:
            images[kind].save(folder / f"inputs/{kind}-{size}.png")
        fields = {k: v for k, v in row.items() if k not in ("name", "model")}
        fields["controls"] = [
            reference.Control(**{**c, "image": images[c["image"]]}) for c in row.get("controls", [])
        ]
        for kind in ("init", "mask"):
            if kind in row:
                fields[kind] = images[row[kind]]
        fields["loras"] = [
            (folder / f"inputs/{lora['file']}.safetensors", lora["strength"]) for lora in row.get("loras", [])
        ]
        if "latents" in row:
            fields["latents"] = noise
        if row["model"] not in painters:
            painters = {row["model"]: reference.Painter(row["model"], bpe, dtype)}
        latents, picture = painters[row["model"]].paint(reference.Job(**fields))
        goldens_io.save(folder / f"{row['name']}.safetensors", {"latents": latents})
        picture.save(folder / f"{row['name']}.png", optimize=True)
    for row in table:  # files, for whoever runs them
        size = f"{row['width']}x{row['height']}"
        for kind in ("init", "mask"):
            if kind in row:
                row[kind] = f"inputs/{row[kind]}-{size}.png"
        if "latents" in row:
            row["latents"] = "inputs/noise.safetensors"
        if "loras" in row:
            row["loras"] = [{**lora, "file": f"inputs/{lora['file']}.safetensors"} for lora in row["loras"]]
        if "controls" in row:
            row["controls"] = [{**c, "image": f"inputs/{c['image']}-{size}.png"} for c in row["controls"]]
    goldens_io.save_index(folder / "index.json", table)
