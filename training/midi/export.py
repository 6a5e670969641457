"""Writes the folder that the application loads, at 16 bits or at 8 (docs/midi-model-format.md).

    python export.py --from OUT --to resources/models/midi-small [--bits 8]

It changes no weight beyond rounding it.
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from checkpoint import load_checkpoint


def quantised(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Matrices as symmetric 8-bit rows with a float32 scale each; norms as they are, at float32."""
    out = {}
    for name, value in state.items():
        value = value.detach().float().cpu()
        if value.dim() != 2:
            out[name] = value.contiguous()
            continue
        top = value.abs().amax(1)
        scale = torch.where(top > 0, top / 127, torch.ones_like(top))
        out[name] = (value / scale[:, None]).round().clamp(-127, 127).to(torch.int8).contiguous()
        out[name + ".scale"] = scale.contiguous()
    return out


def restored(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The float weights that the 8-bit ones stand for."""
    return {
        name: value.float() * state[name + ".scale"][:, None] if value.dtype == torch.int8 else value.float()
        for name, value in state.items()
        if not name.endswith(".scale")
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="source", type=Path, required=True, help="the folder that train.py wrote")
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--bits", type=int, choices=(8, 16), default=8)
    args = parser.parse_args()
    state = load_checkpoint(args.source)
    args.to.mkdir(parents=True, exist_ok=True)
    config = json.loads((args.source / "config.json").read_text())
    if args.bits == 8:
        config.pop("torch_dtype", None)
        state = quantised(state)
    target = args.to / "model.safetensors"
    save_file(state, target, metadata={"format": "pt"})
    (args.to / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    print(f"{target}: {target.stat().st_size} bytes, {args.bits} bits")


if __name__ == "__main__":
    main()
