// Renders a whole piece with the sound font, beside the window's thread.
import { FontSynth } from '../../../core/sound/font-synth.ts';
import { messageOf, type RenderOrder, type Rendered } from '../../../core/sound/messages.ts';

async function render({ font, rate, frames, notes, changes }: RenderOrder): Promise<Rendered> {
  const synth = await FontSynth.load(font, rate);
  synth.order(notes, changes);
  const [left, right] = [new Float32Array(frames), new Float32Array(frames)];
  synth.render(left, right);
  return { left, right };
}

addEventListener('message', ({ data }: MessageEvent<RenderOrder>) => {
  render(data)
    .catch((error: unknown): Rendered => ({ failed: messageOf(error) }))
    .then((rendered) => {
      const transfer = 'left' in rendered ? [rendered.left.buffer, rendered.right.buffer] : [];
      postMessage(rendered, { transfer });
    })
    .catch((error: unknown) => console.error(error));
});
