// Instruments that are plugged in, by Web MIDI: keys come in, notes go out in place of the studio's own voices.
import { create } from 'zustand';

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

// `delay` and `seconds` from now. False when no instrument is chosen.
export function sendNote(
  channel: number,
  pitch: number,
  velocity: number,
  seconds: number,
  delay: number,
): boolean {
  const output = chosenOutput();
  if (output === undefined) return false;
  const at = performance.now() + Math.max(0, delay) * 1000;
  output.send([0x90 | channel, pitch, velocity], at);
  output.send([0x80 | channel, pitch, 64], at + seconds * 1000);
  return true;
}

export function sendSilence(): void {
  const output = chosenOutput();
  if (output === undefined) return;
  for (let channel = 0; channel < 16; channel++) output.send([0xb0 | channel, 123, 0]);
}
