// What the plan predicts for cards that nobody here has: seconds a picture against the budget of device memory, by
// published peak arithmetic and link, for Stable Diffusion 1.5 with a ControlNet at 512x512, 20 steps, guidance on.
//   node bench/cards.mjs [--size WxH] [--steps N] [--control KIND|none] [--budgets MIB,MIB,…] [--shares PERCENT,…]
// A prediction, not a measurement. What it assumes: copies at 80 % of the link's published rate, arithmetic at the given
// shares of the published fp32 peak. 15 % is about what the tiled shaders reached on an H100 (convolutions 17 %, matrix
// products 10 % of its 67 TFLOP/s); 40 % is what well-tuned shaders reach elsewhere. Integrated chips read weights in
// place, at half their memory's rate, because everything else that they do uses it too.
import { parseArgs } from 'node:util';
import { sluice } from '../scripts/lib/cli.mjs';

// Published figures: fp32 TFLOP/s at boost, GB/s of the link (PCIe, one direction) or of shared memory, memory in MiB.
const cards = [
  { name: 'GeForce GTX 1050 2 GB', tflops: 1.86, link: 15.75, memory: 2048 },
  { name: 'Radeon RX 560 4 GB', tflops: 2.6, link: 7.88, memory: 4096 },
  { name: 'Intel UHD 630', tflops: 0.44, shared: 41.6 },
  { name: 'Intel Iris Xe 96', tflops: 2.2, shared: 68.3 },
  { name: 'Steam Deck', tflops: 1.6, shared: 88 },
  { name: 'GeForce RTX 3060 12 GB', tflops: 12.7, link: 31.5, memory: 12288 },
];
const DRIVER_SHARE = 0.75; // of a card's memory; the desktop and the driver keep the rest

const { values: given } = parseArgs({
  options: {
    size: { type: 'string', default: '512x512' },
    steps: { type: 'string', default: '20' },
    control: { type: 'string', default: 'scribble' },
    budgets: { type: 'string', default: '256,359,768,1536,4096' },
    shares: { type: 'string', default: '15,40' },
  },
});
const steps = Number(given.steps);
const numbers = (text) => text.split(',').map(Number);

async function seconds(link, flops, budget) {
  const args = ['plan', '--model', 'sd15', '--size', given.size, '--vram', String(budget), '--json'];
  if (given.control !== 'none') args.push('--control', given.control);
  const { code, last, stderr } = await sluice([...args, '--link', String(link), '--flops', String(flops)]);
  if (code !== 0) throw new Error(`${args.join(' ')}: ${last?.message ?? stderr}`);
  const stages = Object.fromEntries(last.stages.map((stage) => [stage.name, stage.seconds_per_pass]));
  const others = last.stages.filter((stage) => stage.name !== 'sample');
  return {
    step: stages.sample,
    all: steps * stages.sample + others.reduce((sum, stage) => sum + stage.seconds_per_pass, 0),
    sent: last.uploaded_bytes_per_step,
  };
}

const rows = [];
for (const card of cards) {
  const link = card.link ? card.link * 0.8 : card.shared * 0.5;
  for (const budget of numbers(given.budgets)) {
    if (card.memory && budget > card.memory * DRIVER_SHARE) continue;
    const row = { card: card.name, 'budget MiB': budget };
    for (const share of numbers(given.shares)) {
      const predicted = await seconds(link, (card.tflops * share) / 100, budget);
      const free = await seconds(1e6, (card.tflops * share) / 100, budget);
      row['sent a step MiB'] = Number((predicted.sent / 2 ** 20).toFixed(0));
      row[`s a step at ${share} %`] = Number(predicted.step.toFixed(2));
      row[`s a picture at ${share} %`] = Number(predicted.all.toFixed(1));
      row[`cost of streaming at ${share} %`] = `${((predicted.all / free.all - 1) * 100).toFixed(1)} %`;
    }
    rows.push(row);
  }
}
console.log(`${given.size}, ${steps} steps, ControlNet: ${given.control}; predicted, not measured`);
console.table(rows);
