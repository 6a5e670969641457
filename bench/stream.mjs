// Streamed against resident, in one run: the same job at several budgets, what moved, what hid behind compute, where
// the time went by block. On a device for which peers were measured their figures stand beside ours.
//   node bench/stream.mjs [--model PATH] [--control PATH] [--size WxH] [--steps N] [--budgets MIB,MIB,…] [--device NAME]
// Without --model: random weights of a tiny model, which show the machinery, not speed.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { sluice } from '../scripts/lib/cli.mjs';
import { writeSeededFolder } from '../scripts/lib/seeded.mjs';

// Stable Diffusion 1.5, 512x512, 20 Euler steps, guidance on, without a ControlNet, fp16, on an H100 (PCIe 5 x16):
// stable-diffusion.cpp's Vulkan build at its own memory limits, seconds an image by peak MiB.
const peers = [
  { device: /H100/, budget: 359, name: 'stable-diffusion.cpp', seconds: 30.8 },
  { device: /H100/, budget: 674, name: 'stable-diffusion.cpp', seconds: 9.13 },
  { device: /H100/, budget: 1082, name: 'stable-diffusion.cpp', seconds: 6.1 },
];

const { values: given } = parseArgs({
  options: {
    model: { type: 'string' },
    control: { type: 'string' },
    size: { type: 'string', default: '256x256' },
    steps: { type: 'string', default: '4' },
    budgets: { type: 'string' },
    device: { type: 'string', default: 'auto' },
  },
});

const place = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
const table = (title, rows) => {
  console.log(`\n${title}`);
  console.table(rows);
};
const mib = (bytes) => Number((bytes / 2 ** 20).toFixed(1));
const round = (value, digits = 3) => Number(value.toFixed(digits));

async function ask(args) {
  const { code, last, stderr } = await sluice(args, { timeoutSeconds: 7200 });
  if (code !== 0) throw new Error(`${args.join(' ')}: ${last?.message ?? stderr}`);
  return last;
}

// Microseconds during which both a copy and a dispatch were under way.
function overlap(copies, dispatches) {
  let both = 0;
  for (const copy of copies)
    for (const work of dispatches)
      both += Math.max(0, Math.min(copy.ts + copy.dur, work.ts + work.dur) - Math.max(copy.ts, work.ts));
  return both;
}

try {
  const model = given.model ?? (await writeSeededFolder('tiny', join(place, 'tiny')));
  const control = given.control ?? (given.model ? null : join(model, 'controlnet'));
  const [width, height] = given.size.split('x').map(Number);
  const hint = join(place, 'hint.png');
  await sharp({ create: { width, height, channels: 3, background: '#ffffff' } }).png().toFile(hint);
  const job = ['--model', model, '--size', given.size];
  const controls = control ? ['--control', `edge=${hint},model=${control}`] : [];
  const planned = control ? ['--control', `edge,model=${control}`] : [];

  const plan = await ask(['plan', ...job, ...planned, '--device', given.device]);
  const smallest = Math.ceil(plan.smallest_budget_bytes / 2 ** 20);
  const budgets = given.budgets?.split(',').map(Number) ?? [smallest, smallest * 2, smallest * 4, smallest * 32];
  const paint = (mib) => [
    ...['paint', '--prompt', 'a boat', ...job, ...controls, '--steps', given.steps, '--seed', '1'],
    ...['--device', given.device, '--vram', String(mib)],
    ...['--trace', join(place, 'trace.json'), '--out', join(place, 'out.png')],
  ];
  const runs = [];
  for (const budget of budgets) {
    await ask(paint(budget)); // warms the caches
    const done = await ask(paint(budget));
    const events = JSON.parse(readFileSync(join(place, 'trace.json'), 'utf8')).traceEvents;
    runs.push({ budget, done, events: events.filter((event) => event.ph === 'X') });
  }

  const step = (done) => done.step_seconds.reduce((sum, s) => sum + s, 0) / done.step_seconds.length;
  const best = step(runs.at(-1).done);
  table(
    `streamed against resident, ${given.size}, ${given.steps} steps, ${runs[0].done.device}`,
    runs.map(({ budget, done }) => {
      const peer = peers.find((p) => p.budget === budget && p.device.test(done.device) && !control);
      return {
        'budget MiB': budget,
        'peak MiB': mib(done.peak_device_bytes),
        'image s': round(done.seconds),
        'step s': round(step(done)),
        'against the largest budget': round(step(done) / best, 2),
        'sent MiB': mib(done.uploaded_bytes),
        peer: peer ? `${peer.name} ${peer.seconds} s` : 'not measured here',
      };
    }),
  );

  const rate = (events) =>
    events.reduce((sum, e) => sum + (e.args.gflop ?? 0), 0) / (events.reduce((sum, e) => sum + e.dur, 0) / 1e6);
  table(
    'the four phases, each apart',
    runs.map(({ budget, done, events }) => {
      const copies = events.filter((event) => event.tid === 1);
      const dispatches = events.filter((event) => event.tid === 2);
      const copying = copies.reduce((sum, event) => sum + event.dur, 0);
      const computing = dispatches.reduce((sum, event) => sum + event.dur, 0);
      return {
        'budget MiB': budget,
        'fuse: submissions': dispatches.length,
        'overlap: copies hidden %': copying ? round((100 * overlap(copies, dispatches)) / copying, 1) : 100,
        'copy ms': round(copying / 1e3, 1),
        'compute ms': round(computing / 1e3, 1),
        'tiles: GFLOP/s': round(rate(dispatches), 1),
        'fewer bytes: MiB a step': mib(done.uploaded_bytes / Math.max(1, done.step_seconds.length)),
      };
    }),
  );

  const blocks = new Map();
  for (const event of runs[0].events.filter((e) => e.tid === 2)) {
    const block = event.name.split('.').slice(0, 2).join('.');
    const row = blocks.get(block) ?? { block, ms: 0, gflop: 0 };
    row.ms += event.dur / 1e3;
    row.gflop += event.args.gflop;
    blocks.set(block, row);
  }
  table(
    `time by block at ${budgets[0]} MiB (submissions are named by their first op)`,
    [...blocks.values()]
      .sort((a, b) => b.ms - a.ms)
      .slice(0, 24)
      .map((row) => ({
        block: row.block,
        ms: round(row.ms, 2),
        GFLOP: round(row.gflop, 2),
        'GFLOP/s': round(row.gflop / (row.ms / 1e3), 1),
      })),
  );
} finally {
  rmSync(place, { recursive: true, force: true });
}
