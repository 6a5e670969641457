// Standard MIDI files to documents and back. Reading keeps notes, tempo, metre, key, programs, controllers and bends;
// what it leaves out it names.
import { type MidiData, type MidiEvent, parseMidi, writeMidi } from 'midi-file';
import { SluiceError, Status } from '../../../src-preload/contract/errors.ts';
import { newId } from '../ids.ts';
import { instrumentName } from './gm.ts';
import {
  asTick,
  byTime,
  type Control,
  DRUM_CHANNEL,
  emptyMusic,
  freeChannel,
  type Key,
  MAX_TRACKS,
  type Meter,
  type MusicDocument,
  musicDocument,
  newTrack,
  type Note,
  noteEnd,
  PPQ,
  type Tempo,
  type Track,
} from './model.ts';

const refuse = (name: string, found: string, hint: string): SluiceError =>
  new SluiceError(Status.input, 'midi-file', `${name}: expected a standard MIDI file, found ${found}`, hint);

// The parser trusts the lengths that a file tells. Beyond the end of what it was given it reads nothings for ever, and
// a negative length sends it back to read the same bytes again: both are refused here.
function checkedBytes(bytes: Uint8Array): Uint8Array {
  const refuseEnd = (): never => {
    throw new Error('it ends within an event');
  };
  return new Proxy(bytes, {
    get: (whole, key) => {
      if (key === 'slice')
        return (start: number, end: number): Uint8Array =>
          end < start || end > whole.length ? refuseEnd() : checkedBytes(whole.slice(start, end));
      if (key === 'length') return whole.length;
      const value: unknown = Reflect.get(whole, key);
      return value === undefined && typeof key === 'string' && /^\d+$/.test(key) ? refuseEnd() : value;
    },
  });
}

function parse(bytes: Uint8Array, name: string): MidiData {
  if (bytes[0] !== 0x4d || bytes[1] !== 0x54 || bytes[2] !== 0x68 || bytes[3] !== 0x64) {
    throw refuse(
      name,
      bytes.length === 0 ? 'an empty file' : 'something else',
      'Choose a .mid or .midi file.',
    );
  }
  let data: MidiData;
  try {
    data = parseMidi(checkedBytes(bytes));
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown); // the parser throws texts
    throw refuse(name, `a damaged one (${reason})`, 'Export it again from where it comes from.');
  }
  if (data.header.ticksPerBeat === undefined || data.header.ticksPerBeat === 0) {
    throw refuse(name, 'one timed in film frames', 'Export it with ticks per quarter note.');
  }
  return data;
}

interface FirstProgram {
  readonly at: number; // the file's ticks
  readonly program: number;
}

interface Reading {
  readonly tempos: Tempo[];
  readonly meters: Meter[];
  readonly keys: Key[];
  readonly tracks: Track[];
  readonly left: Set<string>; // what was left out
  readonly programs: ReadonlyMap<number, FirstProgram>; // of each channel, in whatever track it is said
}

interface ChannelParts {
  notes: Note[];
  controls: Control[];
  program: number | null;
  volume: number | null;
  pan: number | null;
  firstNote: number; // the file's ticks
}

function programsOf(tracks: readonly MidiEvent[][]): Map<number, FirstProgram> {
  const programs = new Map<number, FirstProgram>();
  for (const events of tracks) {
    let at = 0;
    for (const event of events) {
      at += event.deltaTime;
      if (event.type === 'programChange' && at < (programs.get(event.channel)?.at ?? Infinity))
        programs.set(event.channel, { at, program: event.programNumber });
    }
  }
  return programs;
}

const units: readonly number[] = [1, 2, 4, 8, 16, 32];

function readTrack(events: readonly MidiEvent[], scale: number, reading: Reading): void {
  const channels = new Map<number, ChannelParts>();
  const open = new Map<string, { at: number; velocity: number }[]>();
  let time = 0;
  let name = '';
  const part = (channel: number): ChannelParts => {
    let parts = channels.get(channel);
    if (parts === undefined) {
      parts = { notes: [], controls: [], program: null, volume: null, pan: null, firstNote: Infinity };
      channels.set(channel, parts);
    }
    return parts;
  };
  // Of equal keys that sound at once, the earliest ends first.
  const close = (channel: number, pitch: number): void => {
    const begun = open.get(`${channel} ${pitch}`)?.shift();
    if (begun === undefined) return;
    const tick = asTick(begun.at * scale);
    const duration = Math.max(1, Math.round(time * scale) - tick);
    part(channel).notes.push({ id: newId(), tick, duration, pitch, velocity: begun.velocity });
  };
  for (const event of events) {
    time += event.deltaTime;
    const tick = asTick(time * scale);
    // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check -- the rest says nothing about notes
    switch (event.type) {
      case 'noteOn': {
        if (event.velocity === 0) {
          close(event.channel, event.noteNumber);
          break;
        }
        const parts = part(event.channel);
        parts.firstNote = Math.min(parts.firstNote, time);
        const name = `${event.channel} ${event.noteNumber}`;
        const begun = open.get(name) ?? [];
        begun.push({ at: time, velocity: event.velocity });
        open.set(name, begun);
        break;
      }
      case 'noteOff':
        close(event.channel, event.noteNumber);
        break;
      case 'programChange': {
        const parts = part(event.channel);
        // What is said before the first note is the track's own; a later one is a change.
        if (parts.program === null && parts.firstNote === Infinity) parts.program = event.programNumber;
        else parts.controls.push({ tick, kind: 'program', number: 0, value: event.programNumber });
        break;
      }
      case 'controller': {
        const parts = part(event.channel);
        const { controllerType: number, value } = event;
        if (number === 7 && parts.volume === null) parts.volume = value;
        else if (number === 10 && parts.pan === null) parts.pan = value;
        else parts.controls.push({ tick, kind: 'controller', number, value });
        break;
      }
      case 'pitchBend':
        part(event.channel).controls.push({ tick, kind: 'bend', number: 0, value: event.value + 8192 });
        break;
      case 'setTempo':
        if (event.microsecondsPerBeat > 0) {
          const bpm = Math.min(1000, Math.max(1, 60e6 / event.microsecondsPerBeat));
          reading.tempos.push({ tick, bpm: Math.round(bpm * 1000) / 1000 });
        }
        break;
      case 'timeSignature':
        if (units.includes(event.denominator) && event.numerator >= 1 && event.numerator <= 32) {
          reading.meters.push({ tick, beats: event.numerator, unit: event.denominator as Meter['unit'] });
        } else reading.left.add('unusual time signatures');
        break;
      case 'keySignature':
        if (Math.abs(event.key) <= 7)
          reading.keys.push({ tick, sharps: event.key, minor: event.scale === 1 });
        break;
      case 'trackName':
        name ||= event.text.trim();
        break;
      case 'lyrics':
      case 'text':
      case 'marker':
        reading.left.add('texts and lyrics');
        break;
      case 'sysEx':
      case 'endSysEx':
        reading.left.add('system-exclusive messages');
        break;
      case 'noteAftertouch':
      case 'channelAftertouch':
        reading.left.add('aftertouch');
        break;
      default:
        break;
    }
  }
  // What never ended ends with the track.
  for (const [which, begun] of open) {
    const [channel = 0, pitch = 0] = which.split(' ').map(Number);
    while (begun.length > 0) close(channel, pitch);
  }
  for (const [channel, parts] of channels) {
    const { notes, volume, pan, controls } = parts;
    const said = reading.programs.get(channel); // by another track, if it is for these notes
    const program = parts.program ?? (said !== undefined && said.at <= parts.firstNote ? said.program : 0);
    if (notes.length === 0) continue;
    const instrument = channel === DRUM_CHANNEL ? 'Drums' : instrumentName(program);
    const title = channels.size > 1 && name !== '' ? `${name}: ${instrument}` : name || instrument;
    reading.tracks.push(
      newTrack({
        name: title.slice(0, 200),
        channel,
        program,
        volume: volume ?? 100,
        pan: pan ?? 64,
        notes: notes.sort(byTime),
        controls,
      }),
    );
  }
}

// Of several at one time the last counts.
function settled<T extends { tick: number }>(items: readonly T[]): T[] {
  const byTick = new Map<number, T>();
  for (const item of [...items].sort((a, b) => a.tick - b.tick)) byTick.set(item.tick, item);
  return [...byTick.values()].sort((a, b) => a.tick - b.tick);
}

// `name` is the file's, for messages.
export function readMidi(bytes: Uint8Array, name: string): { music: MusicDocument; left: readonly string[] } {
  const data = parse(bytes, name);
  const scale = PPQ / (data.header.ticksPerBeat ?? PPQ);
  const programs = programsOf(data.tracks);
  const reading: Reading = { tempos: [], meters: [], keys: [], tracks: [], left: new Set(), programs };
  let start = 0;
  for (const events of data.tracks) {
    // Format 2: pieces one after the other.
    const shifted =
      data.header.format === 2 && events[0] !== undefined
        ? [{ ...events[0], deltaTime: events[0].deltaTime + start }, ...events.slice(1)]
        : events;
    if (data.header.format === 2) start += events.reduce((sum, { deltaTime }) => sum + deltaTime, 0);
    readTrack(shifted, scale, reading);
  }
  if (reading.tracks.length === 0) throw refuse(name, 'one without notes', 'Choose a file that has notes.');
  if (reading.tracks.length > MAX_TRACKS) reading.left.add(`tracks beyond the ${MAX_TRACKS}th`);
  const empty = emptyMusic();
  const music: MusicDocument = {
    tracks: reading.tracks.slice(0, MAX_TRACKS),
    tempos: settled([...empty.tempos, ...reading.tempos]),
    meters: settled([...empty.meters, ...reading.meters]),
    keys: [...reading.keys].sort((a, b) => a.tick - b.tick),
  };
  const checked = musicDocument.safeParse(music);
  if (!checked.success) {
    throw refuse(
      name,
      `values that MIDI does not have (${checked.error.issues[0]?.message ?? ''})`,
      'Export it again.',
    );
  }
  return { music, left: [...reading.left] };
}

interface Timed {
  readonly at: number; // ticks
  readonly order: number;
  readonly event: Record<string, unknown>;
}

// Events by time become events by distance. At one time: settings, then ends, then beginnings.
function track(timed: readonly Timed[]): MidiEvent[] {
  let last = 0;
  const sorted = [...timed].sort((a, b) => a.at - b.at || a.order - b.order);
  const events = sorted.map(({ at, event }) => {
    const deltaTime = at - last;
    last = at;
    return { deltaTime, ...event };
  });
  return [...events, { deltaTime: 0, meta: true, type: 'endOfTrack' }] as MidiEvent[];
}

function conductor({ tempos, meters, keys }: MusicDocument): MidiEvent[] {
  return track([
    ...meters.map(({ tick, beats, unit }) => ({
      at: tick,
      order: 0,
      event: {
        meta: true,
        type: 'timeSignature',
        numerator: beats,
        denominator: unit,
        metronome: 24,
        thirtyseconds: 8,
      },
    })),
    ...keys.map(({ tick, sharps, minor }) => ({
      at: tick,
      order: 1,
      event: { meta: true, type: 'keySignature', key: sharps, scale: minor ? 1 : 0 },
    })),
    ...tempos.map(({ tick, bpm }) => ({
      at: tick,
      order: 2,
      event: {
        meta: true,
        type: 'setTempo',
        microsecondsPerBeat: Math.min(0xffffff, Math.round(60e6 / bpm)),
      },
    })),
  ]);
}

function controlEvent({ kind, number, value }: Control, channel: number): Record<string, unknown> {
  switch (kind) {
    case 'controller':
      return { type: 'controller', channel, controllerType: number, value: Math.min(127, value) };
    case 'bend':
      return { type: 'pitchBend', channel, value: value - 8192 };
    case 'program':
      return { type: 'programChange', channel, programNumber: Math.min(127, value) };
  }
}

function instrument({ name, channel, program, volume, pan, notes, controls }: Track): MidiEvent[] {
  const setting = (order: number, event: Record<string, unknown>): Timed => ({ at: 0, order, event });
  return track([
    setting(0, { meta: true, type: 'trackName', text: name }),
    setting(1, { type: 'programChange', channel, programNumber: program }),
    setting(2, { type: 'controller', channel, controllerType: 7, value: volume }),
    setting(3, { type: 'controller', channel, controllerType: 10, value: pan }),
    ...controls.map((one) => ({ at: one.tick, order: 5, event: controlEvent(one, channel) })),
    ...notes.flatMap((note) => {
      const { pitch: noteNumber, velocity } = note;
      return [
        { at: note.tick, order: 7, event: { type: 'noteOn', channel, noteNumber, velocity } },
        { at: noteEnd(note), order: 6, event: { type: 'noteOff', channel, noteNumber, velocity: 64 } },
      ];
    }),
  ]);
}

// A file of format 1: tempo and metre first, then a track each.
export function writeMusic(music: MusicDocument): Uint8Array<ArrayBuffer> {
  const tracks = [conductor(music), ...music.tracks.map(instrument)];
  const data = { header: { format: 1 as const, numTracks: tracks.length, ticksPerBeat: PPQ }, tracks };
  return Uint8Array.from(writeMidi(data, { running: true }));
}

// Tracks of a file beside those that are there: channels that are taken are changed for free ones.
export function besides(tracks: readonly Track[], more: readonly Track[]): Track[] {
  const all = [...tracks];
  for (const one of more) {
    const taken = all.some(({ channel }) => channel === one.channel) && one.channel !== DRUM_CHANNEL;
    all.push(taken ? { ...one, channel: freeChannel(all) } : one);
  }
  return all.slice(tracks.length);
}
