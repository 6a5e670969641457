// The painting child's program, in an Electron utility process: the same painter and addon as the command line's,
// apart from the window's documents, because a graphics driver can take its process down.
import { constants, getPriority, setPriority } from 'node:os';
import { asSluiceError } from '../../../src-preload/contract/errors.ts';
import { Engine } from '../../engine/index.ts';
import type { Running } from '../../jobs/runner.ts';
import type { EnginePicture } from '../../engine/index.ts';
import { Painter } from '../painter.ts';
import { CHILD_VERSION, type FromChild, type ToChild } from './protocol.ts';

// What is drawn and written goes before what is painted: on a CPU device, painting would take all of the window's time.
// Below the window's own, whatever that is, and by so much that other programs do not starve it. Threads that are made
// later inherit it.
const YIELDS = 5;
try {
  setPriority(Math.min(constants.priority.PRIORITY_LOW, getPriority() + YIELDS));
} catch {
  // a system that does not allow it
}

const port = process.parentPort;
const say = (message: FromChild): void => port.postMessage(message);
const running = new Map<number, Running<EnginePicture>>();
let painter: Painter | null = null;

function paint(job: number, painterNow: Painter, request: Parameters<Painter['execute']>[0]): void {
  const work = painterNow.execute(request, {
    progress: (progress) => say({ type: 'progress', job, progress }),
    preview: (preview) => say({ type: 'preview', job, preview }),
    notice: (text) => say({ type: 'notice', job, text }),
  });
  running.set(job, work);
  work.result
    .then(
      (result) => say({ type: 'done', job, result }),
      (error: unknown) => say({ type: 'failed', job, failure: asSluiceError(error).toFailure() }),
    )
    .finally(() => running.delete(job));
}

port.on('message', ({ data }: { data: ToChild }) => {
  switch (data.type) {
    case 'start':
      painter = new Painter(new Engine(data.addon), data.paths);
      return;
    case 'paint':
      if (painter === null) throw new Error('a job came before the start');
      paint(data.job, painter, data.request);
      return;
    case 'cancel':
      running.get(data.job)?.cancel();
  }
});

say({ type: 'hello', version: CHILD_VERSION });
