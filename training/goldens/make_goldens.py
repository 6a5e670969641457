#!/usr/bin/env python3
"""Makes the golden files under native/engine/testdata/goldens/ with diffusers, transformers and PyTorch.

make_goldens.py probe                 forward passes of the small networks
make_goldens.py full                  one UNet pass at SD 1.5's true shapes
make_goldens.py samplers noise resize  schedulers on a made-up network; PyTorch's generator; Pillow's Lanczos
make_goldens.py tokenizer --bpe FILE  CLIP's tokenizer
make_goldens.py paint --bpe FILE      whole pictures on the small models
make_goldens.py cross-check --bpe FILE  has diffusers' own pipelines confirm them; writes nothing
make_goldens.py full-all --to DIR     every network at the true shapes, for check_probe.py (not committed)
"""

import argparse
import pathlib
import shutil

import torch

import goldens_io


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "what",
        nargs="+",
        choices=[
            "probe",
            "full",
            "samplers",
            "noise",
            "resize",
            "tokenizer",
            "paint",
            "cross-check",
            "full-all",
        ],
    )
    parser.add_argument("--to", type=pathlib.Path, help="folder for full-all")
    parser.add_argument("--bpe", type=pathlib.Path, help="bpe_simple_vocab_16e6.txt.gz of open_clip_torch")
    options = parser.parse_args()
    torch.use_deterministic_algorithms(True)
    for what in options.what:
        print(what, flush=True)
        if what == "samplers":
            import sampler_goldens

            sampler_goldens.make(goldens_io.ROOT / "samplers")
        elif what == "noise":
            import noise_goldens

            noise_goldens.make(goldens_io.ROOT / "noise")
        elif what == "resize":
            import resize_goldens

            resize_goldens.make(goldens_io.ROOT / "resize")
        elif what in ("tokenizer", "paint", "cross-check"):
            if options.bpe is None:
                parser.error(f"{what} needs --bpe FILE")
            if what == "tokenizer":
                import tokenizer_goldens

                tokenizer_goldens.make(goldens_io.ROOT / "tokenizer", options.bpe)
            elif what == "paint":
                import paint_goldens

                folder = goldens_io.ROOT / "paint"
                shutil.rmtree(folder, ignore_errors=True)
                paint_goldens.make(folder, options.bpe)
            else:
                import cross_check

                if not cross_check.run(options.bpe):
                    raise SystemExit(1)
        elif what in ("probe", "full", "full-all"):
            import probe_goldens

            folder = {"probe": "probe", "full": "full"}.get(what)
            folder = goldens_io.ROOT / folder if folder else options.to
            if folder is None:
                parser.error("full-all needs --to DIR")
            shutil.rmtree(folder, ignore_errors=True)
            rows = (
                probe_goldens.small(folder)
                if what == "probe"
                else probe_goldens.sd15(folder, "committed" if what == "full" else "all")
            )
            goldens_io.save_index(folder / "index.json", rows)


if __name__ == "__main__":
    main()
