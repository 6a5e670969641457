// Instruments that are plugged in, by Web MIDI: keys come in, notes go out in place of the studio's own voices.
import { create } from 'zustand';
import { type Control, isDrums, type Track } from '../../core/music/model.ts';

export interface Port {
  readonly id: string;
  readonly name: string;
}

interface Ports {
  inputs: readonly Port[];
  outputs: readonly Port[];
  output: string | null; // null: the studio's own voices
}

export const usePorts = create<Ports>()(() => ({ inputs: [], outputs: [], output: null }));

type KeyListener = (pitch: number, velocity: number) => void; // velocity 0: the key is let go

let access: MIDIAccess | null = null;
let heard: KeyListener = () => undefined;

const portOf = ({ id, name }: MIDIPort): Port => ({ id, name: name ?? 'Instrument' });

function refresh(): void {
  if (access === null) return;
  const outputs = [...access.outputs.values()].map(portOf);
  const { output } = usePorts.getState();
  usePorts.setState({
    inputs: [...access.inputs.values()].map(portOf),
    outputs,
    output: outputs.some(({ id }) => id === output) ? output : null,
  });
  for (const input of access.inputs.values()) {
    input.onmidimessage = ({ data }) => {
      const [status = 0, pitch = 0, velocity = 0] = data ?? [];
      const kind = status & 0xf0;
      if (kind === 0x90) heard(pitch, velocity);
      else if (kind === 0x80) heard(pitch, 0);
    };
  }
}

// Asks for the instruments once. Without any, or on a system without MIDI, nothing of this is shown.
export async function openPorts(listener: KeyListener): Promise<void> {
  heard = listener;
  if (access !== null) return;
  try {
    access = await navigator.requestMIDIAccess({ sysex: false });
  } catch {
    return; // no MIDI on this system
  }
  access.onstatechange = refresh;
  refresh();
}

const chosenOutput = (): MIDIOutput | undefined => {
  const { output } = usePorts.getState();
  return output === null ? undefined : access?.outputs.get(output);
};

// The program that each channel of the chosen instrument was told last: it keeps it until another one comes.
const programs = new Map<number, number>();
usePorts.subscribe((now, before) => {
  if (now.output !== before.output) programs.clear();
});

const timeOf = (delay: number): number => performance.now() + Math.max(0, delay) * 1000;

function tellProgram(output: MIDIOutput, track: Track, at: number): void {
  const { channel, program } = track;
  if (isDrums(track) || programs.get(channel) === program) return;
  programs.set(channel, program);
  output.send([0xc0 | channel, program], at);
}

function tellControl(
  output: MIDIOutput,
  channel: number,
  { kind, number, value }: Control,
  at: number,
): void {
  if (kind === 'bend') output.send([0xe0 | channel, value & 127, value >> 7], at);
  else if (kind === 'controller') output.send([0xb0 | channel, number, Math.min(127, value)], at);
}

// `delay` from now in seconds. False when no instrument is chosen; so of all that follow.
export function sendControls({ channel }: Track, controls: readonly Control[], delay: number): boolean {
  const output = chosenOutput();
  if (output === undefined) return false;
  for (const control of controls) tellControl(output, channel, control, timeOf(delay));
  return true;
}

// Where playing begins: the track's own settings, and what its controls have made of them by then.
export function sendBeginning(track: Track, controls: readonly Control[], delay: number): boolean {
  const output = chosenOutput();
  if (output === undefined) return false;
  const at = timeOf(delay);
  const { channel, volume, pan } = track;
  programs.delete(channel);
  output.send([0xb0 | channel, 121, 0], at); // bend, modulation, expression
  output.send([0xb0 | channel, 7, volume], at);
  output.send([0xb0 | channel, 10, pan], at);
  return sendControls(track, controls, delay);
}

// `seconds` and `delay` from now.
export function sendNote(
  track: Track,
  pitch: number,
  velocity: number,
  seconds: number,
  delay: number,
): boolean {
  const output = chosenOutput();
  if (output === undefined) return false;
  const { channel } = track;
  const at = timeOf(delay);
  tellProgram(output, track, at);
  output.send([0x90 | channel, pitch, velocity], at);
  output.send([0x80 | channel, pitch, 64], at + seconds * 1000);
  return true;
}

export function sendSilence(): void {
  const output = chosenOutput();
  if (output === undefined) return;
  for (let channel = 0; channel < 16; channel++) {
    output.send([0xb0 | channel, 123, 0]);
    output.send([0xb0 | channel, 121, 0]);
  }
}
