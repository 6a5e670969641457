"""Made-up .mid files: ordinary ones, and ones with the imperfections that are met in the wild."""
import random
import struct


def varlen(value):
    out = [value & 0x7F]
    while value := value >> 7:
        out.insert(0, 0x80 | (value & 0x7F))
    return bytes(out)


def track(events, end=True):
    """Events as (absolute tick, bytes), written with deltas in the order of their ticks."""
    data, now = b"", 0
    for tick, message in sorted(events, key=lambda e: e[0]):
        data += varlen(tick - now) + message
        now = tick
    if end:
        data += b"\x00\xff\x2f\x00"
    return b"MTrk" + struct.pack(">I", len(data)) + data


def midi(ticks, tracks, kind=1):
    return b"MThd" + struct.pack(">IHHH", 6, kind, len(tracks), ticks) + b"".join(tracks)


def note(tick, length, channel, pitch, velocity):
    return [(tick, bytes([0x90 | channel, pitch, velocity])), (tick + length, bytes([0x80 | channel, pitch, 0]))]


def tempo(tick, micros):
    return [(tick, b"\xff\x51\x03" + struct.pack(">I", micros)[1:])]


def time_signature(tick, nn, dd):
    return [(tick, bytes([0xFF, 0x58, 4, nn, dd, 24, 8]))]


def key_signature(tick, sf, mi):
    return [(tick, b"\xff\x59\x02" + struct.pack(">bB", sf, mi))]


def control(tick, channel, number, value):
    return [(tick, bytes([0xB0 | channel, number, value]))]


def patch(tick, channel, number):
    return [(tick, bytes([0xC0 | channel, number]))]


def song(seed, ticks=480, tracks=4, notes=24, keyed=True, drums=True):
    rnd = random.Random(seed)
    meta = tempo(0, 500000) + time_signature(0, 4, 2) + (key_signature(0, 2, 0) if keyed else [])
    meta += tempo(ticks * 9, 480000) + tempo(ticks * 10, 479000) + tempo(ticks * 12, 300000)
    out = [track(meta)]
    scale = [2, 4, 6, 7, 9, 11, 13]
    for index in range(tracks):
        channel = 9 if drums and index == tracks - 1 else (index * 5 + 3) % 16
        channel = 4 if channel == 9 and not (drums and index == tracks - 1) else channel
        events = patch(0, channel, rnd.randrange(128)) if rnd.random() < 0.7 else []
        now = 0
        for _ in range(notes):
            now += rnd.choice([0, ticks // 4, ticks // 2, ticks // 3, ticks + 7])
            pitch = 48 + 12 * rnd.randrange(3) + rnd.choice(scale)
            events += note(now, rnd.choice([1, ticks // 5, ticks, ticks * 3]), channel, pitch, rnd.randrange(1, 128))
            if rnd.random() < 0.3:
                events += control(now, channel, rnd.choice([7, 10, 64]), rnd.randrange(128))
        out.append(track(events))
    return midi(ticks, out)


def make():
    """Names to contents."""
    files = {}
    files["song.mid"] = song(1)
    files["no-key.mid"] = song(2, keyed=False, ticks=96, tracks=3)
    files["all-drums.mid"] = midi(120, [track([e for i in range(40) for e in note(i * 30, 29, 9, 35 + i % 7, 90)])], 0)
    files["many-tracks.mid"] = song(4, tracks=18, notes=4, ticks=192)
    files["odd-ticks.mid"] = song(5, ticks=77)
    repeats = []
    for i in range(8):
        repeats += note(i * 3, 200, 0, 60, 80) + patch(i, 0, 5) + control(i, 0, 7, 100 + i) + tempo(i * 40, 500000 + i * 900)
    files["repeats.mid"] = midi(96, [track(repeats)], 0)
    gap = note(0, 90, 0, 60, 80) + note(96 * 200, 90, 0, 62, 80) + note(96 * 201, 96 * 300, 0, 64, 80)
    files["gap.mid"] = midi(96, [track(gap)], 0)
    # Settings after the first notes, on tracks of their own and for channels without notes.
    late = control(5, 3, 7, 99) + patch(10, 3, 40) + key_signature(0, 0, 0) + control(400, 7, 10, 3)
    other = note(0, 50, 3, 60, 70) + note(0, 50, 3, 64, 70) + note(100, 50, 3, 67, 70) + key_signature(20, -3, 1)
    only_settings = patch(0, 12, 3) + control(0, 12, 7, 100) + key_signature(0, 1, 0)
    files["settings.mid"] = midi(96, [track(late), track(other), track(only_settings), track(key_signature(0, 0, 0))])
    # Invalid signatures and a tempo of 0 are passed over; a mode of 2 is none.
    invalid = time_signature(0, 0, 2) + time_signature(0, 17, 2) + time_signature(0, 3, 7) + key_signature(0, 9, 0)
    invalid += key_signature(0, 1, 2) + tempo(0, 0) + tempo(0, 1) + note(10, 10, 0, 60, 1)
    files["invalid-meta.mid"] = midi(96, [track(invalid)], 0)
    # Running status that goes on after a meta event, note-ons of velocity 0, a note that nothing ends, bytes above 127.
    raw = b"\x00\x90\x3c\x40\x10\xff\x01\x02hi\x10\x3e\x40\x20\x3c\x00\x00\x3e\x00\x08\x40\x50\x08\xb0\x07\xc8\x00\x90\xc0\x40\x30\xff\x2f\x00"
    files["running.mid"] = midi(48, [b"MTrk" + struct.pack(">I", len(raw)) + raw], 0)
    empty = midi(480, [track([]), track([])])
    files["silence.mid"] = empty
    return files


def hash_bytes(data):
    """FNV-1a, 64 bits."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def hash_rows(rows):
    return hash_bytes(b"".join(struct.pack("<8H", *row) for row in rows))
