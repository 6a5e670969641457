"""CLIP's tokenizer as transformers has it, on prompts that break naive ones."""

import json
import pathlib
import random
import tempfile

import layouts

PROMPTS = [
    "",
    " ",
    "\n\t ",
    "a",
    "A",
    "a photo of a cat",
    "A Photo Of A CAT",
    "  leading and   inner   spaces  ",
    "masterpiece, best quality, 1girl, solo, (detailed:1.2), [blurry], {soft light}",
    "don't can't I'm you're he'll she'd we've it's rock'n'roll o'clock '90s 'tis",
    "DON'T I'M YOU'RE",
    "don\u2019t I\u2019m you\u2019re",
    "''s 's' '' '",
    "x's's 'll'll",
    "3 cats, 12 dogs, 2024-05-06, 3.14159, 1e-5, 100%",
    "1234567890",
    "a1b2c3",
    "4k 8K uhd 35mm f/1.8 iso-400",
    "hello,world",
    "hello , world !",
    "!!!???...---___",
    "...",
    ". . .",
    "$100 & 50% off @home #tag *bold* ~tilde~ ^caret^ `tick` \\back /slash |pipe",
    "<tag> </tag> <b>bold</b>",
    "<|startoftext|>",
    "<|endoftext|>",
    "a <|endoftext|> b",
    "<|startoftext|>cat<|endoftext|>dog",
    "<|ENDOFTEXT|>",
    "< | endoftext | >",
    "caf\u00e9 na\u00efve r\u00e9sum\u00e9 \u00fcber stra\u00dfe",
    "cafe\u0301 nai\u0308ve",
    "\u00c9COLE \u00c0 \u00d1 \u00d8 \u0130stanbul \u0131",
    "\u1e9e \u00df \u03a3\u0391\u03a3 \u03c3\u03c2",
    "\u65e5\u672c\u8a9e\u306e\u30d7\u30ed\u30f3\u30d7\u30c8",
    "\u4e2d\u6587\u63d0\u793a\u8bcd\uff0c\u6807\u70b9\u3002",
    "\ud55c\uad6d\uc5b4 \ud504\ub86c\ud504\ud2b8",
    "\u0440\u0443\u0441\u0441\u043a\u0438\u0439 \u0442\u0435\u043a\u0441\u0442 \u041c\u041e\u0421\u041a\u0412\u0410",
    "\u0639\u0631\u0628\u064a \u0646\u0635",
    "\u05e2\u05d1\u05e8\u05d9\u05ea",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u092a\u093e\u0920",
    "\u0e44\u0e17\u0e22",
    "\u03b5\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac",
    "\U0001f600",
    "\U0001f600\U0001f601\U0001f602",
    "cat \U0001f431 and dog \U0001f436",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "\U0001f1eb\U0001f1f7\U0001f1ef\U0001f1f5",
    "\u2764\ufe0f \u270c\U0001f3fd",
    "\u00a0non\u00a0breaking\u00a0",
    "\u3000wide\u3000space",
    "zero\u200bwidth",
    "soft\u00adhyphen",
    "\ufeffbom",
    "tab\tnew\nline\rreturn",
    "form\x0cfeed\x0bvertical",
    "nul\x00byte",
    "bell\x07 esc\x1b",
    "\x7fdelete",
    "\u201cquotes\u201d \u2018single\u2019 \u00ab guillemets \u00bb",
    "em\u2014dash en\u2013dash",
    "ellipsis\u2026",
    "\u00bd \u00be \u00b2 \u00b3 \u2164 \u2460 \u0663",
    "\ufb01 \ufb02 ligatures",
    "\uff21\uff22\uff23 fullwidth",
    "\u212b \u00c5 A\u030a",
    "e\u0301\u0301 stacked",
    "\u0301 alone",
    "a\u0301b\u0302c\u0303",
    "\U0001d54f math \U0001d4d0",
    "\u2603 snow \u2605 star \u266b",
    "\U00020000 rare",
    "\ud7ff \ue000 private",
    "supercalifragilisticexpialidocious",
    "antidisestablishmentarianism",
    "pneumonoultramicroscopicsilicovolcanoconiosis",
    "qwrtzpsdfghjklyxcvbnm",
    "x" * 100,
    "aaaa " * 30,
    "ab" * 60,
    "!" * 50,
    "\u00e9" * 40,
    "cat,dog;bird:fish",
    "cat-dog_bird",
    "snake_case camelCase PascalCase kebab-case",
    "http://example.org/a?b=c&d=e#f",
    "me@example.org",
    "C++ C# F# .NET node.js",
    "U.S.A. e.g. i.e. etc.",
    "Mr. & Mrs. O'Neil-Smith",
    "rock & roll",
    "50/50",
    "1:1 16:9 3x3",
    "\u00d7 \u00f7 \u00b1 \u2248 \u2260",
    "\u20ac5 \u00a35 \u00a55 5\u00a2",
    "\u00ae \u2122 \u00a9",
    "a painting of a fox in the style of hokusai, trending on artstation, highly detailed, sharp focus, 8 k, octane render",
    "portrait of an old man with a long beard, oil on canvas, rembrandt lighting",
    "isometric voxel art of a tiny island, pastel colours",
    "black and white photograph, street, rain, reflections, film grain",
    "lowres, bad anatomy, bad hands, text, error, missing fingers, extra digit, fewer digits, cropped, worst quality",
    ", ".join(f"token number {i}" for i in range(40)),
    " ".join(str(i) for i in range(120)),
    "very " * 74 + "long",
    "very " * 75 + "long",
    "very " * 76 + "long",
    "word, " * 100,
]


def prompts() -> list[str]:
    """The list above and seeded mixtures of its pieces, with scripts and spaces thrown together."""
    chance = random.Random(20)
    pieces = [p for p in PROMPTS if 0 < len(p) < 60 and "<|" not in p]
    glue = ["", " ", ", ", "'", ".", "-", "\n", "\u00a0", " (", ") ", "s ", "'s "]
    mixed = []
    while len(mixed) < 90:
        text = "".join(
            chance.choice(pieces)[: chance.randint(1, 20)] + chance.choice(glue)
            for _ in range(chance.randint(2, 6))
        )
        mixed.append(text)
    return PROMPTS + mixed


def make(folder: pathlib.Path, bpe: pathlib.Path) -> None:
    from transformers import CLIPTokenizer

    with tempfile.TemporaryDirectory() as temporary:
        layouts.save_tokenizer(pathlib.Path(temporary), bpe, single_file=False)
        tokenizer = CLIPTokenizer.from_pretrained(temporary)
    assert tokenizer("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]
    rows = []
    for text in prompts():
        ids = tokenizer(text).input_ids
        padded = tokenizer(text, padding="max_length", max_length=77, truncation=True).input_ids
        expected = (ids[:76] + [49407] if len(ids) > 77 else ids) + [49407] * (77 - len(ids))
        if padded != expected:
            raise RuntimeError(f"{text!r}: truncation or padding is not what the goldens say")
        rows.append({"text": text, "ids": ids})
    folder.mkdir(parents=True, exist_ok=True)
    body = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    (folder / "tokenizer.json").write_text(f"[\n{body}\n]\n")
