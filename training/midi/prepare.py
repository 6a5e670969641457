"""Turns sources.py's .mid files into the pack that train.py reads: token rows, pieces, splits, instruments.

It does not train. Tokens are the original's own: midi_tokenizer.py and MIDI.py are imported from a checkout of
SkyTNT/midi-model (Apache-2.0), which is not part of this repository.

pack.npz:
  rows      uint16 [events, 8]   all pieces' rows, bos and eos rows included
  starts    int64 [pieces + 1]   where each piece's rows begin
  head      int16 [pieces]       leading rows that set up: bos, signatures, tempo, instruments
  split     uint8 [pieces]       0 train, 1 validation, 2 test: by a hash of the piece's title, kind by kind
  kind      uint8 [pieces]       index into KINDS
  low, high uint8 [pieces]       lowest and highest pitch outside the drum channel
  patches   uint8 [pieces, VARIANTS, 16]  other instruments that suit, by channel; 255 keeps the piece's own
"""
from __future__ import annotations

import argparse
import hashlib
import json
import math
import random
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

import vocab

KINDS = ["choral", "strings", "lied", "keys", "tune", "band"]
VARIANTS = 12
HEAD_LIMIT = 48
# General MIDI programs (from 0) that may stand in for each role.
KEYS = [0, 0, 1, 4, 5, 6, 8, 11, 12, 16, 19, 21, 24, 25, 46]
VOICES = [40, 41, 42, 52, 53, 56, 57, 60, 64, 65, 66, 68, 71, 73, 74, 75]
TUNES = [0, 21, 21, 22, 24, 25, 40, 40, 40, 46, 72, 73, 73, 74, 75, 105, 109, 110]
ENSEMBLES = [[0], [16], [19], [48], [49], [52], [6], [46], [61], [40, 40, 41, 42], [73, 68, 71, 70], [56, 56, 60, 57], [64, 65, 66, 67]]
BASSES = [32, 33, 35, 43, 58, 70]


def patch_variants(kind: str, own: dict[int, int], means: dict[int, float], seed: str) -> np.ndarray:
    """uint8 [VARIANTS, 16]. `own`: channel to patch; `means`: channel to mean pitch. Drums are never changed."""
    rng = random.Random(seed)
    out = np.full((VARIANTS, 16), 255, np.uint8)
    if kind == "band":
        return out
    channels = sorted((c for c in own if c != 9), key=lambda c: -means.get(c, 60))
    for variant in out:
        if kind == "tune":
            for c in channels:
                variant[c] = rng.choice(TUNES)
        elif kind == "keys":
            one = rng.choice(KEYS)
            for c in channels:
                variant[c] = one
        elif kind == "lied":
            for c in channels:
                variant[c] = rng.choice(KEYS) if own[c] < 8 else rng.choice(VOICES)
        else:
            ensemble = rng.choice(ENSEMBLES)
            for i, c in enumerate(channels):
                variant[c] = ensemble[min(i * len(ensemble) // max(1, len(channels)), len(ensemble) - 1)]
            if len(channels) > 2 and rng.random() < 0.25:
                variant[channels[-1]] = rng.choice(BASSES)
    return out


def accent(rows: np.ndarray) -> None:
    """Gives notes of one fixed velocity, as converted scores have, the bar's weight: first beat +8, beats +3, else -3."""
    note = rows[:, 0] == vocab.NOTE
    base = vocab.BASE
    if note.sum() == 0 or len(np.unique(rows[note, 6])) > 2:
        return
    bar, beats, bar_start = 4.0, 0, 0
    for row in rows:
        if not 3 <= row[0] < 9:
            continue
        beats += int(row[1]) - base["time1"]
        if row[0] == vocab.EVENT_ID["time_signature"]:
            bar = 4.0 * (int(row[4]) - base["nn"] + 1) / 2 ** (int(row[5]) - base["dd"] + 1)
            bar_start = beats
        elif row[0] == vocab.NOTE:
            step = int(row[2]) - base["time2"]
            place = ((beats - bar_start) + step / 16) % bar
            weight = 8 if place == 0 else 3 if step == 0 else -3
            row[6] = base["velocity"] + min(127, max(1, int(row[6]) - base["velocity"] + weight))


def tokenize(job: tuple[str, str]) -> np.ndarray | str:
    """Rows of one .mid file, or why there are none."""
    path, checkout = job
    if checkout not in sys.path:
        sys.path.insert(0, checkout)
    import contextlib
    import io

    import MIDI
    from midi_tokenizer import MIDITokenizer

    tokenizer = MIDITokenizer("v2")
    tokenizer.set_optimise_midi(True)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            score = MIDI.midi2score(Path(path).read_bytes())
            rows = np.asarray(tokenizer.tokenize(score), np.int64)
    except Exception as problem:
        return f"tokenizer: {type(problem).__name__}"
    notes = int((rows[:, 0] == vocab.NOTE).sum())
    if notes < 32:
        return "fewer than 32 notes"
    if len(rows) > 12000:
        return "more than 12,000 events"
    accent(rows)
    return rows.astype(np.uint16)


def splits(pieces: list[dict]) -> np.ndarray:
    """uint8 [pieces]: 0 train, 1 validation, 2 test. Of each kind's titles, those with the lowest hashes: 8% test, 2% validation.

    By the title alone, so that versions of a piece stay together; by kind, so that each has its share.
    """
    out = np.zeros(len(pieces), np.uint8)
    for kind in KINDS:
        titles = {title_of(p) for p in pieces if p["kind"] == kind}
        order = sorted(titles, key=lambda t: hashlib.sha256(t.encode()).digest())
        test, validation = math.ceil(0.08 * len(order)), math.ceil(0.1 * len(order))
        place = {t: i for i, t in enumerate(order)}
        for i, p in enumerate(pieces):
            if p["kind"] == kind:
                rank = place[title_of(p)]
                out[i] = 2 if rank < test else 1 if rank < validation else 0
    return out


def title_of(piece: dict) -> str:
    """What a piece is called, without its book and number: the same tune in two books counts as one."""
    name = piece["name"]
    if piece["kind"] == "tune":
        name = re.sub(r"^.*?#\d+ ", "", name)
        name = re.split(r"\s--\s|\s-\s", name)[0]
        name = re.sub(r"(?i)\b(the|a|an|reel|jig|hornpipe|strathspey|clog|walk[- ]?around)\b", "", name)
    elif piece["source"] == "freedoom":
        return piece["source"] + name
    elif piece["source"].startswith("openscore"):
        name = name.rsplit("/", 1)[0]
    return re.sub(r"[^a-z0-9]", "", name.lower()) or piece["file"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--midi", type=Path, required=True, help="the folder that sources.py wrote")
    parser.add_argument("--midi-model", type=Path, required=True, help="a checkout of SkyTNT/midi-model")
    parser.add_argument("--out", type=Path, required=True, help="folder for pack.npz and pack.json")
    args = parser.parse_args()
    if not (args.midi_model / "midi_tokenizer.py").is_file():
        parser.error(f"{args.midi_model}: expected SkyTNT/midi-model with midi_tokenizer.py, found none")
    manifest = json.loads((args.midi / "manifest.json").read_text())
    jobs = [(str(args.midi / p["file"]), str(args.midi_model)) for p in manifest["pieces"]]
    left_out = dict(manifest["left_out"])
    kept, seen = [], set()
    with ProcessPoolExecutor(2) as pool:
        for piece, rows in zip(manifest["pieces"], pool.map(tokenize, jobs, chunksize=16)):
            if isinstance(rows, str):
                key = f"{piece['source']}: {rows}"
                left_out[key] = left_out.get(key, 0) + 1
                continue
            melody = rows[rows[:, 0] == vocab.NOTE][:, [1, 2, 5, 7]]
            digest = hashlib.sha256(melody.tobytes()).digest()
            if digest in seen:
                key = f"{piece['source']}: the same notes as another piece"
                left_out[key] = left_out.get(key, 0) + 1
                continue
            seen.add(digest)
            kept.append((piece, rows))
    pieces = len(kept)
    head = np.zeros(pieces, np.int16)
    low, high = np.zeros(pieces, np.uint8), np.zeros(pieces, np.uint8)
    patches = np.full((pieces, VARIANTS, 16), 255, np.uint8)
    split = splits([p for p, _ in kept])
    summary: dict[str, dict[str, int]] = {}
    for index, (piece, rows) in enumerate(kept):
        notes = rows[:, 0] == vocab.NOTE
        head[index] = min(int(np.argmax(notes)), HEAD_LIMIT)
        note = vocab.notes_of(rows)
        pitched = note[note[:, 2] != 9]
        low[index], high[index] = (pitched[:, 3].min(), pitched[:, 3].max()) if len(pitched) else (60, 60)
        own = {}
        for row in rows[rows[:, 0] == vocab.EVENT_ID["patch_change"]]:
            own.setdefault(int(row[4]) - vocab.BASE["channel"], int(row[5]) - vocab.BASE["patch"])
        means = {c: float(note[note[:, 2] == c, 3].mean()) for c in np.unique(note[:, 2])}
        patches[index] = patch_variants(piece["kind"], own, means, piece["file"])
        line = summary.setdefault(piece["source"], {"pieces": 0, "events": 0, "notes": 0, "test_pieces": 0})
        line["pieces"] += 1
        line["events"] += len(rows)
        line["notes"] += int(notes.sum())
        line["test_pieces"] += int(split[index] == 2)
    args.out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        args.out / "pack.npz",
        rows=np.concatenate([r for _, r in kept]),
        starts=np.cumsum([0] + [len(r) for _, r in kept]).astype(np.int64),
        head=head, low=low, high=high, patches=patches,
        split=split,
        kind=np.array([KINDS.index(p["kind"]) for p, _ in kept], np.uint8),
    )  # fmt: skip
    names = [[p["source"], p["name"]] for p, _ in kept]
    (args.out / "pack.json").write_text(
        json.dumps({"sources": summary, "left_out": left_out, "pieces": names}, ensure_ascii=False)
    )
    print(json.dumps({"sources": summary, "left_out": left_out}, indent=1))
    print(f"{pieces} pieces, {sum(len(r) for _, r in kept)} events,", (args.out / "pack.npz").stat().st_size, "bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
