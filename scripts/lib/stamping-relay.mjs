// A relay on loopback that notes when bytes pass: it stands between a client in this process and a server, in a thread
// of its own, so that a client that is busy does not keep it from noting. Both read the same monotonic clock
// (process.hrtime). What it notes are the last bytes of a request, the first ones with generated text, and how long the
// server took for requests before, that brought none.
import { createServer, connect } from 'node:net';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const SENT = 0;
const FIRST = 1;
const OTHERS = 2;
// llama-server's events, of either interface, and only those that bring text.
const withText = /"content":"(?!")/;

function relay({ port, memory }) {
  const stamps = new BigInt64Array(memory);
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ host: '127.0.0.1', port, noDelay: true });
    let text = '';
    let found = true;
    let sent = 0n;
    let answered = 0n;
    // Handed on first, looked at after: looking delays nobody.
    client.on('data', (piece) => {
      const now = process.hrtime.bigint();
      upstream.write(piece);
      const earlier = Atomics.exchange(stamps, SENT, now); // 0: the first since a reset
      if (earlier !== 0n && !found && answered > sent) Atomics.add(stamps, OTHERS, answered - sent);
      sent = now;
      text = '';
      found = false;
    });
    upstream.on('data', (piece) => {
      const now = process.hrtime.bigint();
      client.write(piece);
      if (found) return;
      if (answered < sent) answered = now;
      text += piece.toString('latin1');
      found = withText.test(text);
      if (found) Atomics.store(stamps, FIRST, now);
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ]) {
      one.on('error', () => undefined); // 'close' follows
      one.on('close', () => other.destroy());
    }
  });
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
}

if (!isMainThread && workerData?.stampingRelay === true) relay(workerData);

// To the server at `url`. `stamps()` are those since the last `reset()`, in milliseconds as `now()` counts them; null
// where nothing of the kind has passed. `others` is a time: the server's, for requests before. What a client has read
// may be stamped only a moment later: `stamped()` waits for that of the first text.
export async function startRelay(url) {
  const memory = new SharedArrayBuffer(24);
  const stamps = new BigInt64Array(memory);
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { stampingRelay: true, port: Number(new URL(url).port), memory },
  });
  const port = await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  const read = (at) => {
    const stamp = Atomics.load(stamps, at);
    return stamp === 0n ? null : Number(stamp) / 1e6;
  };
  return {
    url: `http://127.0.0.1:${port}`,
    now: () => Number(process.hrtime.bigint()) / 1e6,
    reset: () => stamps.fill(0n),
    stamped: async () => {
      const until = performance.now() + 1000;
      while (Atomics.load(stamps, FIRST) === 0n && performance.now() < until)
        await new Promise((resolve) => setTimeout(resolve, 1));
    },
    stamps: () => ({ sent: read(SENT), first: read(FIRST), others: read(OTHERS) ?? 0 }),
    close: () => worker.terminate(),
  };
}
