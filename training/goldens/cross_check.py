"""diffusers' own pipelines against reference.py, where the two are meant to agree."""

import pathlib

import torch
from diffusers import (
    StableDiffusionControlNetImg2ImgPipeline,
    StableDiffusionControlNetPipeline,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
)
from diffusers.models.controlnets.multicontrolnet import MultiControlNetModel
from transformers import CLIPTextModel

import compare
import networks
import paint_goldens
import reference
import schedulers


# diffusers 0.42.1 reaches for the layer norm where transformers 4 had it. It also leaves the negative prompt unskipped,
# which the command line does not: hence the unguided job below.
CLIPTextModel.text_model = property(lambda self: self)


def pipeline(cls, painter, job):
    parts = {k: painter.parts[k] for k in ("vae", "text_encoder", "unet")}
    if job.controls:
        controls = [painter.parts[c.model] for c in job.controls]
        parts["controlnet"] = controls[0] if len(controls) == 1 else MultiControlNetModel(controls)
    made = cls(
        **parts,
        tokenizer=painter.tokenizer,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
        scheduler=schedulers.make(job.sampler, job.schedule, networks.SCHEDULER),
    )
    made.set_progress_bar_config(disable=True)
    return made


def run(bpe: pathlib.Path) -> bool:
    painter = reference.Painter("tiny", bpe)
    images = paint_goldens.pictures(64, 96)
    one = [reference.Control(images["drawing"])]
    two = [
        reference.Control(images["drawing"], strength=0.9, end=0.7),
        reference.Control(images["waves"], "controlnet-b", strength=0.6, start=0.25),
    ]
    start = {"init": images["photo"], "strength": 0.6}
    masked = {**start, "mask": images["mask"]}
    jobs = [
        ("text", StableDiffusionPipeline, {}),
        ("text, clip skip 2, unguided", StableDiffusionPipeline, {"clip_skip": 2, "cfg": 1.0}),
        ("text, unguided", StableDiffusionPipeline, {"cfg": 1.0}),
        ("text", StableDiffusionPipeline, {"sampler": "euler_a"}),
        ("text", StableDiffusionPipeline, {"sampler": "dpmpp_2m", "schedule": "karras"}),
        ("one control", StableDiffusionControlNetPipeline, {"controls": one, "sampler": "ddim"}),
        ("two controls, windows", StableDiffusionControlNetPipeline, {"controls": two}),
        ("image", StableDiffusionImg2ImgPipeline, start),
        ("image, ancestral", StableDiffusionImg2ImgPipeline, {**start, "sampler": "euler_a"}),
        ("image and control", StableDiffusionControlNetImg2ImgPipeline, {**start, "controls": one}),
        ("inpaint", StableDiffusionInpaintPipeline, masked),
        (
            "inpaint, 2M Karras",
            StableDiffusionInpaintPipeline,
            {**masked, "sampler": "dpmpp_2m", "schedule": "karras"},
        ),
        (
            "inpaint, full strength",
            StableDiffusionInpaintPipeline,
            {**masked, "strength": 1.0, "sampler": "ddim"},
        ),
    ]
    good = True
    for label, cls, fields in jobs:
        job = reference.Job(paint_goldens.PROMPT, paint_goldens.NEGATIVE, seed=5, **fields)
        ours, _ = painter.paint(job)
        arguments = {
            "prompt": job.prompt,
            "negative_prompt": job.negative,
            "num_inference_steps": job.steps,
            "guidance_scale": job.cfg,
            "generator": torch.Generator().manual_seed(job.seed),
            "output_type": "latent",
        }
        if job.clip_skip > 1:
            arguments["clip_skip"] = job.clip_skip - 1
        if job.init is None or job.mask is not None:
            arguments |= {"width": job.width, "height": job.height}
        if job.init is not None:
            arguments |= {"image": job.init, "strength": job.strength}
        if job.mask is not None:
            arguments["mask_image"] = job.mask
        if job.controls:

            def single(values):
                return values[0] if len(values) == 1 else values

            arguments["control_image" if job.init is not None else "image"] = single(
                [c.image for c in job.controls]
            )
            for name, field in (
                ("controlnet_conditioning_scale", "strength"),
                ("control_guidance_start", "start"),
                ("control_guidance_end", "end"),
            ):
                arguments[name] = single([getattr(c, field) for c in job.controls])
        theirs = pipeline(cls, painter, job)(**arguments).images
        error = compare.difference(ours.double().numpy(), theirs.double().numpy())
        good &= error < 2e-5
        print(
            f"{'ok ' if error < 2e-5 else 'BAD'} {error:.1e}  {cls.__name__}: {label}, {job.sampler}",
            flush=True,
        )
    return good
