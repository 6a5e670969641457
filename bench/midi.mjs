// Composing beside its peers, in one run: events a second of note events (eight tokens each) at a published model's
// shape with seeded weights, the first event behind a seed of 512, memory, and the bandwidth that bounds it all.
//   node bench/midi.mjs [--config tv2o-medium] [--model FOLDER] [--threads N] [--seconds 8] [--json]
//     [--python VENV/bin/python [--original CHECKOUT]]
// The peers need a Python with torch, transformers, safetensors, onnx and onnxruntime (bench/midi_peers.py says what
// they run); without --python they are not measured, and the table says so. Builds with cargo what is not built.
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../scripts/lib/paths.mjs';
import { cargoEnv, cargoTargetDir, findCargo, workspace } from '../scripts/lib/rust.mjs';
import { midiConfig, midiShapes } from '../scripts/lib/seeded-midi.mjs';

const { values } = parseArgs({
  options: {
    config: { type: 'string', default: 'tv2o-medium' },
    model: { type: 'string' },
    threads: { type: 'string', default: String(availableParallelism()) },
    seconds: { type: 'string', default: '8' },
    python: { type: 'string' },
    original: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

const lines = (text) =>
  text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));

// bfloat16 weights of the right size from a generator that is fast enough for 234 million of them.
function randomModel(name) {
  const folder = join(tmpdir(), `sluice-bench-midi-${name}`);
  if (existsSync(join(folder, 'model.safetensors'))) return folder;
  const config = midiConfig(name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  const header = {};
  let end = 0;
  for (const [tensor, shape] of midiShapes(config)) {
    const bytes = 2 * shape.reduce((product, size) => product * size, 1);
    header[tensor] = { dtype: 'BF16', shape, data_offsets: [end, end + bytes] };
    end += bytes;
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const file = openSync(join(folder, 'partial'), 'w');
  writeSync(file, Buffer.concat([length, text]));
  let state = 0x9e3779b9;
  for (const [tensor, shape] of midiShapes(config)) {
    const bits = new Uint16Array(shape.reduce((product, size) => product * size, 1));
    // A sign, an exponent that keeps activations near 1, and seven random bits: between 1 and 2 times a power of two.
    const power = tensor.includes('embed') ? -2 : -Math.ceil(Math.log2(shape.at(-1)) / 2) - 1;
    for (let i = 0; i < bits.length; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      bits[i] = tensor.includes('norm') ? 0x3f80 : ((127 + power) << 7) | (state & 0x807f);
    }
    writeSync(file, new Uint8Array(bits.buffer));
  }
  closeSync(file);
  renameSync(join(folder, 'partial'), join(folder, 'model.safetensors'));
  return folder;
}

function ours(model, weights) {
  const args = ['run', '--release', '--quiet', '--example', 'bench', '-p', 'skytnt-midi', '--locked'];
  const place = ['--manifest-path', workspace, '--target-dir', cargoTargetDir];
  const cargo = findCargo();
  const out = execFileSync(cargo, [...args, ...place, '--', model, values.threads, weights, values.seconds], {
    env: cargoEnv(cargo),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return lines(out).map((line) => ({ name: `sluice ${line.weights}`, ...line }))[0];
}

function peers(model) {
  if (values.python === undefined) return [];
  const original = values.original === undefined ? [] : ['--original', values.original];
  const program = join(root, 'bench', 'midi_peers.py');
  const timing = ['--threads', values.threads, '--seconds', values.seconds];
  const out = execFileSync(values.python, ['-W', 'ignore', program, model, ...timing, ...original], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return lines(out).map((line) => ({ name: `${line.peer} ${line.version} ${line.weights}`, ...line }));
}

const model = values.model ?? randomModel(values.config);
const measured = [...['q8', 'f16', 'f32'].map((weights) => ours(model, weights)), ...peers(model)];
if (values.json) {
  for (const line of measured) console.log(JSON.stringify(line));
} else {
  const number = (value, digits) => (value === undefined ? '-' : value.toFixed(digits));
  const row = (...cells) => console.log(cells.map((cell, i) => (i ? cell.padStart(15) : cell.padEnd(30))).join(''));
  row('', 'events/s', 'batch 4, each', 'batch 4 / 1', 'first of 512, s', 'GB/s of weights', 'share', 'memory/weights');
  for (const line of measured) {
    const speed = line.bytes_per_event === undefined ? undefined : line.events_per_second * line.bytes_per_event;
    row(
      line.name,
      number(line.events_per_second, 1),
      number(line.batch4_events_per_second, 1),
      number(line.batch4_events_per_second / line.events_per_second || undefined, 2),
      number(line.first_event_seconds, 2),
      number(speed && speed / 1e9, 1),
      number(line.share_of_bandwidth, 2),
      number(line.memory_ratio, 3),
    );
  }
  const [best] = measured;
  const read = (best.bandwidth / 1e9).toFixed(1);
  console.log(`Memory is read at ${read} GB/s by ${values.threads} threads; the token net stays in larger caches.`);
  const ratio = (peer, weights) => {
    const found = measured.find((line) => line.peer === peer && line.weights === weights);
    return found === undefined ? 'not measured' : (best.events_per_second / found.events_per_second).toFixed(2);
  };
  console.log(`sluice q8 / PyTorch fp32: ${ratio('pytorch', 'f32')}`);
  console.log(`sluice q8 / ONNX Runtime int8: ${ratio('onnxruntime', 'q8')}`);
}
