"""Compares the model with transformers' LlamaModel, and cached with whole-window evaluation.

    python check_model.py [CONFIG_FOLDER]

Development only; needs transformers. Prints the largest differences and fails above 1e-4.
"""
from __future__ import annotations

import numpy as np
import torch
from transformers import LlamaConfig, LlamaModel

from model import Cache, MidiModel, make_config
from train import SIZES


def main() -> None:
    torch.manual_seed(3)
    config = make_config(*SIZES["tiny"])
    model = MidiModel(config).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn_like(p) * 0.1 + (1.0 if p.dim() == 1 else 0.0))
    rows = torch.from_numpy(np.random.default_rng(1).integers(0, 3406, (3, 40, 8)))
    with torch.no_grad():
        ours = model.hidden(rows)
        tokens = rows[:, 0, :7]
        ours_token = model.token_hidden(ours[:, 5], tokens)
        worst = 0.0
        for name, inputs, expected in (
            ("net", model.net.embed_tokens(rows).sum(-2), ours),
            ("net_token", torch.cat([ours[:, 5:6], model.net_token.embed_tokens(tokens)], 1), ours_token),
        ):
            llama = LlamaModel(LlamaConfig(**{k: v for k, v in config[name + "_config"].items() if k != "model_type"})).eval()
            prefix = name + "."
            state = {k[len(prefix) :]: v for k, v in model.state_dict().items() if k.startswith(prefix)}
            llama.load_state_dict(state, strict=True)
            difference = float((llama(inputs_embeds=inputs).last_hidden_state - expected).abs().max())
            print(f"{name}: {difference:.2e} from transformers")
            worst = max(worst, difference)
        # Sequences of unlike length through one cache, then one event more each.
        cache = Cache(model.net, 3, 41, torch.float32)
        lengths = torch.tensor([40, 25, 31])
        first = model.hidden(rows, cache)
        cache.length = lengths.clone()
        more = model.hidden(rows[:, :1], cache)
        for i, n in enumerate(lengths.tolist()):
            whole = model.hidden(torch.cat([rows[i : i + 1, :n], rows[i : i + 1, :1]], 1))
            worst = max(worst, float((whole[0, -1] - more[i, 0]).abs().max()), float((whole[0, n - 1] - first[i, n - 1]).abs().max()))
        print(f"cached against whole: {worst:.2e} at most")
    if not worst < 1e-4:
        raise SystemExit("the model differs from its reference")


if __name__ == "__main__":
    main()
