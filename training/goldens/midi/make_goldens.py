"""Makes native/midi/testdata from the original implementation: tokens of made-up files, and what seeded models compute.

    python make_goldens.py --original PATH [--only files|models|medium|lora]

PATH is a checkout of SkyTNT/midi-model (Apache-2.0), which is run and not copied. Needs torch, transformers, numpy, and
peft for `lora`.
"""
import argparse
import json
import sys
import types
from pathlib import Path

import numpy as np

import files
import seeded

OUT = Path(__file__).resolve().parents[3] / "native" / "midi" / "testdata"
# Chosen so that greedy runs do not end early.
SALTS = {"tiny": "2", "tiny-v1": "4", "odd": "", "tv2o-medium": ""}
SHAPES = {
    # name: tokenizer version, optimise, event net and token net: layers, heads, key heads, hidden, inner
    "tiny": ("v2", True, (4, 4, 4, 64, 128), (1, 1, 1, 64, 32)),
    "tiny-v1": ("v1", False, (2, 4, 4, 64, 128), (2, 2, 2, 64, 48)),
    "odd": ("v2", False, (3, 6, 2, 60, 100), (2, 3, 1, 60, 84)),
    "tv2o-medium": ("v2", True, (12, 16, 16, 1024, 4096), (3, 4, 4, 1024, 1024)),
}


def load_original(path):
    if "peft" not in sys.modules:
        try:
            import peft  # noqa: F401
        except ImportError:
            stand_in = types.ModuleType("peft")  # imported by the original, used for LoRA alone
            for name in ("PeftConfig", "LoraModel", "load_peft_weights", "set_peft_model_state_dict"):
                setattr(stand_in, name, None)
            sys.modules["peft"] = stand_in
    sys.path.insert(0, str(path))
    import MIDI
    import midi_model
    import midi_tokenizer

    return MIDI, midi_model, midi_tokenizer


def net(shape, vocab):
    layers, heads, kv, hidden, inner = shape
    return {
        "vocab_size": vocab, "hidden_size": hidden, "intermediate_size": inner, "num_hidden_layers": layers,
        "num_attention_heads": heads, "num_key_value_heads": kv, "rms_norm_eps": 1e-6,
        "max_position_embeddings": 4096, "pad_token_id": 0,
    }


def config_of(name):
    version, optimise, event, token = SHAPES[name]
    vocab = {"v1": 3239, "v2": 3406}[version]
    return {
        "tokenizer": {"version": version, "optimise_midi": optimise},
        "net_config": net(event, vocab), "net_token_config": net(token, vocab), "n_embd": event[3],
    }


def seeded_model(midi_model, name):
    import torch

    config = config_of(name)
    model = midi_model.MIDIModel(midi_model.MIDIModelConfig(**{k: v for k, v in config.items() if k != "n_embd"}))
    with torch.no_grad():
        for key, value in model.state_dict().items():
            value.copy_(torch.from_numpy(seeded.tensor(SALTS[name] + key, tuple(value.shape))))
    return model.eval()


def rounded(array, digits=7):
    return [float(f"{x:.{digits}g}") for x in np.asarray(array, dtype=np.float64).ravel()]


def sampled_run(model, prompt, events):
    """Rows of a sampled run and the distributions that they were drawn from, caught where they are drawn."""
    import torch

    caught, pending = [], {}
    multinomial, gather = torch.multinomial, torch.gather

    def catch_mass(mass, *args, **kwargs):
        pending["mass"] = mass[0].clone()
        return multinomial(mass, *args, **kwargs)

    def catch_tokens(tokens, *args, **kwargs):
        mass = pending.pop("mass")
        kept = mass > 0
        caught.append([tokens.reshape(-1)[kept].tolist(), rounded(mass[kept], 9)])
        return gather(tokens, *args, **kwargs)

    torch.multinomial, torch.gather = catch_mass, catch_tokens
    try:
        generator = torch.Generator().manual_seed(5)
        rows = model.generate(np.array(prompt), max_len=len(prompt) + events, temp=0.9, top_p=0.8, top_k=20,
                              generator=generator)[0]
    finally:
        torch.multinomial, torch.gather = multinomial, gather
    return rows.tolist(), caught


def filter_goldens(midi_model, midi_tokenizer):
    """The original's filter over seeded logits: what is allowed, how it samples, the tokens and masses that are left."""
    import torch

    goldens = []
    tokenizer = midi_tokenizer.MIDITokenizer("v2")
    model = midi_model.MIDIModel.sample_top_p_k
    multinomial, gather, caught = torch.multinomial, torch.gather, {}
    cases = [(0, None, 1.0, 0.98, 20, []), (0, None, 0.7, 0.94, 3, []), (1, "note", 1.0, 0.94, 20, []),
             (2, "note", 1.2, 0.5, 20, []), (4, "note", 1.0, 0.94, 20, [9, 3, 0]), (7, "note", 0.9, 0.1, 20, []),
             (7, "note", 0.5, 1.0, 2048, []), (4, "set_tempo", 1.0, 0.002, 20, []), (5, "key_signature", 0.1, 0.9, 1, [])]
    for index, (place, kind, temperature, top_p, top_k, banned) in enumerate(cases):
        raw = seeded.bytes_of(f"logits-{index}", tokenizer.vocab_size).astype(np.float32) / np.float32(24)
        if kind is None:
            allowed = list(tokenizer.event_ids.values()) + [tokenizer.eos_id]
        else:
            name = tokenizer.events[kind][place - 1]
            allowed = [t for i, t in enumerate(tokenizer.parameter_ids[name]) if name != "channel" or i not in banned]
        mask = torch.zeros(tokenizer.vocab_size, dtype=torch.int64)
        mask[allowed] = 1
        masses = torch.softmax(torch.from_numpy(raw)[None, None] / temperature, dim=-1) * mask

        def catch_mass(mass, *args, **kwargs):
            caught["mass"] = mass[0].clone()
            return multinomial(mass, *args, **kwargs)

        def catch_tokens(tokens, *args, **kwargs):
            caught["tokens"] = tokens.reshape(-1).clone()
            return gather(tokens, *args, **kwargs)

        torch.multinomial, torch.gather = catch_mass, catch_tokens
        try:
            model(None, masses, top_p, top_k)
        finally:
            torch.multinomial, torch.gather = multinomial, gather
        kept = caught["mass"] > 0
        goldens.append({"place": place, "kind": kind, "temperature": temperature, "top_p": top_p, "top_k": top_k,
                        "banned": banned, "tokens": caught["tokens"][kept].tolist(),
                        "masses": rounded(caught["mass"][kept], 9)})
    return goldens


def model_golden(midi_model, name, prompt, every, events):
    import torch

    model = seeded_model(midi_model, name)
    golden = {"config": config_of(name), "salt": SALTS[name], "prompt": prompt, "every": every}
    with torch.inference_mode():
        rows = torch.tensor([prompt])
        hidden = model.forward(rows)[0]
        forced = torch.cat([hidden[:-1, None], model.net_token.embed_tokens(rows[0, 1:, :-1])], dim=1)
        logits = model.lm_head(model.net_token.forward(inputs_embeds=forced).last_hidden_state)
        golden["hidden"] = rounded(hidden[:, :: max(1, hidden.shape[1] // 16)])
        golden["logits"] = rounded(logits[..., ::every])
        golden["spread"] = float(logits.std())
        if events:
            golden["greedy"] = model.generate(np.array(prompt), max_len=len(prompt) + events, top_k=1)[0].tolist()
            golden["sampled"], golden["distributions"] = sampled_run(model, prompt, 12)
    return golden


def lora_golden(midi_model, prompt, events):
    """A LoRA that PEFT makes, trains for some steps and saves, and what the original computes after merging it."""
    import torch
    from peft import LoraConfig, LoraModel, get_peft_model

    torch.manual_seed(3)
    model = seeded_model(midi_model, "tiny")
    config = LoraConfig(r=2, lora_alpha=3, lora_dropout=0, bias="none", alpha_pattern={"v_proj": 8},
                        rank_pattern={"down_proj": 1},
                        target_modules=r"net\.layers\.[03]\.(self_attn\.[qv]_proj|mlp\.down_proj)|"
                                       r"net_token\.layers\.0\.(self_attn\.o_proj|mlp\.gate_proj)")
    adapted = get_peft_model(model, config)
    rows = torch.tensor([prompt])
    trained = [p for p in adapted.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=0.03)
    losses = []
    for _ in range(12):
        hidden = model.forward(rows)[0]
        forced = torch.cat([hidden[:-1, None], model.net_token.embed_tokens(rows[0, 1:, :-1])], dim=1)
        logits = model.lm_head(model.net_token.forward(inputs_embeds=forced).last_hidden_state)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), rows[0, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    adapted.save_pretrained(OUT / "lora")
    (OUT / "lora" / "README.md").unlink()
    print("lora: loss", losses[0], "to", losses[-1])

    merged = seeded_model(midi_model, "tiny").load_merge_lora(str(OUT / "lora"))
    assert not any(isinstance(m, LoraModel) for m in merged.modules())
    golden = {"every": 601}
    with torch.inference_mode():
        hidden = merged.forward(rows)[0]
        forced = torch.cat([hidden[:-1, None], merged.net_token.embed_tokens(rows[0, 1:, :-1])], dim=1)
        logits = merged.lm_head(merged.net_token.forward(inputs_embeds=forced).last_hidden_state)
        golden["hidden"] = rounded(hidden[:, :: hidden.shape[1] // 16])
        golden["logits"] = rounded(logits[..., :: golden["every"]])
        golden["greedy"] = merged.generate(np.array(prompt), max_len=len(prompt) + events, top_k=1)[0].tolist()
    return golden


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--original", type=Path, required=True)
    parser.add_argument("--only", choices=["files", "models", "medium", "lora"])
    args = parser.parse_args()
    MIDI, midi_model, midi_tokenizer = load_original(args.original)
    OUT.mkdir(parents=True, exist_ok=True)
    made = files.make()
    if args.only in (None, "files"):
        index = {}
        for name, content in made.items():
            (OUT / name).write_bytes(content)
            index[name] = {}
            for version in ("v1", "v2"):
                for optimise in (False, True):
                    tokenizer = midi_tokenizer.MIDITokenizer(version)
                    tokenizer.set_optimise_midi(optimise)
                    rows = tokenizer.tokenize(MIDI.midi2score(content))
                    back = MIDI.score2midi(tokenizer.detokenize(rows))
                    golden = {"rows": len(rows), "hash": f"{files.hash_rows(rows):016x}",
                              "midi_bytes": len(back), "midi_hash": f"{files.hash_bytes(back):016x}"}
                    if len(rows) < 24:
                        golden["tokens"] = rows
                    index[name][f"{version}-{'optimise' if optimise else 'plain'}"] = golden
        (OUT / "files.json").write_text(json.dumps(index, separators=(",", ":")) + "\n")
    prompts = {}
    for version in ("v1", "v2"):
        tokenizer = midi_tokenizer.MIDITokenizer(version)
        prompts[version] = tokenizer.tokenize(MIDI.midi2score(made["song.mid"]))[:10]
    if args.only in (None, "models"):
        filters = filter_goldens(midi_model, midi_tokenizer)
        (OUT / "filters.json").write_text(json.dumps(filters, separators=(",", ":")) + "\n")
        for name in ("tiny", "tiny-v1", "odd"):
            golden = model_golden(midi_model, name, prompts[SHAPES[name][0]], 61, 64)
            print(name, "spread of logits", golden["spread"], "greedy rows", len(golden["greedy"]))
            (OUT / f"{name}.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
        # A checkpoint of three tensors among other values, as training saves them.
        import torch

        tensors = {key: torch.from_numpy(seeded.tensor(SALTS["tiny"] + key, shape)) for key, shape in
                   (("net.norm.weight", (64,)), ("net_token.norm.weight", (64,)), ("small", (3, 2)))}
        torch.save({"epoch": 3, "rate": 0.5, "names": ["a", None, True], "state_dict": tensors}, OUT / "pickle.ckpt")
    if args.only in (None, "lora"):
        golden = lora_golden(midi_model, prompts["v2"], 8)
        (OUT / "lora" / "golden.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    if args.only in (None, "medium"):
        golden = model_golden(midi_model, "tv2o-medium", prompts["v2"], 127, 0)
        print("tv2o-medium: spread of logits", golden["spread"])
        (OUT / "tv2o-medium.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
