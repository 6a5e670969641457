"""Measures a trained model on the held-out pieces and writes metrics.json and continuations.npz.

    python evaluate.py --pack PACK --out OUT            (on a GPU or not; reads OUT/checkpoint-*.safetensors)
    python evaluate.py --pack PACK --out OUT --midi DIR (only writes continuations.npz's pieces as .mid files)

Beside the model's continuations stand the piece's real one (the ceiling), its rows in random order (shuffled), and
the seed played again (copy). Nothing is trained here.
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

import vocab
from checkpoint import load_checkpoint
from data import TEST, TRAIN, Pack
from export import quantised, restored
from measures import average, measure, motifs
from model import MidiModel
from prepare import KINDS
from sample import continue_seeds

SEED_BARS = 8
SETTINGS = {"temperature": 1.0, "top_p": 0.94, "top_k": 20}
MEMORY_MOTIF = 16


def seed_length(rows: np.ndarray, bars: int = SEED_BARS) -> int:
    """How many rows the first `bars` bars take, set-up rows included."""
    base = vocab.BASE
    signature = rows[rows[:, 0] == vocab.EVENT_ID["time_signature"]]
    quarters = 4.0
    if len(signature):
        quarters = 4.0 * (signature[0, 4] - base["nn"] + 1) / 2.0 ** (signature[0, 5] - base["dd"] + 1)
    event = (rows[:, 0] >= 3) & (rows[:, 0] < 9)
    beats = np.cumsum(np.where(event, rows[:, 1] - base["time1"], 0))
    steps = beats * 16 + np.where(event, rows[:, 2] - base["time2"], 0)
    first = steps[rows[:, 0] == vocab.NOTE][0]
    after = np.flatnonzero((rows[:, 0] == vocab.NOTE) & (steps - first // 16 * 16 >= bars * quarters * 16))
    return int(after[0]) if len(after) else len(rows)


def choose(pack: Pack, count: int, events: int) -> list[tuple[int, int]]:
    """(piece, seed rows) of held-out pieces, spread over the kinds, with at least 48 rows after the seed."""
    by_kind: dict[int, list[tuple[int, int]]] = {}
    for piece in np.flatnonzero(pack.split == TEST):
        rows = pack.piece(piece)
        cut = seed_length(rows)
        if cut <= 768 and len(rows) - 1 - cut >= 48:
            by_kind.setdefault(int(pack.kind[piece]), []).append((int(piece), cut))
    chosen: list[tuple[int, int]] = []
    place = 0
    while len(chosen) < count and any(len(v) > place for v in by_kind.values()):
        for kind in sorted(by_kind):
            if len(by_kind[kind]) > place and len(chosen) < count:
                chosen.append(by_kind[kind][place])
        place += 1
    return chosen


def likelihood(model: MidiModel, seeds: list[np.ndarray], continuations: list[np.ndarray]) -> dict[str, float]:
    """Nats a token and an event of the continuations, given their seeds."""
    device = model.lm_head.weight.device
    total = tokens = events = 0.0
    with torch.no_grad():
        for seed, rows in zip(seeds, continuations):
            both = torch.from_numpy(np.concatenate([seed, rows]).astype(np.int64)).to(device)[None]
            loss, mask = model.token_losses(both)
            keep = mask[0, len(seed) - 1 :]
            total += float((loss[0, len(seed) - 1 :] * keep).sum())
            tokens += float(keep.sum())
            events += len(rows)
    return {"nll_token": round(total / max(1, tokens), 4), "nll_event": round(total / max(1, events), 4)}


def held_out(model: MidiModel, pack: Pack, window: int) -> dict[str, dict[str, float]]:
    """Nats a token and an event over the test pieces' first `window` events, by kind, beside token frequencies."""
    device = model.lm_head.weight.device
    # Baseline: each place's token frequencies given the event's kind, counted on the training pieces.
    rows = np.concatenate([pack.piece(i) for i in np.flatnonzero(pack.split == TRAIN)[::4]])
    counts = np.ones((10, vocab.ROW, vocab.VOCABULARY), np.float32) * 0.01
    event = np.clip(rows[:, 0], 0, 9)
    for place in range(vocab.ROW):
        np.add.at(counts[:, place], (event if place else np.zeros_like(event), rows[:, place]), 1)
    frequency = np.log(counts / counts.sum(-1, keepdims=True))
    sums: dict[str, np.ndarray] = {}
    with torch.no_grad():
        for piece in np.flatnonzero(pack.split == TEST):
            rows = pack.piece(piece)[: window + 1]
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                loss, mask = model.token_losses(torch.from_numpy(rows).to(device)[None])
            y = rows[1:]
            e = np.clip(y[:, 0], 0, 9)
            base = -np.stack([frequency[e if p else np.zeros_like(e), p, y[:, p]] for p in range(vocab.ROW)], 1)
            line = np.array([float((loss.float() * mask).sum()), float(mask.sum()), len(y), float((base * (y != 0)).sum())])
            for name in ("all", KINDS[pack.kind[piece]]):
                sums[name] = sums.get(name, 0) + np.append(line, 1)
    return {
        name: {
            "pieces": int(s[4]), "events": int(s[2]), "nll_token": round(s[0] / s[1], 4), "nll_event": round(s[0] / s[2], 4),
            "frequencies_nll_token": round(s[3] / s[1], 4), "frequencies_nll_event": round(s[3] / s[2], 4),
        }
        for name, s in sums.items()
    }  # fmt: skip


def eight_bit_divergence(model: MidiModel, pack: Pack, pieces: int = 24, window: int = 512) -> dict[str, float]:
    """KL divergence (nats, float32) of the next-token distributions of the 8-bit weights from the float ones'."""
    device = model.lm_head.weight.device
    other = MidiModel(model.config).to(device).eval()
    other.load_state_dict({k: v.to(device) for k, v in restored(quantised(model.state_dict())).items()})
    total, count, worst = 0.0, 0, 0.0
    with torch.no_grad():
        for piece in np.flatnonzero(pack.split == TEST)[:: max(1, int((pack.split == TEST).sum()) // pieces)][:pieces]:
            rows = torch.from_numpy(pack.piece(piece)[: window + 1]).to(device)[None]
            target = rows[:, 1:].reshape(-1, vocab.ROW)
            logs = []
            for m in (model, other):
                hidden = m.hidden(rows[:, :-1])[0]
                logs.append(F.log_softmax(m.lm_head(m.token_hidden(hidden, target[:, :-1])).float(), -1))
            kl = (logs[0].exp() * (logs[0] - logs[1])).sum(-1)[target != 0]
            total += float(kl.sum())
            count += kl.numel()
            worst = max(worst, float(kl.max()))
    return {"mean_kl_nats": round(total / count, 6), "max_kl_nats": round(worst, 4), "tokens": count}


def remembered(notes: np.ndarray, known: set[int]) -> float:
    own = motifs(notes, MEMORY_MOTIF)
    return sum(hash(m) in known for m in own) / max(1, len(own))


def evaluate(out: Path, pack: Pack, device: torch.device, pieces: int, events: int) -> None:
    torch.set_float32_matmul_precision("highest")  # divergences of a thousandth of a nat are measured here
    config = json.loads((out / "config.json").read_text())
    model = MidiModel(config).to(device).eval()
    model.config = config
    model.load_state_dict({k: v.float() for k, v in load_checkpoint(out).items()})
    chosen = choose(pack, pieces, events)
    seeds = [pack.piece(p)[:cut] for p, cut in chosen]
    real = [pack.piece(p)[cut:-1][:events] for p, cut in chosen]
    print(f"continuing {len(seeds)} held-out seeds of {min(map(len, seeds))} to {max(map(len, seeds))} events", flush=True)
    rng = np.random.default_rng(1)
    ways = {
        "real": real,
        "model": continue_seeds(model, seeds, events, seed=1, **SETTINGS),
        "model_notes_only": continue_seeds(model, seeds, events, seed=2, notes_only=True, **SETTINGS),
        "shuffled": [r[rng.permutation(len(r))] for r in real],
        "copy": [np.resize(s[np.argmax(s[:, 0] == vocab.NOTE) :], (len(r), vocab.ROW)) for s, r in zip(seeds, real)],
    }
    known: set[int] = set()
    for piece in np.flatnonzero(pack.split == TRAIN):
        known.update(map(hash, motifs(vocab.notes_of(pack.piece(piece)), MEMORY_MOTIF)))
    report: dict = {
        "held_out": held_out(model, pack, 2048), "eight_bits": eight_bit_divergence(model, pack),
        "continuations": {}, "by_kind": {}, "settings": {**SETTINGS, "events": events, "seed_bars": SEED_BARS, "pieces": len(seeds)},
        "training": json.loads((out / "training.json").read_text()),
    }  # fmt: skip
    for way, rows in ways.items():
        lines = []
        for seed, continuation in zip(seeds, rows):
            beat = int((seed[(seed[:, 0] >= 3), 1] - vocab.BASE["time1"]).sum())
            notes = vocab.notes_of(continuation, beat)
            line = measure(notes, vocab.notes_of(seed))
            if line:
                line["found_in_training"] = remembered(notes, known)
            lines.append(line)
        ended = sum(len(r) < len(t) for r, t in zip(rows, real))
        report["continuations"][way] = {
            **average(lines), **likelihood(model, seeds, rows), "empty": sum(not line for line in lines),
            "mean_events": round(float(np.mean([len(r) for r in rows])), 1), "ended_before_the_real_one": ended,
        }  # fmt: skip
        for kind, name in enumerate(KINDS):
            picked = [line for (p, _), line in zip(chosen, lines) if pack.kind[p] == kind]
            if picked:
                report["by_kind"].setdefault(name, {"pieces": len(picked)})[way] = average(picked)
    (out / "metrics.json").write_text(json.dumps(report, indent=1) + "\n")
    flat = {f"{way}_{i}": r.astype(np.uint16) for way in ("model", "model_notes_only", "real") for i, r in enumerate(ways[way])}
    np.savez_compressed(
        out / "continuations.npz", piece=np.array([p for p, _ in chosen]),
        **flat, **{f"seed_{i}": s.astype(np.uint16) for i, s in enumerate(seeds)},
    )  # fmt: skip
    print(json.dumps({k: report[k] for k in ("held_out", "eight_bits", "continuations")}, indent=1), flush=True)


def write_midi_files(out: Path, folder: Path) -> None:
    """seed + continuation of each held-out piece, and the real piece, as .mid files."""
    data = np.load(out / "continuations.npz")
    folder.mkdir(parents=True, exist_ok=True)
    for i, piece in enumerate(data["piece"]):
        for way in ("model", "model_notes_only", "real"):
            rows = np.concatenate([data[f"seed_{i}"], data[f"{way}_{i}"]])
            (folder / f"{i:02d}-piece{piece}-{way}.mid").write_bytes(vocab.write_midi(rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pieces", type=int, default=64)
    parser.add_argument("--events", type=int, default=256)
    parser.add_argument("--midi", type=Path)
    args = parser.parse_args()
    if args.midi:
        return write_midi_files(args.out, args.midi)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    evaluate(args.out, Pack(args.pack, device), device, args.pieces, args.events)


if __name__ == "__main__":
    main()
