#!/usr/bin/env python3
"""Runs `sluice paint` over the goldens' pictures and prints a table; exit status 1 when one is beyond its bounds.

  check_paint.py --models DIR [--only NAME] [--precision fp32]
  check_paint.py --models DIR --model-file FILE --only classic   the same model from another file or folder
Bounds: final latents max|a-b| / max|b| 1e-3 (fp32), 5e-3 (fp16); the picture's PSNR 65 and 57 dB.
"""

import argparse
import json
import pathlib
import sys
import tempfile
import time

import check_probe
import compare

BOUNDS = {"fp32": (1e-3, 65.0), "fp16": (5e-3, 57.0)}


def arguments(row: dict, folder: pathlib.Path, models: pathlib.Path, model_file=None) -> list[str]:
    model = models / row["model"]
    result = [
        "--model",
        str(model_file or model),
        "--prompt",
        row["prompt"],
        "--negative",
        row["negative"],
        "--size",
        f"{row['width']}x{row['height']}",
        "--steps",
        str(row["steps"]),
        "--cfg",
        str(row["cfg"]),
        "--sampler",
        row["sampler"],
        "--schedule",
        row["schedule"],
        "--seed",
        str(row["seed"]),
    ]
    for control in row.get("controls", []):
        result += [
            "--control",
            f"edge={folder / control['image']},strength={control['strength']},"
            f"start={control['start']},end={control['end']},model={model / control['model']}",
        ]
    for name in ("latents", "init", "mask"):
        if name in row:
            result += [f"--{name}", str(folder / row[name])]
    if "strength" in row:
        result += ["--strength", str(row["strength"])]
    for lora in row.get("loras", []):
        result += ["--lora", f"{folder / lora['file']},{lora['strength']}"]
    if "syntax" in row:
        result += ["--prompt-syntax", row["syntax"]]
    if "clip_skip" in row:
        result += ["--clip-skip", str(row["clip_skip"])]
    return result


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    check_probe.common(parser)
    parser.add_argument("--model-file", help="in place of --models' folder of that name")
    parser.add_argument("--goldens", type=pathlib.Path, default=check_probe.GOLDENS / "paint")
    options = parser.parse_args()
    folder, failed, total = options.goldens, 0, 0
    print(f"{'case':28} {'storage':7} {'latents':>9} {'bound':>7} {'PSNR':>7} {'bound':>6} {'seconds':>8}")
    for row in json.loads((folder / "index.json").read_text()):
        if options.only and options.only not in row["name"]:
            continue
        for precision in options.precision:
            with tempfile.TemporaryDirectory() as temporary:
                picture, latents = (
                    str(pathlib.Path(temporary) / n) for n in ("out.png", "latents.safetensors")
                )
                begin = time.monotonic()
                event, problem = check_probe.run(
                    [
                        options.sluice,
                        "paint",
                        *arguments(row, folder, options.models, options.model_file),
                        "--out",
                        picture,
                        "--save-latents",
                        latents,
                        *check_probe.flags(options, precision),
                    ]
                )
                seconds = event.get("seconds", time.monotonic() - begin)
                error, quality = float("inf"), float("-inf")
                if not problem:
                    error = compare.worst(
                        compare.load(latents), compare.load(folder / f"{row['name']}.safetensors")
                    )
                    quality = compare.psnr(picture, folder / f"{row['name']}.png")
            most, least = BOUNDS[precision]
            good = error <= most and quality >= least
            total, failed = total + 1, failed + (not good)
            print(
                f"{row['name']:28} {precision:7} {error:9.2e} {most:7.0e} {quality:7.1f} {least:6.0f} {seconds:8.2f} "
                f"{'ok' if good else 'FAILED ' + problem}",
                flush=True,
            )
    print(f"{total - failed} passed, {failed} failed")
    sys.exit(failed > 0 or total == 0)


if __name__ == "__main__":
    main()
