"""Goldens of the tokenizer, the random numbers and the samplers.

Needs torch, transformers and diffusers 0.42.1 on a processor with AVX2. Writes tokenizer.json, random.json and
samplers.json into the folder given:

    python make_sampler_goldens.py resources/tokenizer/bpe_simple_vocab_16e6.txt.gz native/engine/testdata/samplers
"""

import gzip
import json
import random
import sys
from pathlib import Path

import diffusers
import numpy as np
import torch
from transformers import CLIPTokenizer

SD15 = {
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


def clip_tokenizer(merges_gz):
    """transformers' tokenizer over OpenAI's published merges, as SD 1.5 ships it."""
    lines = gzip.open(merges_gz).read().decode().split("\n")
    merges = [tuple(line.split()) for line in lines[1 : 49152 - 256 - 2 + 1]]
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in visible]
    letters = [chr(b) for b in visible] + [chr(256 + i) for i in range(len(hidden))]
    tokens = letters + [c + "</w>" for c in letters] + ["".join(m) for m in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    vocab = {token: i for i, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=77)


def texts():
    """Prompts as people type them, then odd corners, then seeded random Unicode."""
    out = [
        "",
        " ",
        "a photo of a cat",
        "A Photo, of a CAT!!!",
        "masterpiece, best quality, (detailed:1.3), [blurry], {x|y} <lora:foo:0.8>",
        "it's the dog's day; we'll've they're I'm I'd can't 'S 'LL ''s rock'n'roll",
        "4k 8K 1920x1080 3.14159 №5 Ⅻ ½ ²",
        "  many   spaces\tand\nlines\r\n\u00a0\u2003\u3000\u0085x ",
        "naïve café Zoë façade e\u0301 A\u030a \u1e9b\u0323 q\u0323\u0307 q\u0307\u0323",
        "İstanbul ISPARTA ΣΑΣ ÀÉÎ ẞ ǅ ﬁ Å",
        "日本語のテキスト、漢字とカナ。 中文提示词 한국어 프롬프트 \u1112\u1161\u11ab",
        "привет мир русский ЖЁЛТЫЙ ڪتاب हिन्दी ไทย עברית",
        "🎨🖌️👩‍🚀👍🏽🇩🇪 emoji 😀😀😀 a😀b",
        "x <|endoftext|> y",
        "x <|EndOfText|> y<|STARTOFTEXT|>!!",
        "A<|startoftext|>b!!<|endoftext|>!!",
        "<|endoftext|",
        "!!<|startoftext|>",
        "snake_case kebab-case CamelCase http://example.org/?a=1&b=2 C++ #tag @me $5 50% a/b\\c",
        "zero\u200bwidth soft\u00adhyphen bom\ufeff nul\x00 bell\x07 esc\x1b",
        "\u0300leading mark, lone \u0301 marks \u0315\u0300\u05ae",
        "supercalifragilisticexpialidocious pneumonoultramicroscopicsilicovolcanoconiosis",
        "a" * 300,
        "abab" * 60,
        "word " * 200,
        ", ".join(f"thing number {i}" for i in range(40)),
    ]
    rng = random.Random(7)
    alphabets = [
        "abcdefghijklmnopqrstuvwxyz     '',.",
        "ABCdef 0123456789 .,-_'!?()[]:",
        "".join(map(chr, range(0x20, 0x250))),
        "".join(map(chr, range(0x300, 0x590))) + "aei ",
        "".join(c for c in map(chr, range(0x0, 0x3000)) if c.isprintable() or c.isspace()),
        "".join(map(chr, [*range(0x3040, 0x3100), *range(0x4E00, 0x4F00), *range(0xAC00, 0xAD00), 0x20])),
        "".join(map(chr, [*range(0x1F300, 0x1F650), 0x200D, 0xFE0F, 0x20])),
    ]
    for alphabet in alphabets:
        for _ in range(12):
            out.append("".join(rng.choice(alphabet) for _ in range(rng.randint(1, 60))))
    return out


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def floats(values):
    """float32 as the shortest decimals that read back the same."""
    return [float(str(np.float32(v))) for v in np.asarray(values).reshape(-1)]


def random_goldens():
    """Runs of draws from one generator each: values of short ones, a hash of the bytes of long ones."""
    runs = []
    for seed, sizes in [
        (0, [1, 1, 3, 16, 1]),
        (42, [15, 16, 17, 31, 2]),
        (1234567890123, [64]),
        (2**32 + 5, [7, 20]),
        (1, [4 * 64 * 64, 5, 4 * 64 * 64]),
        (2**31 - 1, [4 * 8 * 8, 4 * 96 * 64 + 3]),
    ]:
        generator = torch.Generator("cpu").manual_seed(seed)
        draws = []
        for size in sizes:
            x = torch.randn(size, generator=generator)
            draw = {"size": size, "fnv1a": str(fnv1a(x.numpy().tobytes()))}
            if size <= 64:
                draw["values"] = floats(x)
            draws.append(draw)
        runs.append({"seed": str(seed), "draws": draws})
    return runs


REFERENCES = {
    "euler": diffusers.EulerDiscreteScheduler,
    "euler_a": diffusers.EulerAncestralDiscreteScheduler,
    "ddim": diffusers.DDIMScheduler,
    "dpmpp_2m": diffusers.DPMSolverMultistepScheduler,
}
SCHEDULES = {
    "": {},
    "normal": {},
    "karras": {"use_karras_sigmas": True},
    "exponential": {"use_exponential_sigmas": True},
}
SHAPE = (1, 4, 4, 4)


def model(x, i):
    """Stands in for the UNet: depends on its input, and is the same float32 arithmetic in C++."""
    noise = torch.randn(SHAPE, generator=torch.Generator("cpu").manual_seed(1000 + i))
    return noise * 0.75 + x * 0.25


def run_case(name, sampler, schedule="normal", steps=20, strength=1.0, mask=False, **changes):
    config = {**SD15, **changes}
    config = {k: v for k, v in config.items() if v != "absent"}
    scheduler = REFERENCES[sampler].from_config(dict(config), **SCHEDULES[schedule])
    scheduler.set_timesteps(steps)
    timesteps = scheduler.timesteps
    start = steps - min(int(steps * strength), steps)
    timesteps = timesteps[start:]
    image_to_image = strength < 1 or mask
    if image_to_image and hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(start)
    generator = torch.Generator("cpu").manual_seed(99)
    noise = torch.randn(SHAPE, generator=generator)
    original = torch.randn(SHAPE, generator=torch.Generator("cpu").manual_seed(5)) * 0.5
    keep = (torch.arange(noise.numel()) % 3 == 0).reshape(SHAPE).float()
    if image_to_image:
        x = scheduler.add_noise(original, noise, timesteps[:1])
    else:
        x = noise * scheduler.init_noise_sigma
    case = {
        "name": name,
        "sampler": sampler,
        "schedule": schedule,
        "steps": steps,
        "strength": strength,
        "mask": mask,
        "config": config,
        "timesteps": [float(t) for t in timesteps],
        "init_noise_sigma": float(scheduler.init_noise_sigma),
        "start": floats(x),
    }
    for i, t in enumerate(timesteps):
        model_input = scheduler.scale_model_input(x, t)
        extra = {} if sampler == "ddim" else {"generator": generator}
        result = scheduler.step(model(model_input, i), t, x, **extra)
        x = result.prev_sample
        if mask:
            proper = original
            if i < len(timesteps) - 1:
                proper = scheduler.add_noise(original, noise, torch.tensor([timesteps[i + 1]]))
            x = keep * proper + (1 - keep) * x
        if i == 1:
            case["second"] = floats(x)
            if "pred_original_sample" in result:
                case["second_denoised"] = floats(result.pred_original_sample)
    case["final"] = floats(x)
    assert torch.isfinite(x).all(), name
    return case


def sampler_goldens():
    cases = []
    for sampler in REFERENCES:
        schedules = ["normal", "karras", "exponential"] if sampler in ("euler", "dpmpp_2m") else ["normal"]
        for schedule in schedules:
            cases.append(run_case(f"{sampler} {schedule}", sampler, schedule))
            cases.append(run_case(f"{sampler} {schedule}, 7 steps", sampler, schedule, steps=7))
            cases.append(run_case(f"{sampler} {schedule}, image to image", sampler, schedule, strength=0.6))
            cases.append(run_case(f"{sampler} {schedule}, inpainting", sampler, schedule, strength=0.75, mask=True))
        add = lambda what, **changes: cases.append(run_case(f"{sampler} {what}", sampler, **changes))
        add("30 steps, strength 0.7", steps=30, strength=0.7)
        add("one step", steps=1)
        add("leading", timestep_spacing="leading")
        add("trailing", timestep_spacing="trailing", steps=23)
        add("linspace", timestep_spacing="linspace", steps=11)
        add("velocity", prediction_type="v_prediction")
        add("zero terminal SNR", prediction_type="v_prediction", rescale_betas_zero_snr=True,
            timestep_spacing="trailing")
        add("linear betas, defaults", beta_schedule="absent", beta_start="absent", beta_end="absent",
            set_alpha_to_one="absent", clip_sample="absent", steps_offset="absent")
        add("cosine betas", beta_schedule="squaredcos_cap_v2", timestep_spacing="leading", steps=13)
        if sampler != "euler_a":
            add("predicts the picture", prediction_type="sample")
    cases.append(run_case("euler sigma_min at the end", "euler", "karras", final_sigmas_type="sigma_min"))
    cases.append(run_case("euler log-linear", "euler", interpolation_type="log_linear"))
    cases.append(run_case("euler, karras by configuration", "euler", "", use_karras_sigmas=True))
    cases.append(run_case("ddim clipped", "ddim", clip_sample=True, clip_sample_range=0.8, set_alpha_to_one=True))
    cases.append(run_case("dpmpp_2m sigma_min at the end", "dpmpp_2m", steps=9, final_sigmas_type="sigma_min"))
    cases.append(run_case("dpmpp_2m heun", "dpmpp_2m", "karras", solver_type="heun"))
    cases.append(run_case("dpmpp_2m third order", "dpmpp_2m", "karras", solver_order=3))
    cases.append(run_case("dpmpp_2m third order, few steps", "dpmpp_2m", solver_order=3, steps=8))
    cases.append(run_case("dpmpp_2m first order", "dpmpp_2m", solver_order=1, steps=8))
    cases.append(run_case("dpmpp_2m Euler at the end", "dpmpp_2m", euler_at_final=True, final_sigmas_type="sigma_min"))
    cases.append(run_case("dpmpp_2m clipped lambda", "dpmpp_2m", beta_schedule="squaredcos_cap_v2",
                          lambda_min_clipped=-5.1))
    # Tables alone, at step counts that round in awkward ways.
    tables = []
    for sampler in REFERENCES:
        for schedule in ["normal", "karras"] if sampler in ("euler", "dpmpp_2m") else ["normal"]:
            for spacing in ["linspace", "leading", "trailing"]:
                for steps in [2, 3, 6, 12, 28, 35, 50, 77, 100, 150]:
                    config = {**SD15, "timestep_spacing": spacing}
                    scheduler = REFERENCES[sampler].from_config(dict(config), **SCHEDULES[schedule])
                    scheduler.set_timesteps(steps)
                    values = [float(t) for t in scheduler.timesteps]
                    if steps > 12:
                        values = values[:3] + values[3:-3:9] + values[-3:]
                    tables.append({"sampler": sampler, "schedule": schedule, "spacing": spacing, "steps": steps,
                                   "count": len(scheduler.timesteps), "timesteps": values,
                                   "init_noise_sigma": float(scheduler.init_noise_sigma)})
    return {"cases": cases, "tables": tables}


def write(path, value):
    """One JSON item a line, so that a change shows as a small difference."""
    if isinstance(value, list):
        text = "[\n" + ",\n".join(json.dumps(v) for v in value) + "\n]\n"
    else:
        parts = [json.dumps(k) + ": [\n" + ",\n".join(json.dumps(v) for v in vs) + "\n]" for k, vs in value.items()]
        text = "{\n" + ",\n".join(parts) + "\n}\n"
    Path(path).write_text(text)


def main():
    if diffusers.__version__ != "0.42.1":
        sys.exit(f"diffusers 0.42.1 is the reference, this is {diffusers.__version__}")
    if torch.backends.cpu.get_cpu_capability() == "DEFAULT":
        sys.exit("torch's vector path needs AVX2")
    out = Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = clip_tokenizer(sys.argv[1])
    for t in texts():  # what the test makes of `ids`
        ids = tokenizer(t, add_special_tokens=False)["input_ids"][:75]
        padded = tokenizer(t, padding="max_length", truncation=True, max_length=77)["input_ids"]
        assert padded == [49406, *ids, 49407, *[49407] * (75 - len(ids))]
    write(
        out / "tokenizer.json",
        [
            {
                "text": t,
                "ids": tokenizer(t, add_special_tokens=False)["input_ids"],
            }
            for t in texts()
        ],
    )
    write(out / "random.json", random_goldens())
    write(out / "samplers.json", sampler_goldens())


if __name__ == "__main__":
    main()
