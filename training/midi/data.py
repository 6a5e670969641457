"""Batches on the device, augmented there: windows of pieces, transposed, revoiced, at other tempos and dynamics.

It reads only the pack. A window that starts inside a piece keeps the piece's set-up rows in front, as a user's
seed has them.
"""
from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

import vocab
from prepare import KINDS

B = vocab.BASE
TRAIN, VALIDATION, TEST = 0, 1, 2
# (window in events, longest piece it serves). Short pieces fill short windows, so that few rows are padding.
BUCKETS = [(256, 256), (1024, 1024), (2048, 1 << 30)]
# How often a kind is drawn beside its share of events: few chorales and songs for bands, many lieder and quartets.
KIND_WEIGHT = {"choral": 3.0, "strings": 0.6, "lied": 1.0, "keys": 3.0, "tune": 2.0, "band": 2.0}


class Pack:
    def __init__(self, folder: Path, device: torch.device):
        file = folder / "pack.npz"
        if not file.is_file():
            raise SystemExit(f"{file}: expected the pack that prepare.py writes, found none")
        data = np.load(file)
        self.starts, self.split, self.kind = data["starts"], data["split"], data["kind"]
        self.lengths = np.diff(self.starts)
        self.numpy_rows = data["rows"]
        self.device = device
        self.rows = torch.from_numpy(data["rows"].astype(np.int16)).to(device)
        self.t = {
            "start": torch.from_numpy(self.starts[:-1]).to(device),
            "length": torch.from_numpy(self.lengths).to(device),
            "head": torch.from_numpy(data["head"].astype(np.int64)).to(device),
            "low": torch.from_numpy(data["low"].astype(np.int64)).to(device),
            "high": torch.from_numpy(data["high"].astype(np.int64)).to(device),
            "patches": torch.from_numpy(data["patches"].astype(np.int64)).to(device),
        }
        sf = torch.zeros(15, 2, 12, dtype=torch.long)
        for flat in range(15):
            for minor in range(2):
                for shift in range(12):
                    sf[flat, minor, shift] = vocab.transposed_sf(flat - 7, minor, shift) + 7
        self.sf = sf.to(device)

    def piece(self, index: int) -> np.ndarray:
        return self.numpy_rows[self.starts[index] : self.starts[index + 1]].astype(np.int64)

    def buckets(self, events: int) -> list[tuple[int, int, torch.Tensor, torch.Tensor, float]]:
        """(window, batch, pieces, weights, share) for batches of about `events` events of the training pieces."""
        weight = np.array([KIND_WEIGHT[k] for k in KINDS])[self.kind] * np.minimum(self.lengths, 6000)
        out, shortest = [], 0
        for window, longest in BUCKETS:
            chosen = np.flatnonzero((self.split == TRAIN) & (self.lengths > shortest) & (self.lengths <= longest))
            shortest = longest
            if len(chosen):
                w = torch.from_numpy(weight[chosen]).float().to(self.device)
                out.append((window, max(1, events // window), torch.from_numpy(chosen).to(self.device), w, float(w.sum())))
        total = sum(o[4] for o in out)
        return [(*o[:4], o[4] / total) for o in out]

    def windows(self, pieces: torch.Tensor, window: int, generator: torch.Generator | None, augment: bool) -> torch.Tensor:
        """int64 [len(pieces), window + 1, 8]. Without `augment`: the pieces' beginnings as they are."""
        t, n, dev = self.t, len(pieces), self.device
        start, length, head = (t[k][pieces][:, None] for k in ("start", "length", "head"))
        column = torch.arange(window + 1, device=dev)[None]
        skip = torch.zeros(n, 1, dtype=torch.long, device=dev)
        if augment:
            room = (length - window - 1).clamp(min=0)
            inside = torch.rand(n, 1, device=dev, generator=generator) < 0.6
            skip = (torch.rand(n, 1, device=dev, generator=generator) * (room + 1)).long().clamp(max=1 << 30) * inside
        at = torch.where(column < head, column, column + skip)
        real = at < length
        rows = self.rows[(start + at.clamp(max=1 << 40)).minimum(start + length - 1)].long() * real[..., None]
        cut = (column == head) & (skip > 0) & (rows[..., 0] >= 3)  # the first row after a jump starts at once
        rows[..., 1] = torch.where(cut, B["time1"], rows[..., 1])
        return self.augment(rows, pieces, generator) if augment else rows

    def augment(self, rows: torch.Tensor, pieces: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
        t, n, dev = self.t, len(pieces), self.device

        def uniform(low, high, shape=(n, 1)):
            return torch.randint(low, high + 1, shape, device=dev, generator=generator)

        event = rows[..., 0]
        note = event == vocab.NOTE
        channel = (rows[..., 4] - B["channel"]).clamp(0, 15)
        shift = uniform(-5, 6)
        # An octave lies out of reach of some pieces: stay within 21..108.
        shift = torch.where((t["low"][pieces][:, None] + shift < 21) | (t["high"][pieces][:, None] + shift > 108), 0, shift)
        pitch = rows[..., 5] + torch.where(channel == 9, 0, shift)
        loud = uniform(-20, 16) + uniform(-8, 8, (n, 16)).gather(1, channel)
        velocity = (rows[..., 6] - B["velocity"] + loud).clamp(1, 127) + B["velocity"]
        rows[..., 5] = torch.where(note, pitch.clamp(B["pitch"], B["pitch"] + 127), rows[..., 5])
        rows[..., 6] = torch.where(note, velocity, rows[..., 6])

        tempo = event == vocab.EVENT_ID["set_tempo"]
        factor = 2 ** ((torch.rand(n, 1, device=dev, generator=generator) - 0.5) * 0.6)
        bpm = ((rows[..., 4] - B["bpm"]) * factor).long().clamp(20, 383) + B["bpm"]
        rows[..., 4] = torch.where(tempo, bpm, rows[..., 4])

        key = event == vocab.EVENT_ID["key_signature"]
        sf = (rows[..., 4] - B["sf"]).clamp(0, 14)
        minor = (rows[..., 5] - B["mi"]).clamp(0, 1)
        moved = self.sf[sf, minor, (shift % 12).expand_as(sf)] + B["sf"]
        rows[..., 4] = torch.where(key, moved, rows[..., 4])

        variant = uniform(0, t["patches"].shape[1] - 1)[:, 0]
        other = t["patches"][pieces, variant].gather(1, channel)
        keep = torch.rand(n, 1, device=dev, generator=generator) < 0.35
        change = (event == vocab.EVENT_ID["patch_change"]) & (other != 255) & ~keep
        rows[..., 5] = torch.where(change, other + B["patch"], rows[..., 5])
        return rows
