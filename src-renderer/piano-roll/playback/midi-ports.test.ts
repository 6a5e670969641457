import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { asTick, type Control, type Track } from '../../core/music/model.ts';
import { openPorts, sendBeginning, sendControls, sendNote, sendSilence, usePorts } from './midi-ports.ts';

interface Message {
  readonly bytes: readonly number[];
  readonly at: number; // milliseconds from now; none: at once
}

const told: Message[] = [];
const instrument = {
  id: 'synth',
  name: 'Synth',
  send: (bytes: number[], at: number = performance.now()) => told.push({ bytes, at: at - performance.now() }),
};
const keys: { id: string; name: string; onmidimessage?: (message: { data: Uint8Array }) => void } = {
  id: 'keys',
  name: 'Keys',
};
const heard: [number, number][] = [];

const track = (given: Partial<Track> = {}): Track => ({
  id: 'a',
  name: 'Lead',
  channel: 3,
  program: 73,
  volume: 90,
  pan: 20,
  muted: false,
  solo: false,
  notes: [],
  controls: [],
  ...given,
});
const control = (kind: Control['kind'], number: number, value: number): Control => ({
  tick: asTick(0),
  kind,
  number,
  value,
});
const bytes = (): (readonly number[])[] => told.map((message) => message.bytes);

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  vi.stubGlobal('navigator', {
    requestMIDIAccess: () =>
      Promise.resolve({ inputs: new Map([['keys', keys]]), outputs: new Map([['synth', instrument]]) }),
  });
  await openPorts((pitch, velocity) => heard.push([pitch, velocity]));
  usePorts.setState({ output: null });
  usePorts.setState({ output: 'synth' });
  told.length = heard.length = 0;
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('an instrument that is plugged in', () => {
  it('is told a note with its program, both at their time', () => {
    expect(sendNote(track(), 60, 100, 0.5, 0.25)).toBe(true);
    expect(told).toEqual([
      { bytes: [0xc3, 73], at: 250 },
      { bytes: [0x93, 60, 100], at: 250 },
      { bytes: [0x83, 60, 64], at: 750 },
    ]);
  });

  it('is told a program once, and anew when it changes in mid-track', () => {
    for (const program of [73, 73, 40]) sendNote(track({ program }), 60, 100, 0.5, 0);
    expect(bytes().filter(([status]) => status === 0xc3)).toEqual([
      [0xc3, 73],
      [0xc3, 40],
    ]);
    told.length = 0;
    sendNote(track({ channel: 9, program: 0 }), 38, 100, 0.1, 0);
    expect(bytes()).toEqual([
      [0x99, 38, 100],
      [0x89, 38, 64],
    ]);
  });

  it('is told bends as fourteen bits, low seven first, and controllers', () => {
    const bends = [0, 8192, 8193, 16383].map((value) => control('bend', 0, value));
    sendControls(track(), [...bends, control('controller', 64, 127), control('program', 0, 5)], 0.1);
    expect(bytes()).toEqual([
      [0xe3, 0, 0],
      [0xe3, 0, 64],
      [0xe3, 1, 64],
      [0xe3, 127, 127],
      [0xb3, 64, 127],
    ]);
    expect(told.every(({ at }) => at === 100)).toBe(true);
  });

  it('begins at rest, with the volume, place and bend that hold there, and is told its program again', () => {
    sendNote(track(), 60, 100, 0.5, 0);
    told.length = 0;
    sendBeginning(track(), [control('bend', 0, 10_000)], 0);
    sendNote(track(), 62, 100, 0.5, 0);
    expect(bytes().slice(0, 5)).toEqual([
      [0xb3, 121, 0],
      [0xb3, 7, 90],
      [0xb3, 10, 20],
      [0xe3, 10_000 & 127, 10_000 >> 7],
      [0xc3, 73],
    ]);
  });

  it('is let go on every channel, and hears nothing once it is not chosen', () => {
    sendSilence();
    expect(bytes().filter(([, number]) => number === 123)).toHaveLength(16);
    told.length = 0;
    usePorts.setState({ output: null });
    expect(sendNote(track(), 60, 100, 0.5, 0)).toBe(false);
    expect(sendControls(track(), [control('bend', 0, 0)], 0)).toBe(false);
    expect(told).toEqual([]);
  });

  it('brings its keys in, a strike without velocity as a release', () => {
    for (const data of [
      [0x95, 64, 80],
      [0x95, 64, 0],
      [0x85, 65, 30],
      [0xe0, 1, 64],
    ])
      keys.onmidimessage?.({ data: Uint8Array.from(data) });
    expect(heard).toEqual([
      [64, 80],
      [64, 0],
      [65, 0],
    ]);
  });
});
