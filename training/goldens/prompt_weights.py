"""Prompts with weights as A1111's web UI reads them, on transformers' text encoder: what weighted goldens come from.

Written apart from the engine's reader, over regular expressions; the engine's has its own cases.
"""

import re

import torch

TOKENS = re.compile(r"\\([()\[\]\\])|(\\)|([(\[])|:\s*([+-]?[.\d]+)\s*\)|([)\]])|([^\\()\[\]:]+|:)")


def parse(prompt: str) -> list[tuple[str, float, bool]]:
    """(text, weight, whether a window begins with it)."""
    parts: list[list] = []
    opened: dict[str, list[int]] = {"(": [], "[": []}

    def weigh(first: int, by: float) -> None:
        for part in parts[first:]:
            part[1] *= by

    for match in TOKENS.finditer(prompt):
        escaped, _, opening, weight, closing, plain = match.groups()
        if opening:
            opened[opening].append(len(parts))
        elif weight and opened["("]:
            weigh(opened["("].pop(), float(weight))
        elif closing == ")" and opened["("]:
            weigh(opened["("].pop(), 1.1)
        elif closing == "]" and opened["["]:
            weigh(opened["["].pop(), 1 / 1.1)
        else:
            pieces = re.split(r"\s*\bBREAK\b\s*", escaped or plain or closing or match.group(0).strip("\\"))
            for i, piece in enumerate(pieces):
                parts.append([piece, 1.0, i > 0])
    for first in opened["("]:
        weigh(first, 1.1)
    for first in opened["["]:
        weigh(first, 1 / 1.1)
    merged: list[list] = []
    for part in parts or [["", 1.0, False]]:
        if merged and not part[2] and merged[-1][1] == part[1]:
            merged[-1][0] += part[0]
        else:
            merged.append(list(part))
    return [tuple(part) for part in merged]


def chunks(tokenizer, prompt: str) -> list[tuple[list[int], list[float]]]:
    """Windows of 77 ids with as many weights; a full one ends behind its last comma, if that is near."""
    comma = tokenizer(",", add_special_tokens=False).input_ids[0]
    windows, ids, weights, last_comma = [], [], [], -1

    def close() -> None:
        nonlocal ids, weights, last_comma
        missing = 75 - len(ids)
        end = tokenizer.eos_token_id
        windows.append(
            ([tokenizer.bos_token_id, *ids, end, *[end] * missing], [1.0, *weights, 1.0, *[1.0] * missing])
        )
        ids, weights, last_comma = [], [], -1

    for text, weight, begins in parse(prompt):
        if begins:
            close()
        for token in tokenizer(text, add_special_tokens=False).input_ids:
            if token == comma:
                last_comma = len(ids)
            elif len(ids) == 75 and last_comma >= 0 and 75 - last_comma <= 20:
                kept = last_comma + 1
                late = ids[kept:], weights[kept:]
                ids, weights = ids[:kept], weights[:kept]
                close()
                ids, weights = late
            if len(ids) == 75:
                close()
            ids.append(token)
            weights.append(weight)
    if ids or not windows:
        close()
    return windows


def apply(hidden: torch.Tensor, weights: list[list[float]]) -> torch.Tensor:
    """hidden [n, 77, C]: rows times their weights, each window given its mean back."""
    result = []
    for states, factors in zip(hidden, weights):
        weighed = states * torch.tensor(factors, dtype=states.dtype)[:, None]
        result.append(weighed * (states.mean() / weighed.mean()))
    return torch.stack(result)
