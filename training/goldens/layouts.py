"""Names in the original (CompVis, single-file) layout, and writers for every layout in which models are published."""

import gzip
import json
import pathlib
import re
import struct

import torch

TEXT = "cond_stage_model.transformer."
UNET = "model.diffusion_model."
VAE = "first_stage_model."
CONTROL = "control_model."
DTYPES = {torch.float16: "F16", torch.float32: "F32", torch.bfloat16: "BF16", torch.int64: "I64"}

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
# Before diffusers 0.13 the VAE's attention was named so, and published folders still are.
OLD_ATTENTION = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def _part(rest: str) -> str:
    """`resnets.0.norm1.weight` and the like without the list index, in the original's words."""
    kind, _, tail = rest.partition(".")
    if kind == "resnets":
        module, end = tail.rsplit(".", 1)
        return f"{RESNET[module]}.{end}"
    return tail


def unet_name(name: str) -> str:
    """diffusers' UNet or ControlNet tensor name to the original's, without the network's prefix."""
    top = {
        "conv_in": "input_blocks.0.0",
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
        "controlnet_mid_block": "middle_block_out.0",
    }
    module, end = name.rsplit(".", 1)
    if module in top:
        return f"{top[module]}.{end}"
    if m := re.fullmatch(r"controlnet_down_blocks\.(\d+)", module):
        return f"zero_convs.{m[1]}.0.{end}"
    if m := re.fullmatch(r"controlnet_cond_embedding\.(conv_in|conv_out|blocks\.(\d+))", module):
        index = 0 if m[1] == "conv_in" else 14 if m[1] == "conv_out" else 2 + 2 * int(m[2])
        return f"input_hint_block.{index}.{end}"
    if m := re.fullmatch(r"mid_block\.(resnets|attentions)\.(\d)\.(.*)", name):
        index = 1 if m[1] == "attentions" else 2 * int(m[2])
        return f"middle_block.{index}." + _part(f"{m[1]}.{m[3]}")
    m = re.fullmatch(
        r"(down|up)_blocks\.(\d)\.(resnets|attentions|downsamplers|upsamplers)\.(\d)\.(.*)", name
    )
    side, level, kind, index, rest = m[1], int(m[2]), m[3], int(m[4]), m[5]
    if side == "down":
        if kind == "downsamplers":
            return f"input_blocks.{3 * level + 3}.0.op.{end}"
        return f"input_blocks.{3 * level + 1 + index}.{int(kind == 'attentions')}." + _part(f"{kind}.{rest}")
    if kind == "upsamplers":  # after the attention where the level has one
        return f"output_blocks.{3 * level + 2}.{1 if level == 0 else 2}.conv.{end}"
    return f"output_blocks.{3 * level + index}.{int(kind == 'attentions')}." + _part(f"{kind}.{rest}")


def vae_name(name: str) -> str:
    name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    if m := re.fullmatch(r"(encoder|decoder)\.mid_block\.attentions\.0\.(.*)\.(weight|bias)", name):
        return f"{m[1]}.mid.attn_1.{VAE_ATTENTION[m[2]]}.{m[3]}"
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    name = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets", lambda m: f"up.{3 - int(m[1])}.block", name)
    return re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{3 - int(m[1])}.upsample", name)


def original_name(component: str, name: str) -> str:
    if component == "text_encoder":
        return TEXT + name
    if component == "vae":
        return VAE + vae_name(name)
    return (UNET if component == "unet" else CONTROL) + unet_name(name)


def original(component: str, weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors in the original layout; the VAE's attention was made of 1x1 convolutions there."""
    result = {}
    for name, value in weights.items():
        if component == "vae" and ".mid_block.attentions." in name and value.ndim == 2:
            value = value[:, :, None, None]
        result[original_name(component, name)] = value
    return result


def save_safetensors(path: pathlib.Path, tensors: dict[str, torch.Tensor]) -> None:
    """In the given order, as native/engine/core/seeded_weights.cpp writes it, byte for byte."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, value in tensors.items():
        size = value.numel() * value.element_size()
        header[name] = {
            "dtype": DTYPES[value.dtype],
            "shape": list(value.shape),
            "data_offsets": [offset, offset + size],
        }
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for value in tensors.values():
            value = value.contiguous()
            file.write(
                (value.view(torch.int16) if value.dtype == torch.bfloat16 else value).numpy().tobytes()
            )


def save_torch(path: pathlib.Path, tensors: dict[str, torch.Tensor], wrapped: bool) -> None:
    """`.bin` or `.ckpt`; wrapped as Lightning does it, under `state_dict` beside training's leftovers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {k: v.clone() for k, v in tensors.items()}
    if wrapped:
        content = {
            "epoch": 6,
            "global_step": 470000,
            "pytorch-lightning_version": "1.4.2",
            "state_dict": {"betas": torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2, **content},
        }
    torch.save(content, path)


def save_shards(folder: pathlib.Path, stem: str, tensors: dict[str, torch.Tensor], count: int) -> None:
    names = list(tensors)
    index = {
        "metadata": {"total_size": sum(v.numel() * v.element_size() for v in tensors.values())},
        "weight_map": {},
    }
    for part in range(count):
        file = f"{stem}-{part + 1:05d}-of-{count:05d}.safetensors"
        chosen = names[part::count]
        save_safetensors(folder / file, {n: tensors[n] for n in chosen})
        index["weight_map"] |= {n: file for n in chosen}
    (folder / f"{stem}.safetensors.index.json").write_text(json.dumps(index, indent=1))


def vocabulary(bpe_path: pathlib.Path) -> tuple[dict[str, int], list[str]]:
    """vocab.json's and merges.txt's content from open_clip_torch's bpe_simple_vocab_16e6.txt.gz."""
    with gzip.open(bpe_path) as file:
        lines = file.read().decode("utf-8").split("\n")
    merges = lines[1 : 49152 - 256 - 2 + 1]
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in printable]
    characters = [chr(b) for b in printable] + [chr(256 + n) for n in range(len(rest))]
    words = characters + [c + "</w>" for c in characters]
    words += ["".join(m.split()) for m in merges] + ["<|startoftext|>", "<|endoftext|>"]
    return {word: i for i, word in enumerate(words)}, merges


def save_tokenizer(folder: pathlib.Path, bpe_path: pathlib.Path, single_file: bool) -> None:
    """As published (vocab.json, merges.txt), or as transformers 5 saves it (tokenizer.json alone)."""
    words, merges = vocabulary(bpe_path)
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "tokenizer_class": "CLIPTokenizer",
        "bos_token": "<|startoftext|>",
        "eos_token": "<|endoftext|>",
        "unk_token": "<|endoftext|>",
        "pad_token": "<|endoftext|>",
        "model_max_length": 77,
        "do_lower_case": True,
        "add_prefix_space": False,
        "errors": "replace",
    }
    if single_file:
        import tempfile

        from transformers import CLIPTokenizer

        with tempfile.TemporaryDirectory() as temporary:
            save_tokenizer(pathlib.Path(temporary), bpe_path, False)
            CLIPTokenizer.from_pretrained(temporary).save_pretrained(folder)
        return
    (folder / "vocab.json").write_text(json.dumps(words, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1))
    special = {k: config[k] for k in ("bos_token", "eos_token", "unk_token", "pad_token")}
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=1))
