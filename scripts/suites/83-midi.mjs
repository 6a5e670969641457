// Composing from outside: the command line, the C program and the addon against the goldens, and what they refuse.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sluice } from '../lib/cli.mjs';
import { readTensors } from '../lib/goldens.mjs';
import { nativeBuildDir, root } from '../lib/paths.mjs';
import { capture } from '../lib/process.mjs';
import { checkServing } from '../lib/midi-serving.mjs';
import { writeSeededMidiModel } from '../lib/seeded-midi.mjs';

export const name = 'midi';

const testdata = (file) => join(root, 'native', 'midi', 'testdata', file);
const show = ({ code, stdout, stderr }) => `status ${code}\n${stdout}${stderr}`;
const readRows = (path) => JSON.parse(readFileSync(path, 'utf8'));

// FNV-1a over rows as little-endian 16-bit tokens (training/goldens/midi/files.py).
function hashRows(rows) {
  let value = 0xcbf29ce484222325n;
  for (const token of rows.flat()) {
    for (const byte of [token & 255, token >> 8]) {
      value = BigInt.asUintN(64, (value ^ BigInt(byte)) * 0x100000001b3n);
    }
  }
  return value.toString(16).padStart(16, '0');
}

async function checkTokens(check, at) {
  const index = JSON.parse(readFileSync(testdata('files.json'), 'utf8'));
  const cases = [
    ['song.mid', 'v2', 'optimise'],
    ['settings.mid', 'v2', 'plain'],
    ['gap.mid', 'v1', 'optimise'],
  ];
  for (const [file, version, tidy] of cases) {
    const flag = tidy === 'optimise' ? '--optimise' : '--no-optimise';
    const out = at('tokens.json');
    const args = ['midi', 'tokens', testdata(file), '--out', out, '--tokenizer', version, flag, '--strict'];
    const result = await sluice(args);
    const same =
      result.code === 0 && hashRows(readRows(out).events) === index[file][`${version}-${tidy}`].hash;
    check(`tokens of ${file}, ${version} ${tidy}, are the original's`, same, show(result));
  }
  const gap = await sluice(['midi', 'tokens', testdata('gap.mid'), '--out', at('gap.json')]);
  check('music behind a long silence is kept, and that is told', gap.last?.notices?.length > 0, show(gap));
  const back = await sluice(['midi', 'detokenize', at('tokens.json'), '--out', at('back.mid')]);
  const isMidi = back.code === 0 && readFileSync(at('back.mid')).subarray(0, 4).toString() === 'MThd';
  check('tokens become a file again', isMidi, show(back));
}

async function checkModel(check, at, model, golden) {
  const version = golden.config.tokenizer.version;
  writeFileSync(at('prompt.json'), JSON.stringify({ version, events: golden.prompt }));
  const given = ['--model', model, '--in', at('prompt.json')];
  const greedy = ['midi', 'continue', ...given, '--events', '64', '--top-k', '1', '--weights', 'f32'];
  const continued = await sluice([...greedy, '--out', at('greedy.json')]);
  const same =
    continued.code === 0 &&
    JSON.stringify(readRows(at('greedy.json')).events) === JSON.stringify(golden.greedy);
  check('64 greedy events are the original’s', same, show(continued));

  const out = at('logits.safetensors');
  const logits = await sluice(['midi', 'logits', ...given, '--weights', 'f32', '--out', out]);
  if (!check('midi logits', logits.code === 0, show(logits))) return;
  const { values, shape } = readTensors(out).get('logits');
  const sparse = values.filter((_, i) => (i % shape[2]) % golden.every === 0);
  const worst = sparse.reduce((most, value, i) => Math.max(most, Math.abs(value - golden.logits[i])), 0);
  check('logits are PyTorch’s', sparse.length === golden.logits.length && worst < 1e-4, `${worst}`);
}

async function checkCompose(check, at, model) {
  const seed = ['--seed-midi', testdata('song.mid'), '--seed-events', '30'];
  const compose = (...more) => sluice(['compose', '--model', model, '--seed', '7', ...more]);
  const plain = await compose(...seed, '--events', '24', '--out', at('a.mid'));
  const fields = [
    'events',
    'tokens',
    'seconds',
    'events_per_second',
    'first_event_seconds',
    'peak_rss_bytes',
  ];
  const complete = plain.code === 0 && fields.every((key) => typeof plain.last[key] === 'number');
  check('compose continues a file and tells its figures', complete, show(plain));
  const two = await compose(...seed, '--events', '24', '--count', '2', '--out', at('b.mid'));
  const equal = two.code === 0 && readFileSync(at('a.mid')).equals(readFileSync(at('b-1.mid')));
  check('the first of two variations is the one alone', equal, show(two));
  const begun = await compose(
    ...['--events', '40', '--instruments', 'violin,cello', '--drums', 'Jazz', '--bpm', '96', '--key', 'F#m'],
    ...['--time-signature', '3/4', '--no-control-change', '--weights', 'f16', '--out', at('new.mid')],
  );
  const tokens = await sluice(['midi', 'tokens', at('new.mid'), '--no-optimise', '--out', at('new.json')]);
  const channels = readRows(at('new.json'))
    .events.filter(([kind]) => kind === 3)
    .map((row) => row[4] - 2329);
  const kept =
    begun.code === 0 && tokens.code === 0 && channels.every((channel) => [0, 1, 9].includes(channel));
  check('a new piece keeps to its instruments', kept, show(begun) + channels);
  const stopped = await sluice(['compose', '--model', model, '--events', '60000', '--out', at('never.mid')], {
    signalAfter: { signal: 'SIGINT', when: (stdout) => stdout.includes('"compose"') },
  });
  const soon = stopped.secondsAfterSignal !== null && stopped.secondsAfterSignal < 2;
  const clean = !readdirSync(at('.')).some((file) => file.includes('never'));
  check(
    'Ctrl-C ends with status 130, soon, and leaves no file',
    stopped.code === 130 && soon && clean,
    show(stopped),
  );
}

// What is embedded is composed with when no model is named, and `models` lists every folder.
async function checkModels(check, at, model) {
  const list = await sluice(['models'], { env: { SLUICE_MODELS: at('.') } });
  const found = list.last?.models?.find(({ path }) => path === model);
  const right = found?.kind === 'midi' && found.source === 'user' && found.bytes > 0 && found.fits === true;
  check('models lists a MIDI model', list.code === 0 && right, show(list));
  const inner = list.last?.models?.filter(({ path }) => path.startsWith(model)).length;
  check('once, and not its weights apart', inner === 1, `${inner}`);
  const verified = await sluice(['models', 'verify', model]);
  check(
    'models verify reads it',
    verified.code === 0 && verified.last.models?.[0]?.ok === true,
    show(verified),
  );
  const bytes = readFileSync(join(model, 'model.safetensors'));
  mkdirSync(at('broken'));
  writeFileSync(at('broken/config.json'), readFileSync(join(model, 'config.json')));
  writeFileSync(at('broken/model.safetensors'), bytes.subarray(0, bytes.length - 1000));
  const broken = await sluice(['models', 'verify', at('broken')]);
  check(
    'and says what is broken',
    broken.code === 3 && /safetensors/.test(broken.last.message),
    show(broken),
  );

  const plain = await sluice(['compose', '--events', '4', '--seed', '1', '--out', at('default.mid')]);
  const embedded = list.last?.models?.some(({ kind, source }) => kind === 'midi' && source === 'embedded');
  const done = plain.code === 0 && existsSync(at('default.mid'));
  const missing = plain.code === 2 && plain.last?.code === 'no-embedded-model';
  check('without a name the embedded model composes', embedded ? done : missing, show(plain));
}

async function checkRefusals(check, at, model) {
  const file = (filename, content) => {
    writeFileSync(at(filename), content);
    return at(filename);
  };
  const song = readFileSync(testdata('song.mid'));
  const base = ['compose', '--model', model, '--events', '2', '--out', at('bad.mid')];
  const table = [
    [3, [...base, '--seed-midi', file('empty.mid', '')], /empty\.mid[\s\S]*empty file/],
    [3, [...base, '--seed-midi', file('text.mid', 'a text, and no music at all')], /text\.mid/],
    [3, [...base, '--seed-midi', at('missing.mid')], /missing\.mid/],
    [3, ['compose', '--model', at('nothing/there'), '--out', at('bad.mid')], /nothing/],
    [2, ['compose', '--model', 'nosuch', '--out', at('bad.mid')], /nosuch/],
    [2, [...base, '--key', 'H'], /H/],
    [2, [...base, '--instruments', 'kazoo'], /kazoo/],
    [2, [...base, '--weights', 'q4'], /q4/],
    [3, [...base, '--time-signature', '3/5'], /3\/5/],
    [3, [...base, '--top-p', '0'], /top-p/],
    [2, ['midi', 'sing', '--out', at('x.json')], /sing/],
    [
      3,
      ['midi', 'detokenize', file('bad.json', '{"version":"v3","events":[]}'), '--out', at('x.mid')],
      /bad\.json/,
    ],
    [3, ['midi', 'tokens', testdata('song.mid'), '--out', at('nowhere/x.json')], /nowhere/],
  ];
  for (const [status, args, message] of table) {
    const result = await sluice(args);
    const told =
      result.last?.event === 'error' && message.test(`${result.last.message}\n${result.last.hint}`);
    check(`status ${status}: ${args.slice(-2).join(' ')}`, result.code === status && told, show(result));
  }
  check('nothing was left behind', !existsSync(at('bad.mid')));
  const cut = file('cut.mid', song.subarray(0, song.length - 50));
  const read = await sluice([
    'compose',
    '--model',
    model,
    '--seed-midi',
    cut,
    '--events',
    '2',
    '--out',
    at('cut-out.mid'),
  ]);
  check(
    'a file that was cut off is read as far as it goes, and that is told',
    read.code === 0 && /cut\.mid/.test(read.stderr),
    show(read),
  );
}

async function checkExample(check, at, model) {
  const program = join(nativeBuildDir, 'midi', 'examples', 'midi_compose');
  const run = (...args) => capture(program, args);
  const c = await run(model, testdata('song.mid'), at('c.mid'), '16');
  check('the C program composes', c.code === 0, show(c));
  const args = [
    'compose',
    '--model',
    model,
    '--seed-midi',
    testdata('song.mid'),
    '--seed',
    '1',
    '--events',
    '16',
  ];
  const same = await sluice([...args, '--weights', 'f32', '--out', at('same.mid')]);
  const equal = same.code === 0 && readFileSync(at('c.mid')).equals(readFileSync(at('same.mid')));
  check('the same bytes as the command line', equal, show(same));
  const two = await run(model, testdata('song.mid'), at('d.mid'), '16', model);
  const both = two.code === 0 && readFileSync(at('d.mid')).equals(readFileSync(at('d.mid.2')));
  check('two models at once, on a thread each', both, show(two));
  const wrong = await run(at('nothing'), testdata('song.mid'), at('e.mid'), '1');
  check('and says what is wrong', wrong.code !== 0 && /nothing/.test(wrong.stderr), show(wrong));
}

async function checkAddon(check, model, golden) {
  const addon = createRequire(import.meta.url)(join(nativeBuildDir, 'addon', 'sluice.node'));
  const options = { path: model, weights: null, config: null, lora: null, threads: 2 };
  const session = await addon.midiOpen(options);
  const job = (changes) => ({
    ...{
      seedRows: new Uint32Array(),
      exactRows: false,
      seed: 1,
      count: 1,
      events: 8,
      seconds: 0,
      temperature: 1,
    },
    ...{
      topP: 0.94,
      topK: 20,
      instruments: new Uint8Array(),
      drums: null,
      bpm: 0,
      timeSignature: null,
      key: null,
    },
    ...{ noPatchChange: false, noControlChange: false, noChannels: 0, ...changes },
  });
  const failure = async (start) => {
    try {
      return { value: await start() };
    } catch (error) {
      return { error };
    }
  };
  const wrong = [
    [undefined, TypeError],
    [job({ seedRows: [1] }), TypeError],
    [job({ seedRows: new Uint32Array(7) }), RangeError],
    [job({ events: -1 }), RangeError],
    [job({ temperature: NaN }), RangeError],
    [job({ noPatchChange: 1 }), TypeError],
  ];
  for (const [argument, kind] of wrong) {
    const { error } = await failure(async () => session.compose(argument, () => {}));
    check(
      `the addon refuses ${JSON.stringify(argument)?.slice(0, 40)}`,
      error instanceof kind,
      String(error),
    );
  }
  const far = await failure(() =>
    session.compose(job({ seedRows: new Uint32Array(8).fill(9999) }), () => {}),
  );
  check('tokens that no model has are told', far.error?.code === 'bad-token', String(far.error));

  // Greedy behind the golden's prompt it lasts for 64 events at least.
  const lasting = {
    seedRows: Uint32Array.from(golden.prompt.flat()),
    exactRows: true,
    topK: 1,
    events: 64,
    count: 16,
  };
  let ticks = 0;
  const ticking = setInterval(() => ticks++, 2);
  let seen = 0;
  const long = failure(() =>
    session.compose(job(lasting), () => {
      if (++seen === 10) session.stop(true);
    }),
  );
  const busy = await failure(() => session.compose(job({}), () => {}));
  check('a session does one job at a time', /busy/.test(busy.error?.message ?? ''), String(busy.error));
  const kept = await long;
  clearInterval(ticking);
  const rows = kept.value?.variations.map((list) => list.length / 8) ?? [];
  const whole = kept.value?.events >= 10 && rows.every((count) => count > golden.prompt.length);
  check('stopped and kept: what was heard is there', whole, String(kept.error ?? rows));
  check('the event loop goes on meanwhile', ticks > 0, `${ticks} ticks`);
  const again = await failure(() => session.compose(job({}), () => {}));
  check('the next job is fine', again.value !== undefined, String(again.error));
  session.close();
  const closed = await failure(async () => session.compose(job({}), () => {}));
  check('a closed session says so', /closed/.test(closed.error?.message ?? ''), String(closed.error));
}

export async function run(check) {
  const place = mkdtempSync(join(tmpdir(), 'sluice-midi-'));
  const at = (file) => join(place, file);
  try {
    const golden = JSON.parse(readFileSync(testdata('tiny.json'), 'utf8'));
    const model = writeSeededMidiModel(golden, at('model'));
    await checkTokens(check, at);
    await checkModel(check, at, model, golden);
    await checkCompose(check, at, model);
    await checkRefusals(check, at, model);
    await checkModels(check, at, model);
    await checkExample(check, at, model);
    await checkAddon(check, model, golden);
    await checkServing(check, at, model);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
