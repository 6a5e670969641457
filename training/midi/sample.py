"""Continues many seeds at once, with the original's masks and its top-p and top-k.

It does not read or write MIDI files. Softmax over the whole vocabulary, then the mask, sort, top-p on the mass that
was not renormalised, top-k, draw.
"""
from __future__ import annotations

import numpy as np
import torch

import vocab
from model import Cache, MidiModel


def pick(logits: torch.Tensor, allowed: torch.Tensor, temperature: float, top_p: float, top_k: int, generator) -> torch.Tensor:
    """logits and allowed [n, vocabulary] -> tokens [n]."""
    probability = torch.softmax(logits.float() / temperature, -1) * allowed
    value, index = probability.topk(top_k, -1)
    # As the original: a token stays while the mass before it is at most top_p.
    value = value * (value.cumsum(-1) - value <= top_p)
    value = torch.where(value.sum(-1, keepdim=True) > 0, value, torch.ones_like(value) * (torch.arange(top_k, device=value.device) == 0))
    return index.gather(-1, torch.multinomial(value, 1, generator=generator))[:, 0]


@torch.no_grad()
def continue_seeds(
    model: MidiModel, seeds: list[np.ndarray], events: int, temperature=1.0, top_p=0.94, top_k=20, seed=1, notes_only=False
) -> list[np.ndarray]:
    """Token rows that follow each seed, at most `events` each; an eos row ends a continuation and is not kept.

    With `notes_only` a row may only be a note or eos: what a user gets who disables patch and control changes.
    """
    model.eval()
    device = model.lm_head.weight.device
    n = len(seeds)
    longest = max(map(len, seeds))
    rows = torch.zeros(n, longest, vocab.ROW, dtype=torch.long, device=device)
    for i, s in enumerate(seeds):
        rows[i, : len(s)] = torch.from_numpy(np.asarray(s, np.int64)).to(device)
    lengths = torch.tensor([len(s) for s in seeds], device=device)
    table = torch.from_numpy(vocab.allowed_tokens()).to(device)
    if notes_only:
        for name in vocab.EVENTS[1:]:
            table[:, 0, vocab.EVENT_ID[name]] = False
    generator = torch.Generator(device).manual_seed(seed)
    cache = Cache(model.net, n, longest + events, torch.float32)
    hidden = model.hidden(rows, cache)
    hidden = hidden[torch.arange(n, device=device), lengths - 1]
    cache.length = lengths.clone()
    out = torch.zeros(n, events, vocab.ROW, dtype=torch.long, device=device)
    ended = torch.zeros(n, dtype=torch.bool, device=device)
    for step in range(events):
        inner = Cache(model.net_token, n, vocab.ROW, torch.float32)
        x = hidden[:, None]
        which = torch.zeros(n, dtype=torch.long, device=device)
        for place in range(vocab.ROW):
            logits = model.lm_head(model.net_token(x, inner))[:, -1]
            inner.length = inner.length + 1
            token = pick(logits, table[which, place], temperature, top_p, top_k, generator)
            token = torch.where(ended | table[which, place, vocab.PAD], vocab.PAD, token)
            if place == 0:
                ended = ended | (token == vocab.EOS)
                token = torch.where(ended, vocab.PAD, token)
                which = torch.where(ended, len(vocab.EVENTS), (token - 3).clamp(0, len(vocab.EVENTS)))
            out[:, step, place] = token
            x = model.net_token.embed_tokens(token)[:, None]
        if step % 16 == 15 and bool(ended.all()):
            break
        hidden = model.hidden(out[:, step : step + 1], cache)[:, 0]
        cache.length = cache.length + 1
    result = out.cpu().numpy()
    return [r[: int((r[:, 0] != 0).sum())] for r in result]
