"""The v2 token vocabulary as numbers, events back to notes, and a small Standard MIDI File writer.

It does not tokenise MIDI files (prepare.py lets the original do that). A row is 8 tokens: event, then its
parameters, then pads. Times are in sixteenths of a beat ("steps"): 16 steps a quarter note.
"""
from __future__ import annotations

import struct

import numpy as np

PAD, BOS, EOS = 0, 1, 2
EVENTS = ["note", "patch_change", "control_change", "set_tempo", "time_signature", "key_signature"]
SIZES = {
    "time1": 128, "time2": 16, "duration": 2048, "track": 128, "channel": 16, "pitch": 128, "velocity": 128,
    "patch": 128, "controller": 128, "value": 128, "bpm": 384, "nn": 16, "dd": 4, "sf": 15, "mi": 2,
}  # fmt: skip
PARAMETERS = {
    "note": ["time1", "time2", "track", "channel", "pitch", "velocity", "duration"],
    "patch_change": ["time1", "time2", "track", "channel", "patch"],
    "control_change": ["time1", "time2", "track", "channel", "controller", "value"],
    "set_tempo": ["time1", "time2", "track", "bpm"],
    "time_signature": ["time1", "time2", "track", "nn", "dd"],
    "key_signature": ["time1", "time2", "track", "sf", "mi"],
}
ROW = 8
EVENT_ID = {name: 3 + i for i, name in enumerate(EVENTS)}
BASE: dict[str, int] = {}
_next = 3 + len(EVENTS)
for _name, _size in SIZES.items():
    BASE[_name] = _next
    _next += _size
VOCABULARY = _next
assert VOCABULARY == 3406
NOTE = EVENT_ID["note"]
STEPS = 16


def transposed_sf(sf: int, minor: int, shift: int) -> int:
    """Sharps (negative: flats) of the key `shift` semitones up, spelt with at most 6 (minor: 4 sharps, 7 flats)."""
    key = (sf * 7 + shift) % 12
    moved = (key * 7) % 12
    return moved - 12 if moved > 6 or (minor and moved >= 5) else moved


def allowed_tokens() -> np.ndarray:
    """bool [len(EVENTS) + 1, ROW, VOCABULARY]: what may stand at each place of each event; the last is eos.

    At place 0 every event and eos may stand, whatever the row.
    """
    table = np.zeros((len(EVENTS) + 1, ROW, VOCABULARY), bool)
    table[:, 0, [EVENT_ID[n] for n in EVENTS] + [EOS]] = True
    for index, name in enumerate(EVENTS):
        for place in range(1, ROW):
            if place <= len(PARAMETERS[name]):
                block = PARAMETERS[name][place - 1]
                table[index, place, BASE[block] : BASE[block] + SIZES[block]] = True
            else:
                table[index, place, PAD] = True
    table[-1, 1:, PAD] = True
    return table


def notes_of(rows: np.ndarray, start_beat: int = 0) -> np.ndarray:
    """int64 [notes, 6]: onset and duration in steps, channel, pitch, velocity, track, from token rows [events, 8]."""
    rows = np.asarray(rows, np.int64)
    is_event = (rows[:, 0] >= 3) & (rows[:, 0] < 3 + len(EVENTS))
    beats = start_beat + np.cumsum(np.where(is_event, rows[:, 1] - BASE["time1"], 0))
    note = rows[:, 0] == NOTE
    r = rows[note]
    onset = beats[note] * STEPS + r[:, 2] - BASE["time2"]
    return np.stack(
        [
            onset, r[:, 7] - BASE["duration"], r[:, 4] - BASE["channel"], r[:, 5] - BASE["pitch"],
            r[:, 6] - BASE["velocity"], r[:, 3] - BASE["track"],
        ], 1,
    )  # fmt: skip


def _variable_length(value: int) -> bytes:
    out = bytearray([value & 127])
    while value := value >> 7:
        out.insert(0, 128 | value & 127)
    return bytes(out)


def write_midi(rows: np.ndarray) -> bytes:
    """A format 1 Standard MIDI File of token rows [events, 8]; 480 ticks a quarter note."""
    tick = 480 // STEPS
    tracks: dict[int, list[tuple[int, int, bytes]]] = {0: []}
    beat = 0
    sounding: dict[tuple[int, int, int], int] = {}
    for row in np.asarray(rows, np.int64):
        if not 3 <= row[0] < 3 + len(EVENTS):
            continue
        name = EVENTS[row[0] - 3]
        value = {p: int(row[1 + i]) - BASE[p] for i, p in enumerate(PARAMETERS[name])}
        beat += value["time1"]
        at = (beat * STEPS + value["time2"]) * tick
        track = tracks.setdefault(value["track"], [])
        if name == "note":
            key = (value["track"], value["channel"], value["pitch"])
            if sounding.get(key, -1) > at:  # the same key struck again: the earlier note ends here
                cut = next(i for i in range(len(track) - 1, -1, -1) if track[i][2][0] == 0x80 | key[1] and track[i][2][1] == key[2])
                if track[cut][0] > at:
                    track[cut] = (at, 0, track[cut][2])
            end = at + max(1, value["duration"]) * tick
            sounding[key] = end
            track.append((at, 2, bytes([0x90 | value["channel"], value["pitch"], max(1, value["velocity"])])))
            track.append((end, 0, bytes([0x80 | value["channel"], value["pitch"], 0])))
        elif name == "patch_change":
            track.append((at, 1, bytes([0xC0 | value["channel"], value["patch"]])))
        elif name == "control_change":
            track.append((at, 1, bytes([0xB0 | value["channel"], value["controller"], value["value"]])))
        elif name == "set_tempo":
            track.append((at, 1, b"\xff\x51\x03" + int(60e6 / max(1, value["bpm"])).to_bytes(3, "big")))
        elif name == "time_signature":
            track.append((at, 1, bytes([0xFF, 0x58, 4, value["nn"] + 1, value["dd"] + 1, 24, 8])))
        else:
            track.append((at, 1, bytes([0xFF, 0x59, 2, (value["sf"] - 7) & 255, value["mi"]])))
    chunks = b""
    for _, events in sorted(tracks.items()):
        body, last = b"", 0
        for at, _, message in sorted(events, key=lambda e: e[:2]):
            body += _variable_length(at - last) + message
            last = at
        body += b"\x00\xff\x2f\x00"
        chunks += b"MTrk" + struct.pack(">I", len(body)) + body
    return b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks), 480) + chunks
