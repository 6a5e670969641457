"""Samplers alone: diffusers' schedulers on a made-up network that any language evaluates, step by step."""

import json
import pathlib

import torch

import goldens_io
import networks
import schedulers

BASE = networks.SCHEDULER
WITHOUT_OFFSET = {
    k: v for k, v in BASE.items() if k not in ("steps_offset", "clip_sample", "set_alpha_to_one")
}
CONFIGS = {
    "published": BASE,
    "linspace": BASE | {"timestep_spacing": "linspace"},
    "leading": BASE | {"timestep_spacing": "leading"},
    "trailing": BASE | {"timestep_spacing": "trailing"},
    "v": BASE | {"prediction_type": "v_prediction"},
    "v-zero-snr": BASE
    | {"prediction_type": "v_prediction", "timestep_spacing": "trailing", "rescale_betas_zero_snr": True},
    "few-keys": WITHOUT_OFFSET,  # the classes' own steps_offset, clip_sample, set_alpha_to_one
    "linear-betas": BASE | {"beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02},
    "squared-cosine": BASE | {"beta_schedule": "squaredcos_cap_v2"},
}
SHAPE = (1, 4, 3, 5)


def network(x: torch.Tensor, t) -> torch.Tensor:
    """0.3 x + 0.05 + 0.1 (i mod 7 - 3) t / 1000 at flat index i: smooth in x and t, unlike for each element."""
    ramp = (torch.arange(x.numel(), dtype=torch.float32) % 7 - 3).reshape(x.shape)
    return 0.3 * x + 0.05 + 0.1 * ramp * (float(t) / 1000)


def run(sampler, schedule, config, steps, strength=None, seed=7):
    scheduler = schedulers.make(sampler, schedule, config)
    scheduler.set_timesteps(steps)
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn(SHAPE, generator=generator)
    first = 0
    result = {"start": start}
    if strength is None:
        x = start * scheduler.init_noise_sigma
    else:
        original = torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed + 1))
        first = steps - min(int(steps * strength), steps)
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(first)
        x = scheduler.add_noise(original, start, scheduler.timesteps[first : first + 1])
        result["original"] = original
    timesteps = scheduler.timesteps[first:]
    result |= {"timesteps": timesteps.float(), "noised": x.clone()}
    if hasattr(scheduler, "sigmas"):
        result["sigmas"] = scheduler.sigmas.float()
    inputs, outputs = [], []
    for t in timesteps:
        scaled = scheduler.scale_model_input(x, t)
        inputs.append(scaled)
        x = scheduler.step(
            network(scaled, t), t, x, **schedulers.step_arguments(sampler, generator)
        ).prev_sample
        outputs.append(x)
    result["latents"] = torch.cat(outputs)  # after each step
    if steps == 7:
        result["scaled_inputs"] = torch.cat(inputs)
    return result, first


def make(folder: pathlib.Path) -> None:
    tensors, rows = {}, []
    jobs = [
        (c, s, k, n, None)
        for c in CONFIGS
        for s, k in schedulers.COMBINATIONS
        for n in ([10] if c != "published" else [1, 2, 3, 7, 20, 50])
    ]
    jobs += [
        ("published", s, k, n, f)
        for s, k in schedulers.COMBINATIONS
        for n, f in ((20, 0.75), (7, 0.5), (10, 1.0))
    ]
    jobs += [("trailing", s, k, 10, 0.6) for s, k in schedulers.COMBINATIONS]
    for config, sampler, schedule, steps, strength in jobs:
        name = f"{config}/{sampler}/{schedule}/{steps}" + (f"/{strength}" if strength else "")
        try:
            result, first = run(sampler, schedule, CONFIGS[config], steps, strength)
        except (NotImplementedError, IndexError) as error:
            print(f"  left out {name}: {type(error).__name__} {error}")
            continue
        if not all(torch.isfinite(v).all() for v in result.values()):
            print(f"  left out {name}: diffusers' own result is not finite")
            continue
        for key in ("start", "original"):  # the same in every case
            if key in result:
                tensors[key] = result.pop(key)
        tensors |= {f"{name}/{k}": v for k, v in result.items()}
        rows.append(
            {
                "name": name,
                "config": config,
                "sampler": sampler,
                "schedule": schedule,
                "steps": steps,
                "strength": strength,
                "first": first,
                "seed": 7,
            }
        )
    goldens_io.save(folder / "samplers.safetensors", tensors)
    document = {"configs": CONFIGS, "cases": rows}
    text = json.dumps(document["configs"], indent=1)
    cases = ",\n".join(json.dumps(row) for row in rows)
    (folder / "samplers.json").write_text(f'{{"configs":{text},\n"cases":[\n{cases}\n]}}\n')
