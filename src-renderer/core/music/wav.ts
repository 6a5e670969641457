// Samples as a WAV file of 16 bits.
const HEADER = 44;

// `channels` are of one length, from -1 to 1; what is beyond is cut.
export function encodeWav(channels: readonly Float32Array[], rate: number): Uint8Array<ArrayBuffer> {
  const count = channels.length;
  const frames = channels[0]?.length ?? 0;
  const bytes = new Uint8Array(HEADER + frames * count * 2);
  const view = new DataView(bytes.buffer);
  const text = (at: number, word: string): void => {
    for (let i = 0; i < word.length; i++) view.setUint8(at + i, word.charCodeAt(i));
  };
  text(0, 'RIFF');
  view.setUint32(4, bytes.length - 8, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // whole numbers
  view.setUint16(22, count, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * count * 2, true);
  view.setUint16(32, count * 2, true);
  view.setUint16(34, 16, true);
  text(36, 'data');
  view.setUint32(40, frames * count * 2, true);
  channels.forEach((samples, channel) => {
    for (let frame = 0; frame < frames; frame++) {
      const sample = Math.min(1, Math.max(-1, samples[frame] ?? 0));
      view.setInt16(HEADER + (frame * count + channel) * 2, Math.round(sample * 32767), true);
    }
  });
  return bytes;
}
