"""CLIP's byte-pair tokenizer, read from the published vocabulary (open_clip's bpe_simple_vocab_16e6.txt.gz)."""
import gzip
import re
from functools import lru_cache

BOS, EOS, LENGTH = 49406, 49407, 77
WORD = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|(?:[^\s\w]|_)+", re.IGNORECASE)


def byte_symbols():
    """One printable character a byte, in CLIP's order: printable ones stand for themselves, and come first."""
    own = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in own]
    return {**{b: chr(b) for b in own}, **{b: chr(256 + i) for i, b in enumerate(rest)}}


class Tokenizer:
    def __init__(self, path):
        with gzip.open(path, "rt", encoding="utf-8") as f:
            lines = f.read().split("\n")
        merges = [tuple(line.split()) for line in lines[1 : 49152 - 256 - 2 + 1]]
        self.symbols = byte_symbols()
        pieces = list(self.symbols.values())
        pieces += [p + "</w>" for p in pieces] + ["".join(m) for m in merges]
        pieces += ["<|startoftext|>", "<|endoftext|>"]
        self.ids = {p: i for i, p in enumerate(pieces)}
        self.rank = {m: i for i, m in enumerate(merges)}
        assert len(self.ids) == EOS + 1

    @lru_cache(maxsize=100000)
    def word(self, text):
        parts = [self.symbols[b] for b in text.encode("utf-8")]
        parts[-1] += "</w>"
        while len(parts) > 1:
            best = min(zip(parts, parts[1:]), key=lambda p: self.rank.get(p, 1 << 30))
            if best not in self.rank:
                break
            merged, i = [], 0
            while i < len(parts):
                if i + 1 < len(parts) and (parts[i], parts[i + 1]) == best:
                    merged.append(parts[i] + parts[i + 1])
                    i += 2
                else:
                    merged.append(parts[i])
                    i += 1
            parts = merged
        return [self.ids[p] for p in parts]

    def encode(self, text, length=LENGTH):
        """Token ids: start, words, end, then the end token again up to `length`, as CLIP pads."""
        ids = [BOS]
        for w in WORD.findall(" ".join(text.lower().split())):
            ids += self.word(w)
        ids = ids[: length - 1] + [EOS]
        return ids + [EOS] * (length - len(ids))
