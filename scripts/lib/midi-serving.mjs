// Composing over HTTP, against a real `sluice serve`: what it answers, what it refuses, and that a client who leaves
// stops the work.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sluice } from './cli.mjs';
import { root } from './paths.mjs';

const TOKEN = 'a-token-for-tests';
const song = join(root, 'native', 'midi', 'testdata', 'song.mid');

// Starts the server. Gives its address and what ends it.
function startServer() {
  const args = ['serve', '--json', '--port', '0', '--token', TOKEN];
  const child = spawn(join(root, 'sluice'), args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.on('exit', (code) => resolve(code)));
  const url = new Promise((resolve, reject) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (piece) => {
      text += piece;
      const line = text.split('\n').find((each) => each.includes('"listening"'));
      if (line !== undefined) resolve(JSON.parse(line).url);
    });
    void ended.then((code) => reject(new Error(`sluice serve ended with ${code}: ${text}`)));
  });
  const stop = () => {
    child.kill('SIGTERM');
    return ended;
  };
  return { url, stop };
}

async function checkAnswers(check, at, post, base) {
  const seed_midi = readFileSync(song).toString('base64');
  const request = { ...base, seed_midi, seed_events: 30, events: 24, seed: 7 };
  const answer = await post(request);
  const body = await answer.json();
  const files = (body.midi ?? []).map((text) => Buffer.from(text, 'base64'));
  const args = ['--seed-midi', song, '--seed-events', '30', '--events', '24', '--seed', '7'];
  const same = await sluice(['compose', '--model', base.model, ...args, '--out', at('http.mid')]);
  const equal = same.code === 0 && files.length === 1 && files[0].equals(readFileSync(at('http.mid')));
  check('/midi/compose makes what the command line makes', equal, JSON.stringify(body).slice(0, 400));
  const lora = join(root, 'native', 'midi', 'testdata', 'lora');
  const tidying = { optimise: false, default_instruments: true, keep_small_changes: true };
  const flags = ['--no-optimise', '--default-instruments', '--keep-small-changes', '--lora', lora];
  const tidied = await (await post({ ...request, ...tidying, lora })).json();
  const likewise = await sluice([
    'compose',
    '--model',
    base.model,
    ...args,
    ...flags,
    '--out',
    at('parts.mid'),
  ]);
  const alike =
    likewise.code === 0 &&
    tidied.midi?.[0] === readFileSync(at('parts.mid')).toString('base64') &&
    tidied.midi[0] !== body.midi[0];
  check('with a LoRA and the seed tidied in parts, too', alike, JSON.stringify(tidied).slice(0, 400));
  const figures = ['events', 'tokens', 'seconds', 'events_per_second', 'first_event_seconds', 'seed'];
  const told = figures.every((key) => typeof body[key] === 'number');
  check('and tells its figures', answer.status === 200 && told, JSON.stringify(body).slice(0, 400));

  const streamed = await post({ ...request, count: 2, stream: true });
  const events = (await streamed.text())
    .split('\n\n')
    .filter((part) => part.startsWith('data: '))
    .map((part) => JSON.parse(part.slice(6)));
  const ofType = (type) => events.filter(({ event }) => event === type);
  const shape =
    events[0]?.event === 'begin' && events.at(-1)?.event === 'done' && events[0].seed_events === 30;
  check('a stream begins, and ends with the files', shape && events.at(-1).midi.length === 2, events.length);
  const rows = ofType('event').map(({ tokens }) => tokens);
  check('with every event between', rows.length === events.at(-1).events, `${rows.length} events`);
  const notes = ofType('event').filter(({ type }) => type === 'note');
  const beats = notes.map(({ beat }) => beat);
  const readable = notes.every(
    ({ pitch, channel, duration }) => pitch < 128 && channel < 16 && duration >= 0,
  );
  check('readable, in beats', notes.length > 0 && readable && beats.every((beat) => beat >= 0), beats);
  const first = events.at(-1).midi?.[0];
  check('and the same music', first === body.midi?.[0]);
}

async function checkRefusals(check, url, post, base) {
  const text = Buffer.from('a text, and no music at all').toString('base64');
  const table = [
    [{ ...base, seed_midi: text }, /MThd|MIDI/i],
    [{ ...base, seed_midi: '' }, /empty/],
    [{ ...base, seed_midi: 'no base64!' }, /seed_midi/],
    [{ ...base, key: 'H' }, /H/],
    [{ ...base, instruments: ['kazoo'] }, /kazoo/],
    [{ ...base, time_signature: '3/5' }, /3\/5/],
    [{ ...base, events: 0 }, /events/],
    [{ ...base, temperature: -1 }, /temperature/],
    [{ ...base, channels: [16] }, /channels/],
    [{ ...base, channels: [] }, /channels/],
    [{ ...base, tempo: 100 }, /tempo/],
    [{ ...base, model: 'nosuch' }, /nosuch/],
    [{ ...base, model: '/nothing/there' }, /nothing/],
    [[], /body|object/],
  ];
  for (const [request, message] of table) {
    const answer = await post(request);
    const body = await answer.json().catch(() => null);
    const right = answer.status === 400 && message.test(body?.error?.message ?? '');
    const shown = { ...request, model: request.model === base.model ? undefined : request.model };
    check(`400: ${JSON.stringify(shown).slice(0, 50)}`, right, `${answer.status} ${JSON.stringify(body)}`);
  }
  const headers = { authorization: `Bearer ${TOKEN}` };
  const raw = await fetch(`${url}/midi/compose`, { method: 'POST', headers, body: '{"events":' });
  check('400: what is no JSON', raw.status === 400, raw.status);
  const read = await fetch(`${url}/midi/compose`, { headers });
  check('405: GET', read.status === 405, read.status);
  const stranger = await fetch(`${url}/midi/compose`, { method: 'POST', body: '{}' });
  check('401: without the token', stranger.status === 401, stranger.status);
}

async function checkLeaving(check, post, base) {
  const leave = new globalThis.AbortController();
  const endless = { ...base, events: 60000, temperature: 1, stream: true };
  const answer = await post(endless, leave.signal);
  const reader = answer.body.getReader();
  const { value } = await reader.read();
  check('the first event comes while the rest is made', Buffer.from(value).includes('"begin"'));
  const began = performance.now();
  leave.abort();
  await reader.read().catch(() => undefined);
  const next = await post({ ...base, events: 2 });
  const seconds = (performance.now() - began) / 1000;
  const free = next.status === 200 && seconds < 2;
  check('who leaves stops the work: the next is answered soon', free, `${next.status} after ${seconds} s`);
}

export async function checkServing(check, at, model) {
  const server = startServer();
  try {
    const url = await server.url;
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    const post = (body, signal) =>
      fetch(`${url}/midi/compose`, { method: 'POST', headers, body: JSON.stringify(body), signal });
    const base = { model, events: 4 };
    await checkAnswers(check, at, post, base);
    await checkRefusals(check, url, post, base);
    await checkLeaving(check, post, base);
  } finally {
    const code = await server.stop();
    check('serve ends when it is asked to', code === 130, code);
  }
}
