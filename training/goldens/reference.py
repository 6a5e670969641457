"""Painting as the command line defines it, on diffusers' networks and schedulers: the loop that goldens come from.

Where diffusers' own pipelines agree with the command line, `make_goldens.py cross-check` shows that this loop gives
what they give. It departs from them in: prompts beyond 75 tokens (chunks), `--latents` with an initial picture
(noise, not a finished start), inpainting's generator (no draw for the masked picture's latents), and the pasting
back of original pixels.
"""

import copy
import dataclasses
import pathlib
import tempfile

import numpy as np
import torch
from PIL import Image
from transformers import CLIPTokenizer

import layouts
import lora_goldens
import networks
import prompt_weights
import schedulers


@dataclasses.dataclass
class Control:
    image: Image.Image
    model: str = "controlnet"
    strength: float = 1.0
    start: float = 0.0
    end: float = 1.0


@dataclasses.dataclass
class Job:
    prompt: str
    negative: str = ""
    width: int = 64
    height: int = 96
    steps: int = 20
    cfg: float = 7.5
    sampler: str = "euler"
    schedule: str = "normal"
    seed: int = 0
    latents: torch.Tensor | None = None
    clip_skip: int = 1
    syntax: str = "literal"
    loras: list[tuple[pathlib.Path, float]] = dataclasses.field(default_factory=list)
    controls: list[Control] = dataclasses.field(default_factory=list)
    init: Image.Image | None = None
    strength: float = 0.75
    mask: Image.Image | None = None


def to_tensor(image: Image.Image) -> torch.Tensor:
    """[1, 3, H, W] in 0…1."""
    return torch.from_numpy(np.asarray(image.convert("RGB"), np.float32) / 255).permute(2, 0, 1)[None]


class Painter:
    def __init__(self, model: str, bpe: pathlib.Path, dtype=torch.float32, scheduler_config=None):
        self.model, self.dtype = model, dtype
        self.scheduler_config = scheduler_config or networks.SCHEDULER
        self.parts = {name: networks.module(model, name) for name in networks.CONFIGS[model]}
        if dtype != torch.float32:
            self.parts = {name: part.to(dtype) for name, part in self.parts.items()}
        self.scaling = networks.CONFIGS[model]["vae"]["scaling_factor"]
        with tempfile.TemporaryDirectory() as temporary:
            layouts.save_tokenizer(pathlib.Path(temporary), bpe, single_file=False)
            self.tokenizer = CLIPTokenizer.from_pretrained(temporary)

    def chunks(self, text: str, syntax: str) -> list[tuple[list[int], list[float]]]:
        """Windows of 77 ids, with a weight for each."""
        if syntax == "a1111":
            return prompt_weights.chunks(self.tokenizer, text)
        ids = self.tokenizer(text, add_special_tokens=False).input_ids
        begin, end = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        parts = [ids[i : i + 75] for i in range(0, len(ids), 75)] or [[]]
        return [([begin, *part, end, *[end] * (75 - len(part))], [1.0] * 77) for part in parts]

    def encode_text(self, text: str, count: int, job: "Job") -> torch.Tensor:
        """[1, 77 * count, C]: chunks side by side, missing ones those of the empty prompt."""
        clip_skip = job.clip_skip
        chunks = self.chunks(text, job.syntax)
        chunks += self.chunks("", job.syntax) * (count - len(chunks))
        encoder = self.parts["text_encoder"]
        states = encoder(torch.tensor([ids for ids, _ in chunks]), output_hidden_states=True)
        if clip_skip == 1:
            hidden = states.last_hidden_state
        else:
            hidden = encoder.final_layer_norm(states.hidden_states[-clip_skip])
        if job.syntax == "a1111":
            hidden = prompt_weights.apply(hidden, [weights for _, weights in chunks])
        return hidden.reshape(1, 77 * count, -1)

    def active(self, control: Control, i: int, n: int) -> bool:
        return i / n >= control.start and (i + 1) / n <= control.end

    def residuals(self, job, x, t, text, i, n):
        total = None
        for control in job.controls:
            if not self.active(control, i, n):
                continue
            hint = to_tensor(control.image).to(self.dtype).repeat(len(x), 1, 1, 1)
            down, mid = self.parts[control.model](x, t, text, hint, control.strength, return_dict=False)
            mine = [*down, mid]
            total = mine if total is None else [a + b for a, b in zip(total, mine)]
        if total is None:
            return {}
        return {"down_block_additional_residuals": total[:-1], "mid_block_additional_residual": total[-1]}

    def paint(self, job: Job) -> tuple[torch.Tensor, Image.Image]:
        """Final latents (float32, before scaling for the VAE) and the picture."""
        plain = self.parts
        if job.loras:
            self.parts = copy.deepcopy(plain)
            lora_goldens.fuse(self.parts, job.loras)
        try:
            return self._paint(job)
        finally:
            self.parts = plain

    @torch.no_grad()
    def _paint(self, job: Job) -> tuple[torch.Tensor, Image.Image]:
        generator = torch.Generator().manual_seed(job.seed)
        guided = job.cfg > 1
        count = max(
            len(self.chunks(text, job.syntax)) for text in ([job.negative, job.prompt] if guided else [job.prompt])
        )
        text = self.encode_text(job.prompt, count, job)
        if guided:
            text = torch.cat([self.encode_text(job.negative, count, job), text])
        scheduler = schedulers.make(job.sampler, job.schedule, self.scheduler_config)
        scheduler.set_timesteps(job.steps)
        timesteps = scheduler.timesteps
        shape = (1, 4, job.height // 8, job.width // 8)
        if job.init is not None:
            first = job.steps - min(int(job.steps * job.strength), job.steps)
            if hasattr(scheduler, "set_begin_index"):
                scheduler.set_begin_index(first)
            timesteps = timesteps[first:]
            pixels = (2 * to_tensor(job.init) - 1).to(self.dtype)
            moments = self.parts["vae"].encode(pixels).latent_dist.parameters.float()
            mean, log_variance = moments.chunk(2, dim=1)
            draw = torch.randn(shape, generator=generator)
            original = self.scaling * (mean + torch.exp(0.5 * log_variance.clamp(-30, 20)) * draw)
        noise = job.latents if job.latents is not None else torch.randn(shape, generator=generator)
        if job.init is None or (
            job.mask is not None and job.strength == 1
        ):  # as diffusers' inpainting has it
            x = noise * scheduler.init_noise_sigma
        else:
            x = scheduler.add_noise(original, noise, timesteps[:1])
        if job.mask is not None:
            repaint = (np.asarray(job.mask.convert("L"), np.float32) / 255 >= 0.5).astype(np.float32)
            blend = torch.nn.functional.interpolate(torch.from_numpy(repaint)[None, None], size=shape[2:])
        arguments = schedulers.step_arguments(job.sampler, generator)
        n = len(timesteps)
        for i, t in enumerate(timesteps):
            scaled = scheduler.scale_model_input(torch.cat([x, x]) if guided else x, t).to(self.dtype)
            more = self.residuals(job, scaled, t, text, i, n)
            output = self.parts["unet"](scaled, t, text, **more).sample.float()
            if guided:
                negative, positive = output.chunk(2)
                output = negative + job.cfg * (positive - negative)
            x = scheduler.step(output, t, x, **arguments).prev_sample
            if job.mask is not None:
                kept = (
                    original if i == n - 1 else scheduler.add_noise(original, noise, timesteps[i + 1 : i + 2])
                )
                x = (1 - blend) * kept + blend * x
        pixels = (
            self.parts["vae"].decode((x / self.scaling).to(self.dtype)).sample.float()[0].permute(1, 2, 0)
        )
        pixels = ((pixels / 2 + 0.5).clamp(0, 1).numpy() * 255).round().astype(np.uint8)
        if job.mask is not None:
            pixels = np.where(repaint[:, :, None] > 0, pixels, np.asarray(job.init.convert("RGB")))
        return x, Image.fromarray(pixels)
