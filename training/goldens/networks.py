"""The seeded models: configurations, tensor lists, and PyTorch modules filled from the seed.

`tiny` is small enough for whole pictures on a processor, `odd` and `odd2` have the widths, head counts and head
sizes that nobody ships, `sd15` has Stable Diffusion 1.5's true shapes.
"""

import functools
import json
import math
import pathlib
import warnings

import torch
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

import seeded

warnings.filterwarnings("ignore", category=FutureWarning)

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
TESTDATA = REPOSITORY / "native/engine/testdata"
DOWN = ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"]
UP = ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3


def _shape(unet, heads, cross, hint, vae, text):
    shared = {
        "in_channels": 4,
        "layers_per_block": 2,
        "block_out_channels": unet,
        "down_block_types": DOWN,
        "attention_head_dim": heads,
        "cross_attention_dim": cross,
        "norm_num_groups": 32,
        "norm_eps": 1e-5,
        "act_fn": "silu",
        "downsample_padding": 1,
        "mid_block_scale_factor": 1,
        "flip_sin_to_cos": True,
        "freq_shift": 0,
    }
    control = {
        "_class_name": "ControlNetModel",
        "_diffusers_version": "0.42.1",
        **shared,
        "conditioning_embedding_out_channels": hint,
        "controlnet_conditioning_channel_order": "rgb",
    }
    return {
        "text_encoder": {
            "architectures": ["CLIPTextModel"],
            "model_type": "clip_text_model",
            "attention_dropout": 0.0,
            "bos_token_id": 49406,
            "eos_token_id": 49407,
            "pad_token_id": 1,
            "hidden_act": "quick_gelu",
            "layer_norm_eps": 1e-5,
            "max_position_embeddings": 77,
            "vocab_size": 49408,
            "projection_dim": 768,
            "torch_dtype": "float16",
            **text,
        },
        "unet": {
            "_class_name": "UNet2DConditionModel",
            "_diffusers_version": "0.42.1",
            "sample_size": 64,
            "center_input_sample": False,
            "out_channels": 4,
            "up_block_types": UP,
            **shared,
        },
        "controlnet": control,
        "controlnet-b": control,
        "vae": {
            "_class_name": "AutoencoderKL",
            "_diffusers_version": "0.42.1",
            "in_channels": 3,
            "out_channels": 3,
            "down_block_types": ["DownEncoderBlock2D"] * 4,
            "up_block_types": ["UpDecoderBlock2D"] * 4,
            "block_out_channels": vae,
            "layers_per_block": 2,
            "act_fn": "silu",
            "latent_channels": 4,
            "norm_num_groups": 32,
            "sample_size": 512,
            "scaling_factor": 0.18215,
        },
    }


def _text(width, layers, heads, **more):
    return {
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        **more,
    }


SEEDS = {"tiny": 1, "odd": 2, "odd2": 3, "sd15": 4, "classic": 5}
CONFIGS = {
    # head sizes 8 and 16; text 8; VAE 64
    "tiny": _shape([32, 64, 64, 64], 4, 32, [16, 32, 48, 64], [32, 32, 64, 64], _text(32, 2, 4)),
    # head sizes 8, 24, 40, 40; text 24; VAE 160
    "odd": _shape([32, 96, 160, 160], 4, 48, [8, 24, 40, 72], [32, 64, 96, 160], _text(48, 3, 2)),
    # head counts by level: sizes 8, 64, 48, 128; text 20 wide heads with the exact GELU and a cut vocabulary
    "odd2": _shape(
        [64, 128, 192, 256],
        [8, 2, 4, 2],
        80,
        [16, 32, 96, 256],
        [64, 32, 32, 96],
        _text(80, 2, 5, vocab_size=1000, hidden_act="gelu", bos_token_id=998, eos_token_id=999),
    ),
    # small, with the counts that a single file leaves unsaid and readers assume: 8 heads, text heads of size 64
    "classic": _shape([64, 128, 128, 128], 8, 64, [16, 32, 48, 64], [32, 32, 64, 64], _text(64, 2, 1)),
    "sd15": _shape(
        [320, 640, 1280, 1280], 8, 768, [16, 32, 96, 256], [128, 256, 512, 512], _text(768, 12, 12)
    ),
}
for _model in ("odd", "odd2", "classic", "sd15"):
    del CONFIGS[_model]["controlnet-b"]
for _model in ("tiny", "classic"):
    CONFIGS[_model]["unet"]["sample_size"] = 16  # their own picture size is 128x128

# As the published Stable Diffusion 1.5 folder has it: no timestep_spacing, no prediction_type.
SCHEDULER = {
    "_class_name": "PNDMScheduler",
    "_diffusers_version": "0.6.0",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "num_train_timesteps": 1000,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
    "clip_sample": False,
}
MODEL_INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "_diffusers_version": "0.42.1",
    "feature_extractor": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "PNDMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


def empty_module(component: str, config: dict) -> torch.nn.Module:
    kind = component.split("-")[0]
    if kind == "text_encoder":
        return CLIPTextModel(CLIPTextConfig(**config))
    cls = {"unet": UNet2DConditionModel, "controlnet": ControlNetModel, "vae": AutoencoderKL}[kind]
    with torch.device("meta"):
        return cls.from_config({k: tuple(v) if isinstance(v, list) else v for k, v in config.items()})


def published_name(component: str, name: str) -> str:
    """The name in published files: transformers 5 drops the text encoder's `text_model.` prefix."""
    return (
        "text_model." + name if component == "text_encoder" and not name.startswith("text_model.") else name
    )


# Gains over the variance-preserving uniform width, by the end of the name; the rest take 1.
GAINS = [
    ("attn1.to_q.weight", 1.4),
    ("attn2.to_q.weight", 1.8),
    ("unet:conv_out.weight", 0.45),
    ("vae:decoder.conv_out.weight", 0.4),
    ("vae:quant_conv.weight", 2.0),
    ("cond_embedding.conv_out.weight", 3.0),
    ("controlnet_mid_block.weight", 0.5),
]


def distribution(component: str, name: str, shape) -> tuple[int, int]:
    """Centre and half-width, in 1/65536: activations stay O(1), in fp16 too, and nothing is left at zero."""
    if len(shape) == 1:
        norm = name.endswith("weight")
        return (seeded.UNIT, seeded.UNIT // 4) if norm else (0, seeded.UNIT // 10)
    if "embeddings.token" in name:
        return 0, seeded.UNIT
    if "embeddings.position" in name:
        return 0, seeded.UNIT // 3
    gain = 0.5 if "controlnet_down_blocks" in name else 1.8 if "cond_embedding" in name else 1.0
    for pattern, value in GAINS:
        where, _, end = pattern.rpartition(":")
        if component.startswith(where) and name.endswith(end):
            gain = value
    return 0, round(seeded.UNIT * gain * math.sqrt(3 / math.prod(shape[1:])))


@functools.lru_cache
def tensor_list(model: str, component: str) -> list[tuple[str, tuple, int, int]]:
    module = empty_module(component, CONFIGS[model][component])
    rows = []
    for name, value in module.state_dict().items():
        if name.endswith("position_ids"):
            continue
        name = published_name(component, name)
        rows.append((name, tuple(value.shape), *distribution(component, name, value.shape)))
    return rows


def weights(model: str, component: str) -> dict[str, torch.Tensor]:
    """float32 tensors (values exact in float16) by published name."""
    return {
        name: torch.from_numpy(seeded.tensor(SEEDS[model], component, name, shape, centre, half))
        for name, shape, centre, half in tensor_list(model, component)
    }


def module(model: str, component: str) -> torch.nn.Module:
    result = empty_module(component, CONFIGS[model][component])
    own = {published_name(component, name): name for name in result.state_dict()}
    state = {own[name]: value for name, value in weights(model, component).items()}
    missing, unexpected = result.load_state_dict(state, strict=False, assign=True)
    if unexpected or any(not name.endswith("position_ids") for name in missing):
        raise RuntimeError(f"{model}/{component}: missing {missing}, unexpected {unexpected}")
    return result.eval().requires_grad_(False)


def write_specification(model: str, path: pathlib.Path) -> None:
    """What native/engine/core/seeded_weights.cpp reads: `[name, shape, centre, half-width]` a tensor."""
    head = {
        "seed": SEEDS[model],
        "files": {"model_index.json": MODEL_INDEX, "scheduler/scheduler_config.json": SCHEDULER},
    }
    parts = []
    for component, config in CONFIGS[model].items():
        rows = ",\n".join(
            json.dumps([n, list(s), c, h], separators=(",", ":"))
            for n, s, c, h in tensor_list(model, component)
        )
        parts.append(f'"{component}":{{"config":{json.dumps(config)},\n"tensors":[\n{rows}\n]}}')
    text = json.dumps(head)[:-1] + ',\n"components":{\n' + ",\n".join(parts) + "\n}}\n"
    json.loads(text)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
