#!/usr/bin/env python3
"""Has diffusers and transformers read every layout that make_models.py writes, and compares all tensors.

check_layouts.py DIR     DIR as written by `make_models.py MODEL --to DIR --every-layout`
"""

import pathlib
import sys

import torch
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
from transformers import CLIPTextModel

import networks

CLASSES = {
    "unet": UNet2DConditionModel,
    "vae": AutoencoderKL,
    "text_encoder": CLIPTextModel,
    "controlnet": ControlNetModel,
}


def compare(model, component, module, label):
    expected = networks.weights(model, component)
    found = {networks.published_name(component, k): v for k, v in module.state_dict().items()}
    bad = [n for n, v in expected.items() if n not in found or not torch.equal(found[n].float(), v)]
    print(f"{'ok ' if not bad else 'BAD'} {label} {component}" + (f": {bad[:3]}" if bad else ""))
    return not bad


def main():
    root, good = pathlib.Path(sys.argv[1]), True
    for folder in sorted(p for p in root.iterdir() if p.is_dir()):
        model, _, layout = folder.name.partition("-")
        for component, cls in CLASSES.items():
            more = {"variant": "fp16"} if layout == "variant" else {}
            good &= compare(model, component, cls.from_pretrained(folder / component, **more), folder.name)
    for file in sorted(p for p in root.iterdir() if p.is_file()):
        model = file.name.partition("-")[0]
        control = "controlnet" in file.name
        for component in ["controlnet"] if control else ["unet", "vae"]:
            if "controlnet-b" in file.name:
                continue
            config = str(root / f"{model}-folder" / component)
            module = CLASSES[component].from_single_file(str(file), config=config, local_files_only=True)
            good &= compare(model, component, module, file.name)
    sys.exit(not good)


if __name__ == "__main__":
    main()
