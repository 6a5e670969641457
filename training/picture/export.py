"""Writes the trained family as a diffusers folder: fp16, one safetensors file a network, each below 15 MiB.

    python export.py --weights DIR --out resources/models/NAME [--vocab BPE.txt.gz]

DIR is train.py's --out. The ControlNets become folders beside NAME. The tokenizer is CLIP's; its vocabulary is the one that the studio ships, so tokenizer/
holds only its configuration unless --vocab asks for vocab.json and merges.txt as well.
"""
import argparse
import json
import os
import shutil

from safetensors import safe_open

import networks as N
from tokenizer import Tokenizer

LIMIT = 15 * 2**20
SCHEDULER = {
    "_class_name": "PNDMScheduler", "_diffusers_version": "0.6.0", "beta_end": 0.012, "beta_schedule": "scaled_linear",
    "beta_start": 0.00085, "num_train_timesteps": 1000, "set_alpha_to_one": False, "skip_prk_steps": True,
    "steps_offset": 1, "trained_betas": None, "clip_sample": False,
}
TEXT = {**N.TEXT, "architectures": ["CLIPTextModel"], "model_type": "clip_text_model", "hidden_act": "quick_gelu",
        "layer_norm_eps": 1e-05, "attention_dropout": 0.0, "dropout": 0.0, "bos_token_id": 0, "eos_token_id": 2,
        "pad_token_id": 1, "projection_dim": N.TEXT["hidden_size"], "torch_dtype": "float16"}
TOKENIZER = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "do_lower_case": True, "add_prefix_space": False,
             "bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>",
             "pad_token": "<|endoftext|>", "errors": "replace"}
INDEX = {
    "_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.6.0", "feature_extractor": [None, None],
    "requires_safety_checker": False, "safety_checker": [None, None], "scheduler": ["diffusers", "PNDMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"],
}


def write(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        json.dump(value, f, indent=2)
        f.write("\n")


def configuration(net):
    """A network's configuration as diffusers saves it, less its notes about defaults."""
    return {"_class_name": type(net).__name__, "_diffusers_version": "0.42.1",
            **{k: v for k, v in net.config.items() if not k.startswith("_")}}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--weights", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--vocab")
    a = p.parse_args()
    parts = {"vae": ("vae", "diffusion_pytorch_model", configuration(N.make_vae())),
             "unet": ("unet", "diffusion_pytorch_model", configuration(N.make_unet())),
             "text": ("text_encoder", "model", TEXT),
             "scribble": ("../controlnet-scribble", "diffusion_pytorch_model", configuration(N.make_controlnet())),
             "canny": ("../controlnet-canny", "diffusion_pytorch_model", configuration(N.make_controlnet()))}
    total = 0
    for name, (folder, stem, config) in parts.items():
        source = f"{a.weights}/{name}.safetensors"
        if not os.path.exists(source):
            raise SystemExit(f"{source}: expected the weights of {folder}, found no file; train that stage first")
        size = os.path.getsize(source)
        if size > LIMIT:
            raise SystemExit(f"{source}: expected at most {LIMIT} bytes, found {size}; narrow the network")
        with safe_open(source, "pt") as f:
            kinds = {f.get_slice(k).get_dtype() for k in f.keys()}
        if kinds != {"F16"}:
            raise SystemExit(f"{source}: expected fp16 tensors only, found {sorted(kinds)}")
        write(f"{a.out}/{folder}/config.json", config)
        shutil.copyfile(source, f"{a.out}/{folder}/{stem}.safetensors")
        total += size
    write(f"{a.out}/model_index.json", INDEX)
    write(f"{a.out}/scheduler/scheduler_config.json", SCHEDULER)
    write(f"{a.out}/tokenizer/tokenizer_config.json", TOKENIZER)
    if a.vocab:
        t = Tokenizer(a.vocab)
        with open(f"{a.out}/tokenizer/vocab.json", "w") as f:
            json.dump(t.ids, f, ensure_ascii=False)
        with open(f"{a.out}/tokenizer/merges.txt", "w") as f:
            f.write("#version: 0.2\n" + "".join(f"{x} {y}\n" for x, y in t.rank))
    print(f"{a.out}: {total / 2**20:.1f} MiB of weights")


if __name__ == "__main__":
    main()
