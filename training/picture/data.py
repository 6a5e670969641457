"""Pictures, captions and hints: decodes the pack that prepare.mjs makes, varies it, and words what it did."""
import hashlib
import io
import json
import random

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

SIZE = 256
STYLES = {
    "fluent-3d": ("3d icon", "3d render", "glossy 3d icon", "3d"),
    "fluent": ("gradient icon", "shaded icon", "colorful icon"),
    "fluent-flat": ("flat icon", "flat vector", "flat design"),
    "noto": ("emoji", "cartoon icon", "sticker"),
    "noto-v1": ("retro emoji", "old emoji"),
    "fxemoji": ("simple icon", "minimal icon"),
    "clipart": ("clip art", "vector drawing", "drawing"),
}
COLOURS = {
    "red": (214, 40, 40), "orange": (245, 140, 30), "yellow": (250, 208, 50), "green": (60, 165, 70),
    "teal": (30, 160, 160), "blue": (40, 105, 220), "purple": (130, 70, 190), "pink": (245, 130, 180),
    "brown": (130, 82, 45), "black": (38, 38, 42), "gray": (140, 142, 148),
}
GROUNDS = {**COLOURS, "light blue": (190, 222, 250), "pale yellow": (252, 244, 200), "light green": (205, 238, 200),
           "light pink": (252, 215, 225), "lavender": (222, 212, 246), "beige": (240, 228, 205),
           "light gray": (222, 224, 228), "dark blue": (22, 34, 80), "dark green": (20, 60, 40)}
GRID = np.meshgrid(np.arange(SIZE, dtype=np.float32), np.arange(SIZE, dtype=np.float32))
# Not mirrored: what has a left and a right, or lettering.
ONE_WAY = ("left", "right", "clock", "letter", "sign", "zodiac", "calendar", "hundred", "note", "button", "ball 8",
           "medal", "number", "map", "globe", "newspaper", "credit", "atm", "o clock", "thirty")
# Not recoloured: what is its colour, or has no colour to lose.
OWN_COLOUR = ("heart", "circle", "square", "moon", "rainbow", "mark", "diamond", "black and white")


def held_out(row):
    """True for a tenth of the (caption, style) pairs: they are never trained on."""
    digest = hashlib.sha256(f"{row['label']}|{row['style']}".encode()).digest()
    return not row["test"] and digest[0] * 256 + digest[1] < 6554


def decode(blob):
    im = Image.open(io.BytesIO(blob)).convert("RGBA")
    return np.asarray(im if im.size == (SIZE, SIZE) else im.resize((SIZE, SIZE), Image.LANCZOS))


def colour_name(rgba):
    """The colour that most of a drawing has, or None: hue and share of the covered pixels."""
    small = cv2.resize(rgba, (32, 32), interpolation=cv2.INTER_AREA)
    rgb = small[small[..., 3] > 160][:, :3]
    if len(rgb) < 40:
        return None
    hsv = cv2.cvtColor(rgb[None], cv2.COLOR_RGB2HSV)[0].astype(int)
    h, s, v = hsv.T
    names = np.full(len(rgb), "", dtype=object)
    vivid = (s > 90) & (v > 90)
    for name, lo, hi in (("red", 0, 6), ("orange", 7, 18), ("yellow", 19, 33), ("green", 34, 82), ("teal", 83, 95),
                         ("blue", 96, 124), ("purple", 125, 148), ("pink", 149, 170), ("red", 171, 180)):
        names[vivid & (h >= lo) & (h <= hi)] = name
    names[(s > 60) & (v <= 150) & (h <= 20)] = "brown"
    names[(v < 70)] = "black"
    names[(s < 35) & (v >= 90) & (v < 200)] = "gray"
    found, count = np.unique(names[names != ""], return_counts=True) if (names != "").any() else ([], [])
    if len(found) == 0 or count.max() < 0.6 * len(rgb):
        return None
    return found[count.argmax()]


def decode_into(path, shape, first, blobs):
    """Decodes blobs to rows first, first + 1, ... of the file at path; returns their colours' names."""
    rgba = np.memmap(path, np.uint8, "r+", shape=shape)
    names = []
    for k, blob in enumerate(blobs):
        rgba[first + k] = decode(blob)
        names.append(colour_name(rgba[first + k]))
    return names


class Pictures:
    """All pictures of a pack: `rgba` [n, 256, 256, 4] uint8, `rows` their words; `train`, `held`, `test` indices."""

    def __init__(self, folder, pool, scratch, limit=None):
        rows = json.load(open(f"{folder}/pictures.json"))
        if limit:
            rows = rows[:: max(1, len(rows) // limit)]
        blob = open(f"{folder}/pictures.bin", "rb").read()
        shape, path = (len(rows), SIZE, SIZE, 4), f"{scratch}/rgba.u8"
        self.rgba = np.memmap(path, np.uint8, "w+", shape=shape)
        jobs = [(path, shape, s, [blob[r["offset"] : r["offset"] + r["bytes"]] for r in rows[s : s + 64]])
                for s in range(0, len(rows), 64)]
        self.colours = [name for part in pool.starmap(decode_into, jobs, chunksize=1) for name in part]
        self.rows = rows
        self.test = [i for i, r in enumerate(rows) if r["test"]]
        self.held = [i for i, r in enumerate(rows) if held_out(r)]
        closed = set(self.test) | set(self.held)
        self.train = [i for i in range(len(rows)) if i not in closed]


# ---- variants ----------------------------------------------------------------------------------------------

def plan_variant(pictures, i, pool_by_style, rng):
    """What is done to picture i: a dict of numbers and names that `render` and `caption` read."""
    row = pictures.rows[i]
    label = f" {row['label']} "
    symbol = row["group"] == "symbols"
    plan = dict(first=i, second=-1, flip=False, scale=1.0, dx=0, dy=0, turn=0.0, ground=None, tint=None)
    plan["flip"] = not symbol and not any(w in label for w in ONE_WAY) and rng.random() < 0.5
    kind = rng.random()
    if kind < 0.08 and not symbol and row["group"] in ("animals-nature", "food-drink", "objects", "activities", "clipart"):
        plan["second"] = rng.choice(pool_by_style[row["style"]])
    elif kind < 0.22:
        plan["ground"] = rng.choice(list(GROUNDS))
    elif kind < 0.31 and not any(w in label for w in OWN_COLOUR) and row["group"] != "smileys-emotion":
        plan["tint"] = rng.choice(list(COLOURS))
    if plan["second"] < 0 and rng.random() < 0.6:
        plan.update(scale=rng.uniform(0.82, 1.06), dx=rng.randint(-10, 10), dy=rng.randint(-10, 10))
        if rng.random() < 0.3:
            plan["turn"] = rng.uniform(-8, 8)
    return plan


def plain_plan(i):
    return dict(first=i, second=-1, flip=False, scale=1.0, dx=0, dy=0, turn=0.0, ground=None, tint=None)


def render(rgba, plans):
    """Draws plans on their grounds. rgba: [n, 256, 256, 4] uint8 on the device; result [b, 3, 256, 256] in -1..1."""
    dev = rgba.device
    first = torch.tensor([p["first"] for p in plans], device=dev)
    x = rgba[first].permute(0, 3, 1, 2).float() / 255
    tinted = [k for k, p in enumerate(plans) if p["tint"]]
    if tinted:
        at = torch.tensor(tinted, device=dev)
        c = torch.tensor([COLOURS[plans[k]["tint"]] for k in tinted], device=dev).float().view(-1, 3, 1, 1) / 255
        lum = (x[at, :3] * torch.tensor([0.3, 0.59, 0.11], device=dev).view(1, 3, 1, 1)).sum(1, keepdim=True)
        x[at, :3] = torch.where(lum < 0.5, c * (0.25 + 1.5 * lum), c + (1 - c) * (lum - 0.5) * 1.6).clamp(0, 1)
    x = torch.cat([x[:, :3] * x[:, 3:], x[:, 3:]], 1)
    pairs = [k for k, p in enumerate(plans) if p["second"] >= 0]
    if pairs:
        at = torch.tensor(pairs, device=dev)
        y = rgba[torch.tensor([plans[k]["second"] for k in pairs], device=dev)].permute(0, 3, 1, 2).float() / 255
        y = torch.cat([y[:, :3] * y[:, 3:], y[:, 3:]], 1)
        canvas = torch.zeros(len(pairs), 4, SIZE, SIZE, device=dev)
        canvas[:, :, 64:192, :128] = F.avg_pool2d(x[at], 2)
        canvas[:, :, 64:192, 128:] = F.avg_pool2d(y, 2)
        x[at] = canvas
    moved = [k for k, p in enumerate(plans) if p["scale"] != 1 or p["dx"] or p["dy"] or p["turn"]]
    if moved:
        at = torch.tensor(moved, device=dev)
        a = np.deg2rad([plans[k]["turn"] for k in moved])
        s = np.array([plans[k]["scale"] for k in moved])
        theta = np.stack([np.stack([np.cos(a) / s, -np.sin(a) / s, [-plans[k]["dx"] / 128 for k in moved]], -1),
                          np.stack([np.sin(a) / s, np.cos(a) / s, [-plans[k]["dy"] / 128 for k in moved]], -1)], 1)
        grid = F.affine_grid(torch.from_numpy(theta).float().to(dev), (len(moved), 4, SIZE, SIZE), align_corners=False)
        x[at] = F.grid_sample(x[at], grid, mode="bicubic", padding_mode="zeros", align_corners=False).clamp(0, 1)
    flip = torch.tensor([p["flip"] for p in plans], device=dev).view(-1, 1, 1, 1)
    x = torch.where(flip, x.flip(3), x)
    ground = torch.tensor([GROUNDS[p["ground"]] if p["ground"] else (255, 255, 255) for p in plans], device=dev)
    x = x[:, :3] + (1 - x[:, 3:]) * (ground.float() / 255).view(-1, 3, 1, 1)
    return x.clamp(0, 1) * 2 - 1


def article(noun):
    return f"an {noun}" if noun[:1] in "aeiou" else f"a {noun}"


def noun_of(pictures, i, tint, rng):
    row = pictures.rows[i]
    noun, tags, roll = row["label"], [t for t in row["tags"] if len(t) > 2], rng.random()
    if roll < 0.16 and tags:
        noun = rng.choice(tags)
    elif roll < 0.30 and tags:
        noun = f"{noun}, {', '.join(rng.sample(tags, min(len(tags), rng.randint(1, 2))))}"
    colour = tint or (pictures.colours[i] if rng.random() < 0.25 else None)
    if colour:
        words = [w for w in noun.split(" ") if w not in COLOURS and w not in ("white", "golden")]
        if tint or len(words) == len(noun.split(" ")):
            noun = f"{colour} {' '.join(words) or row['label']}"
    return noun


def caption(pictures, plan, rng, style=None):
    """Words for a plan; the style is named in three of five captions, or always when `style` is True."""
    row = pictures.rows[plan["first"]]
    noun = noun_of(pictures, plan["first"], plan["tint"], rng)
    if plan["second"] >= 0:
        other = noun_of(pictures, plan["second"], None, rng)
        noun, other = noun.split(",")[0], other.split(",")[0]
        if plan["flip"]:
            noun, other = other, noun
        thing = f"{article(noun)} and {article(other)}" if rng.random() < 0.7 else f"{noun} and {other}"
        text = thing
    else:
        thing = noun
        text = article(noun) if rng.random() < 0.55 else noun
    named = style if style is not None else rng.random() < 0.6
    if named:
        word = rng.choice(STYLES[row["style"]])
        form = rng.random()
        text = f"{text}, {word}" if form < 0.6 else f"{word} of {text}" if form < 0.8 else f"{article(word)} of {text}"
    else:
        form = rng.random()
        if form < 0.1:
            text = f"{rng.choice(('a picture of', 'an image of', 'an icon of', 'a drawing of', 'a photo of'))} {text}"
    if plan["ground"]:
        if rng.random() < 0.93:
            text += rng.choice((" on {} background", ", {} background")).format(plan["ground"]).replace(" on ", " on a ")
    elif rng.random() < 0.15:
        text += rng.choice((" on a white background", ", white background"))
    return text


# ---- hints -------------------------------------------------------------------------------------------------

def canny(grey, low=100, high=200):
    return cv2.Canny(grey, low, high)


def scribble(grey, rng=None):
    """White strokes on black, as a hand would: the strong edges of the blurred picture, without specks, thickened,
    and bent a little. Without rng: middling strokes, not bent."""
    soft = cv2.GaussianBlur(grey, (0, 0), rng.choice((1.2, 2.0, 3.0)) if rng else 1.6)
    edges = cv2.Canny(soft, 12, 40)
    _, marks, stats, _ = cv2.connectedComponentsWithStats(edges, connectivity=8)
    keep = stats[:, cv2.CC_STAT_AREA] >= (rng.choice((12, 24, 40)) if rng else 20)
    keep[0] = False
    edges = np.where(keep[marks], 255, 0).astype(np.uint8)
    bend = rng.uniform(-0.8, 2.2) if rng else 0
    if bend > 0:
        noise = np.random.RandomState(rng.randrange(1 << 31)).randn(2, 9, 9).astype(np.float32)
        xs, ys = (cv2.resize(n, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC) * bend + g for n, g in zip(noise, GRID))
        edges = cv2.remap(cv2.dilate(edges, np.ones((2, 2), np.uint8)), xs, ys, cv2.INTER_NEAREST)
    thick = rng.choice((2, 3, 4, 5, 7)) if rng else 3
    edges = cv2.dilate(edges, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (thick, thick)))
    return np.where(cv2.GaussianBlur(edges, (0, 0), 1.0) > 100, 255, 0).astype(np.uint8)


def hints(grey, seed):
    """Both hints of one grey picture [256, 256] uint8, packed eight pixels a byte: [2, 256, 32]."""
    rng = random.Random(seed)
    low = rng.choice((50, 80, 100, 100, 100, 120))
    return np.stack([np.packbits(scribble(grey, rng) > 0, axis=1), np.packbits(canny(grey, low, 2 * low) > 0, axis=1)])


def hints_into(greys, bits, count, first, last):
    """Fills rows first to last of the file `bits` with the hints of the same rows of the file `greys`."""
    cv2.setNumThreads(1)
    source = np.memmap(greys, np.uint8, "r", shape=(count, SIZE, SIZE))
    target = np.memmap(bits, np.uint8, "r+", shape=(count, 2, SIZE, SIZE // 8))
    for k in range(first, last):
        target[k] = hints(source[k], k)


def unpack_hints(bits):
    """[b, 256, 32] uint8 on the device to [b, 3, 256, 256] of 0 and 1."""
    shifts = torch.arange(7, -1, -1, device=bits.device, dtype=torch.uint8)
    x = (bits[..., None] >> shifts) & 1
    return x.reshape(bits.shape[0], 1, SIZE, SIZE).expand(-1, 3, -1, -1).float()
