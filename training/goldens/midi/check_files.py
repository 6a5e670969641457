"""Compares our tokens, and the files made of them, with the original's for real .mid files, in both versions, with and
without `optimise_midi`. Ends with 1 where any differs.

    python check_files.py --original PATH [--count 200] [--seed 1] FOLDER_OR_FILE...

PATH is a checkout of SkyTNT/midi-model, which is run and not copied. A file that the original cannot read is listed.
Needs the native build (./sluice makes it) and node.
"""
import argparse
import hashlib
import json
import random
import subprocess
from pathlib import Path

import numpy as np

from make_goldens import load_original

ROOT = Path(__file__).resolve().parents[3]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--original", type=Path, required=True)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("places", type=Path, nargs="+")
    args = parser.parse_args()
    MIDI, _, midi_tokenizer = load_original(args.original)
    files = sorted({p for place in args.places for p in ([place] if place.is_file() else place.rglob("*.mid"))})
    files = random.Random(args.seed).sample(files, min(args.count, len(files)))
    command = ["node", str(Path(__file__).with_name("tokens.mjs")), str(ROOT / "build/native/addon/sluice.node")]
    paths = "\n".join(str(p) for p in files)
    lines = subprocess.run(command, input=paths, capture_output=True, text=True, check=True).stdout.splitlines()
    same = different = unreadable = events = 0
    for line in lines:
        ours = json.loads(line)
        tokenizer = midi_tokenizer.MIDITokenizer(f"v{ours['version']}")
        tokenizer.set_optimise_midi(ours["optimise"])
        try:
            rows = tokenizer.tokenize(MIDI.midi2score(Path(ours["path"]).read_bytes()))
            made = MIDI.score2midi(tokenizer.detokenize(rows))
        except Exception as error:  # whatever it stumbles over
            unreadable += 1
            print(f"the original: {ours['path']} v{ours['version']}: {error!r}")
            continue
        want = hashlib.sha256(np.asarray(rows, dtype="<u4").tobytes()).hexdigest()
        if ours.get("rows") == want and ours["file"] == hashlib.sha256(made).hexdigest():
            same += 1
            events += len(rows)
        else:
            different += 1
            print("different:", line)
    print(f"{len(files)} files, {len(lines)} ways: {same} the same ({events} events), {different} different, "
          f"{unreadable} that the original cannot read")
    raise SystemExit(different > 0)


if __name__ == "__main__":
    main()
