"""Measures what was trained, on pictures that it was not trained on, and draws contact sheets.

Writes metrics.json, prompts.jpg (what a newcomer might type) and drawings.jpg (hint, with, without, original).
"""
import json
import os
import random
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from diffusers import ControlNetModel, DDIMScheduler
from PIL import Image
from torch import nn

import data as D
import networks as N

PROMPTS = """a red apple|a cat|a dog|a house|a tree|a car|a red car|a blue car|a sunflower|a rose|a castle|a dragon|
a rocket|a robot|an astronaut|a ghost|a pizza|a hamburger|an ice cream|a birthday cake|a cup of coffee|a banana|
a strawberry|a mushroom|a fish|a whale|a shark|a butterfly|a bee|a bird|an owl|a penguin|a fox|a lion|a horse|
a unicorn|a dinosaur|a turtle|a frog|a snake|a boat|a sailboat|an airplane|a train|a bicycle|a guitar|a piano|
a violin|a book|a pencil|a computer|a camera|a clock|a light bulb|a key|a crown|a heart|a star|the moon|the sun|
a mountain|a snowman|a cat and a dog|a blue elephant on a yellow background"""
PROMPTS = [p.strip() for p in PROMPTS.replace("\n", "").split("|")]


@torch.no_grad()
def paint(run, prompts, seed, control=None, hint=None, scale=6.0, strength=1.0):
    """Pictures [n, 3, 256, 256] in -1..1 for prompts, by DDIM with guidance, in batches of 128."""
    out = []
    generator = torch.Generator().manual_seed(seed)
    for s in range(0, len(prompts), 128):
        part = prompts[s : s + 128]
        n = len(part)
        ids = torch.tensor([run.tokenizer.encode(p) for p in [""] * n + part], device=run.dev)
        words = run.text(ids)
        scheduler = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1,
                                  set_alpha_to_one=False, clip_sample=False)
        scheduler.set_timesteps(run.a.steps)
        x = torch.randn(n, 4, 32, 32, generator=generator).to(run.dev)
        for t in scheduler.timesteps:
            two, extra = torch.cat([x, x]), {}
            if control is not None:
                down, mid = control(two, t.to(run.dev), encoder_hidden_states=words,
                                    controlnet_cond=torch.cat([hint[s : s + n]] * 2), conditioning_scale=strength,
                                    return_dict=False)
                extra = dict(down_block_additional_residuals=down, mid_block_additional_residual=mid)
            e = run.unet(two, t.to(run.dev), encoder_hidden_states=words, **extra).sample
            plain, worded = e.chunk(2)
            x = scheduler.step(plain + scale * (worded - plain), t, x).prev_sample
        out.append(run.vae.decode(x / N.SCALE).sample.clamp(-1, 1))
    return torch.cat(out)


def pixels(x):
    return ((x + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def grey(images):
    return [cv2.cvtColor(im, cv2.COLOR_RGB2GRAY) for im in images]


def edge_f1(found, wanted):
    """F1 of two edge maps where an edge pixel within 2 pixels of the other map's counts as met."""
    near = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    if not found.any() or not wanted.any():
        return 0.0
    precision = (cv2.dilate(wanted, near)[found > 0] > 0).mean()
    recall = (cv2.dilate(found, near)[wanted > 0] > 0).mean()
    return float(2 * precision * recall / max(1e-9, precision + recall))


def f1(images, edges):
    with ThreadPoolExecutor(16) as pool:
        return float(np.mean(list(pool.map(lambda g, e: edge_f1(D.canny(g), e), grey(images), edges))))


def sheet(rows, path, side=128, quality=80):
    """rows of uint8 pictures to one JPEG."""
    lines = [np.concatenate([cv2.resize(im, (side, side), interpolation=cv2.INTER_AREA) for im in row], 1) for row in rows]
    Image.fromarray(np.concatenate(lines, 0)).save(path, quality=quality)


class Classifier(nn.Module):
    def __init__(self, classes):
        super().__init__()
        layers, c = [nn.Conv2d(3, 48, 3, 1, 1)], 48
        for w in (48, 96, 192, 384):
            layers += [nn.Conv2d(c, w, 3, 1, 1), nn.BatchNorm2d(w), nn.SiLU(), nn.Conv2d(w, w, 3, 1, 1),
                       nn.BatchNorm2d(w), nn.SiLU(), nn.MaxPool2d(2)]
            c = w
        self.body, self.head = nn.Sequential(*layers), nn.Linear(c, classes)

    def forward(self, x):
        x = self.body(x)
        return self.head(F.dropout(x.amax((2, 3)), 0.3, self.training))


def train_classifier(run, images, labels, classes, seconds):
    """A small convolutional network on 64x64 pictures, with strong geometric and colour changes."""
    net = Classifier(classes).to(run.dev)
    opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.05)
    end, begun, dev = time.time() + seconds, time.time(), run.dev
    while time.time() < end:
        part = (time.time() - begun) / seconds
        for g in opt.param_groups:
            g["lr"] = 2e-3 * (1 - part) + 1e-6
        at = torch.randint(len(images), (256,), device=dev)
        x = images[at]
        b = len(x)
        a = (torch.rand(b, device=dev) - 0.5) * 0.7
        s = 0.75 + 0.55 * torch.rand(b, device=dev)
        m = torch.where(torch.rand(b, device=dev) < 0.5, -1.0, 1.0)
        stretch = 0.85 + 0.3 * torch.rand(b, device=dev)
        theta = torch.stack([torch.stack([m * a.cos() / s * stretch, -a.sin() / s, (torch.rand(b, device=dev) - 0.5) * 0.4], -1),
                             torch.stack([m * a.sin() / s, a.cos() / s, (torch.rand(b, device=dev) - 0.5) * 0.4], -1)], 1)
        x = 1 - F.grid_sample(1 - x, F.affine_grid(theta, x.shape, align_corners=False), align_corners=False)
        x = x * (0.8 + 0.4 * torch.rand(b, 3, 1, 1, device=dev)) + 0.2 * torch.randn(b, 3, 1, 1, device=dev)
        grey_share = torch.rand(b, 1, 1, 1, device=dev) * 0.7
        x = x * (1 - grey_share) + x.mean(1, keepdim=True) * grey_share + 0.03 * torch.randn_like(x)
        with run.amp():
            loss = F.cross_entropy(net(x).float(), labels[at], label_smoothing=0.1)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
    return net.eval()


def small(x, side=64):
    return F.interpolate(x, size=(side, side), mode="area")


@torch.no_grad()
def evaluate(run, kinds=None):
    """Measures everything, or what concerns the ControlNets named by `kinds` alone, beside earlier measures."""
    a, p, say = run.a, run.pictures, run.say
    run.need("vae", "unet")
    run.text.eval(), run.unet.eval(), run.vae.eval()
    rng = random.Random(5)
    earlier = f"{a.resume}/metrics.json"
    done = json.load(open(earlier)) if kinds and os.path.exists(earlier) else {}
    done |= {"held_out_pairs": len(p.held), "trained_pictures": len(p.train), "other_artists": len(p.test), "sampling":
            f"DDIM, {a.steps} steps, guidance 6"}

    def tell(**kw):
        done.update(kw)
        say(json.dumps(kw))
        json.dump(done, open(f"{a.out}/metrics.json", "w"), indent=1)

    if not kinds:
        tell(vae_psnr_held_out=run.psnr(p.held, 1 << 30))
        # What a newcomer types.
        news = pixels(paint(run, PROMPTS, 1))
        sheet([news[k : k + 8] for k in range(0, 64, 8)], f"{a.out}/prompts.jpg")

    # Held-out (caption, style) pairs: drawn from words, and from their own edges.
    held = rng.sample(p.held, min(a.pictures, len(p.held)))
    real = torch.cat([D.render(run.rgba, [D.plain_plan(i) for i in held[s : s + 256]]) for s in range(0, len(held), 256)])
    words = [f"{p.rows[i]['label']}, {D.STYLES[p.rows[i]['style']][0]}" for i in held]
    real_px = pixels(real)
    edges = [D.canny(g) for g in grey(real_px)]
    plain = pixels(plain_x := paint(run, words, 2))
    ceiling = f1(pixels(run.round_trip(real)), edges)
    order = list(range(1, len(held))) + [0]
    tell(edge_f1_without=f1(plain, edges), edge_f1_vae_ceiling=ceiling)
    scribbles = [D.scribble(g) for g in grey(real_px)]
    rows = [[*real_px[:10]]]
    for kind, drawn in (("canny", edges), ("scribble", scribbles)):
        state = run.load_net(kind)
        if state is None or (kinds and kind not in kinds):
            continue
        net = ControlNetModel.from_unet(run.unet, conditioning_embedding_out_channels=N.HINT)
        net.load_state_dict(state)
        net = run.layout(net).eval()
        hint = torch.from_numpy(np.stack(drawn)).to(run.dev).float().div(255)[:, None].expand(-1, 3, -1, -1)
        got = pixels(paint(run, words, 2, net, hint))
        bare = pixels(paint(run, [""] * len(words), 3, net, hint))
        tell(**{f"edge_f1_{kind}": f1(got, edges), f"edge_f1_{kind}_shuffled_floor": f1(got, [edges[k] for k in order]),
                f"edge_f1_{kind}_without_words": f1(bare, edges)})
        rows += [[cv2.cvtColor(d, cv2.COLOR_GRAY2RGB) for d in drawn[:10]], [*got[:10]]]
    rows += [[*plain[:10]]]
    sheet(rows, f"{a.out}/drawings.jpg", 112)

    def nearness():
        """How near to a training picture what it paints is, at 64x64, mirrored ones among them."""
        train = torch.cat([small(D.render(run.rgba, [D.plain_plan(i) for i in p.train[s : s + 512]])) for s in range(0, len(p.train), 512)])
        train = torch.cat([train, train.flip(3)]).flatten(1).half()

        def nearest(x):
            q = small(x).flatten(1)
            best = torch.full((len(q),), float("inf"), device=run.dev)
            for part in train.split(2048):
                d = torch.cdist(q, part.float(), compute_mode="donot_use_mm_for_euclid_dist") if run.dev == "cpu" else torch.cdist(q, part.float())
                best = torch.minimum(best, d.min(1).values)
            return (-10 * (best**2 / q.shape[1] / 4).clamp_min(1e-9).log10()).cpu().numpy()

        n = min(256, len(held))
        gen, base = nearest(plain_x[:n]), nearest(real[:n])
        tell(nearest_training_psnr_median=float(np.median(gen)), nearest_training_rate_24db=float((gen > 24).mean()),
             nearest_training_rate_20db=float((gen > 20).mean()), nearest_real_psnr_median=float(np.median(base)),
             nearest_real_rate_24db=float((base > 24).mean()), nearest_real_rate_20db=float((base > 20).mean()))

    def recognised():
        """Top five of a classifier that has only seen the held-out artists' pictures."""
        known = {p.rows[i]["label"] for i in p.train}
        labels = sorted({p.rows[i]["label"] for i in p.test} & known)
        number = {w: k for k, w in enumerate(labels)}
        mine = [i for i in p.test if p.rows[i]["label"] in number]
        if not mine:
            return
        images = torch.cat([small(D.render(run.rgba, [D.plain_plan(i) for i in mine[s : s + 512]])) for s in range(0, len(mine), 512)])
        truth = torch.tensor([number[p.rows[i]["label"]] for i in mine], device=run.dev)
        with torch.enable_grad():
            net = train_classifier(run, images, truth, len(labels), a.classifier)

        def top5(x, y):
            hits = 0
            for part, want in zip(small(x).split(256), torch.tensor(y, device=run.dev).split(256)):
                hits += (net(part).topk(min(5, len(labels))).indices == want[:, None]).any(1).sum().item()
            return hits / len(y)

        asked = rng.sample(labels, min(a.pictures, len(labels)))
        made = paint(run, [w if w[:1].isdigit() else D.article(w) for w in asked], 4)
        others = [i for i in p.train + p.held if p.rows[i]["label"] in set(asked)]
        others = rng.sample(others, min(1024, len(others)))
        shown = torch.cat([D.render(run.rgba, [D.plain_plan(i) for i in others[s : s + 256]]) for s in range(0, len(others), 256)])
        held_known = [k for k, i in enumerate(held) if p.rows[i]["label"] in number]
        tell(classifier_classes=len(labels), classifier_top5_painted=top5(made, [number[w] for w in asked]),
             classifier_top5_painted_held_out_pairs=top5(plain_x[held_known], [number[p.rows[held[k]]["label"]] for k in held_known]) if held_known else None,
             classifier_top5_real_held_out_pairs=top5(real[held_known], [number[p.rows[held[k]]["label"]] for k in held_known]) if held_known else None,
             classifier_top5_real_other_artists_ceiling=top5(shown, [number[p.rows[i]["label"]] for i in others]),
             classifier_top5_own_training=top5(images[:1024], truth[:1024].tolist()), classifier_top5_chance=5 / len(labels))

    for measure in () if kinds else (nearness, recognised):  # one that fails must not cost what the others found
        try:
            measure()
        except Exception:
            say(traceback.format_exc())
