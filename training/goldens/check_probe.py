#!/usr/bin/env python3
"""Runs `sluice probe` over the goldens and prints a table; exit status 1 when a case is beyond its bound.

  check_probe.py --models DIR                       the committed goldens, on models that make_models.py wrote to DIR
  check_probe.py --models DIR --goldens FULL        those that `make_goldens.py full-all --to FULL` wrote
Bounds on max|a-b| / max|b| of every tensor: fp32 1e-3; fp16 5e-3, the VAE 1e-2.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import compare

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
GOLDENS = REPOSITORY / "native/engine/testdata/goldens"


def bound(network: str, precision: str) -> float:
    return 1e-3 if precision == "fp32" else 1e-2 if network.startswith("vae") else 5e-3


def last_event(text: str) -> dict:
    lines = [line for line in text.splitlines() if line.startswith("{")]
    return json.loads(lines[-1]) if lines else {}


def run(command: list[str]) -> tuple[dict, str]:
    """The `done` event and "", or {} and what went wrong."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    event = last_event(result.stdout)
    if result.returncode != 0 or event.get("event") != "done":
        return {}, event.get("message") or result.stderr.strip()[-200:] or f"exit status {result.returncode}"
    return event, ""


def common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sluice", default=str(REPOSITORY / "sluice"))
    parser.add_argument("--models", type=pathlib.Path, required=True, help="folder with tiny/, odd/, …")
    parser.add_argument("--precision", nargs="+", default=["fp32", "fp16"], choices=["fp32", "fp16"])
    parser.add_argument("--device")
    parser.add_argument("--vram")
    parser.add_argument("--only", help="part of a case's name")


def flags(options, precision: str) -> list[str]:
    result = ["--json", "--precision", precision]
    for name in ("device", "vram"):
        if getattr(options, name):
            result += [f"--{name}", getattr(options, name)]
    return result


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    common(parser)
    parser.add_argument(
        "--goldens", type=pathlib.Path, nargs="+", default=[GOLDENS / "probe", GOLDENS / "full"]
    )
    options = parser.parse_args()
    failed = total = 0
    print(f"{'case':44} {'storage':7} {'worst':>9} {'bound':>7} {'seconds':>8} {'MiB':>7}")
    for folder in options.goldens:
        for row in json.loads((folder / "index.json").read_text()):
            if options.only and options.only not in row["name"]:
                continue
            if not (options.models / row["model"]).is_dir():
                print(f"{row['name']:44} left out: no {options.models / row['model']}")
                continue
            for precision in options.precision:
                with tempfile.TemporaryDirectory() as temporary:
                    out = pathlib.Path(temporary) / "out.safetensors"
                    begin = time.monotonic()
                    event, problem = run(
                        [
                            options.sluice,
                            "probe",
                            row["network"],
                            "--model",
                            str(options.models / row["model"] / row["component"]),
                            "--in",
                            str(folder / f"{row['name']}.in.safetensors"),
                            "--out",
                            str(out),
                            *flags(options, precision),
                        ]
                    )
                    seconds = event.get("seconds", time.monotonic() - begin)
                    error = float("inf")
                    if not problem:
                        error = compare.worst(
                            compare.load(out), compare.load(folder / f"{row['name']}.out.safetensors")
                        )
                limit = bound(row["network"], precision)
                good = error <= limit
                total, failed = total + 1, failed + (not good)
                print(
                    f"{row['name']:44} {precision:7} {error:9.2e} {limit:7.0e} {seconds:8.2f} "
                    f"{event.get('peak_device_bytes', 0) / 2**20:7.1f} {'ok' if good else 'FAILED ' + problem}",
                    flush=True,
                )
    print(f"{total - failed} passed, {failed} failed")
    sys.exit(failed > 0 or total == 0)


if __name__ == "__main__":
    main()
