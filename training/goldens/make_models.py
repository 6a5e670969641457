#!/usr/bin/env python3
"""Writes the seeded models in any published layout.

make_models.py --specifications                       rewrites native/engine/testdata/models/
make_models.py tiny odd --to DIR                      diffusers folders DIR/tiny, DIR/odd
make_models.py tiny --to DIR --layout original        DIR/tiny.safetensors (SD) + DIR/tiny-controlnet.safetensors
make_models.py tiny --to DIR --every-layout           one folder or file a layout, named tiny-<layout>
"""

import argparse
import json
import pathlib
import tempfile
import zlib

import torch

import layouts
import networks

STEMS = {
    "text_encoder": "model",
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "controlnet": "diffusion_pytorch_model",
}
DTYPES = {"fp16": torch.float16, "fp32": torch.float32, "bf16": torch.bfloat16}
FOLDER_LAYOUTS = ["folder", "variant", "bin", "sharded", "transformers5", "published"]


def component_weights(model, component, dtype, layout):
    weights = {k: v.to(dtype) for k, v in networks.weights(model, component).items()}
    if component == "text_encoder":
        if layout == "transformers5":
            weights = {k.removeprefix("text_model."): v for k, v in weights.items()}
        if layout == "published":
            weights["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    if component == "vae" and layout == "published":
        for new, old in layouts.OLD_ATTENTION.items():
            weights = {
                k.replace(f"attentions.0.{new}.", f"attentions.0.{old}."): v for k, v in weights.items()
            }
    return weights


def write_folder(model, folder, dtype, layout, components, bpe):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model_index.json").write_text(json.dumps(networks.MODEL_INDEX, indent=2))
    (folder / "scheduler").mkdir(exist_ok=True)
    (folder / "scheduler/scheduler_config.json").write_text(json.dumps(networks.SCHEDULER, indent=2))
    for component in components:
        where = folder / component
        where.mkdir(exist_ok=True)
        (where / "config.json").write_text(json.dumps(networks.CONFIGS[model][component], indent=2))
        weights = component_weights(model, component, dtype, layout)
        stem = STEMS[component.split("-")[0]]
        if layout == "variant":
            layouts.save_safetensors(where / f"{stem}.fp16.safetensors", weights)
        elif layout == "bin":
            name = "pytorch_model.bin" if component == "text_encoder" else f"{stem}.bin"
            layouts.save_torch(where / name, weights, wrapped=False)
        elif layout == "sharded":
            layouts.save_shards(where, stem, weights, 3)
        else:
            layouts.save_safetensors(where / f"{stem}.safetensors", weights)
    if bpe:
        layouts.save_tokenizer(folder / "tokenizer", bpe, single_file=layout == "transformers5")


def original_weights(model, dtype):
    result = {}
    for component in ("unet", "vae", "text_encoder"):
        weights = {k: v.to(dtype) for k, v in networks.weights(model, component).items()}
        result |= layouts.original(component, weights)
    result[layouts.TEXT + "text_model.embeddings.position_ids"] = torch.arange(77)[None]
    return result


def write_original(model, to, name, dtype, pickled):
    weights = original_weights(model, dtype)
    if pickled:
        layouts.save_torch(to / f"{name}.ckpt", weights, wrapped=True)
    else:
        layouts.save_safetensors(to / f"{name}.safetensors", weights)
    for component in networks.CONFIGS[model]:
        if component.startswith("controlnet"):
            control = {k: v.to(dtype) for k, v in networks.weights(model, component).items()}
            control = layouts.original(component, control)
            if pickled:
                layouts.save_torch(to / f"{name}-{component}.pth", control, wrapped=False)
            else:
                layouts.save_safetensors(to / f"{name}-{component}.safetensors", control)


def write_checksums():
    """CRC-32 of the files that the C++ generator must write too."""
    lines = []
    with tempfile.TemporaryDirectory() as temporary:
        for model in ("tiny", "classic"):
            folder = pathlib.Path(temporary) / model
            write_folder(model, folder, torch.float16, "folder", list(networks.CONFIGS[model]), None)
            for file in sorted(folder.glob("*/*.safetensors")):
                lines.append(f"{model}/{file.relative_to(folder)} {zlib.crc32(file.read_bytes())}\n")
    (networks.TESTDATA / "models/checksums.txt").write_text("".join(lines))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", metavar="MODEL", help=", ".join(networks.CONFIGS))
    parser.add_argument("--to", type=pathlib.Path)
    parser.add_argument("--layout", choices=[*FOLDER_LAYOUTS, "original", "ckpt"], default="folder")
    parser.add_argument("--every-layout", action="store_true")
    parser.add_argument("--dtype", choices=DTYPES, default="fp16")
    parser.add_argument("--components", nargs="+", help="only these (default: all)")
    parser.add_argument("--bpe", type=pathlib.Path, help="bpe_simple_vocab_16e6.txt.gz: adds the tokenizer")
    parser.add_argument("--specifications", action="store_true")
    options = parser.parse_args()
    if unknown := [m for m in options.models if m not in networks.CONFIGS]:
        parser.error(f"unknown models {unknown}; there are {list(networks.CONFIGS)}")
    if options.specifications:
        for model in networks.CONFIGS:
            networks.write_specification(model, networks.TESTDATA / "models" / f"{model}.json")
        names = {}
        for component in ("text_encoder", "unet", "vae", "controlnet"):
            for model in networks.CONFIGS:
                for name, *_ in networks.tensor_list(model, component):
                    names[f"{component}/{name}"] = layouts.original_name(component, name)
        (networks.TESTDATA / "models/original_names.txt").write_text(
            "".join(f"{k} {v}\n" for k, v in sorted(names.items()))
        )
        write_checksums()
    if options.models and not options.to:
        parser.error("--to DIR is needed")
    for model in options.models:
        components = options.components or list(networks.CONFIGS[model])
        dtype = DTYPES[options.dtype]
        chosen = [*FOLDER_LAYOUTS, "original", "ckpt"] if options.every_layout else [options.layout]
        for layout in chosen:
            name = f"{model}-{layout}" if options.every_layout else model
            if layout in FOLDER_LAYOUTS:
                write_folder(model, options.to / name, dtype, layout, components, options.bpe)
            else:
                options.to.mkdir(parents=True, exist_ok=True)
                write_original(model, options.to, name, dtype, layout == "ckpt")
            print(options.to / name, flush=True)


if __name__ == "__main__":
    main()
