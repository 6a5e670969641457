"""The command line's sampler and schedule names as diffusers' scheduler classes, made `from_config`."""

from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
)

CLASSES = {
    "euler": EulerDiscreteScheduler,
    "euler_a": EulerAncestralDiscreteScheduler,
    "ddim": DDIMScheduler,
    "dpmpp_2m": DPMSolverMultistepScheduler,
}
COMBINATIONS = [
    ("euler", "normal"),
    ("euler", "karras"),
    ("euler_a", "normal"),
    ("ddim", "normal"),
    ("dpmpp_2m", "normal"),
    ("dpmpp_2m", "karras"),
]


def make(sampler: str, schedule: str, config: dict):
    """`config` is scheduler_config.json's content: keys that are there count, absent ones take the class's own."""
    more = {"use_karras_sigmas": True} if schedule == "karras" else {}
    if sampler == "dpmpp_2m":
        more |= {"algorithm_type": "dpmsolver++", "solver_order": 2}
    return CLASSES[sampler].from_config(dict(config), **more)


def step_arguments(sampler: str, generator) -> dict:
    """What `step` takes besides: only ancestral steps draw."""
    return (
        {"generator": generator}
        if sampler in ("euler_a", "dpmpp_2m")
        else {"eta": 0.0}
        if sampler == "ddim"
        else {}
    )
