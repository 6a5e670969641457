import { resolve } from 'node:path';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import { checkOutput } from '../library/files.ts';
import { resolveModel } from '../library/models.ts';
import { Flags, usageError } from './arguments.ts';
import type { Command } from './command.ts';
import { duration } from './output.ts';
import { allModels, contextPaths, loadEngine } from './services.ts';
import type { Stop } from './stop.ts';

const networks = ['text-encoder', 'unet', 'controlnet', 'vae-encoder', 'vae-decoder'];

// A component may be named by its path alone: probes take what `paint` would not.
function modelPath(wanted: string | null): string {
  const models = allModels();
  const named = models.find(({ name }) => name === wanted);
  return named !== undefined ? named.path : resolveModel(wanted, models);
}

async function tokenize(flags: Flags): Promise<number[]> {
  return loadEngine().tokenize({
    resourceDir: contextPaths().resourceDir,
    model: flags.has('model') ? modelPath(flags.text('model')) : null,
    text: flags.required('text'),
  });
}

async function forward(network: string, flags: Flags, stop: Stop) {
  const out = resolve(flags.required('out'));
  const wanted = flags.required('model');
  const request = {
    network,
    in: resolve(flags.required('in')),
    out,
    budgetBytes: flags.vram(),
    precision: flags.precision(),
    model: modelPath(wanted), // last: what is wrong with a flag is told whatever models are there
  };
  await checkOutput(out);
  const context = await loadEngine().open({ device: flags.text('device') ?? 'auto', ...contextPaths() });
  const leave = stop.onAsked(() => context.cancel());
  try {
    const report = await context.probe(request);
    if (stop.asked) throw new SluiceError(Status.cancelled, 'cancelled', 'stopped by the user');
    return { ...report, out };
  } finally {
    leave();
    await context.close();
  }
}

export const probe: Command = {
  name: 'probe',
  summary: 'runs one network once over tensors from a file',
  usage: [
    `sluice probe ${networks.join('|')} --model PATH --in IN.safetensors --out OUT.safetensors`,
    '  --vram MIB  --precision auto|fp32|fp16  --device auto|INDEX|NAME  --json',
    'sluice probe tokenizer --text TEXT [--model PATH]',
  ].join('\n'),
  options: {
    model: { type: 'string' },
    in: { type: 'string' },
    out: { type: 'string' },
    text: { type: 'string' },
    vram: { type: 'string' },
    precision: { type: 'string' },
    device: { type: 'string' },
  },
  async run(given, output, stop) {
    const [network, ...more] = given.positionals;
    if (network === undefined || more.length > 0) {
      throw usageError('probe takes one network', `It is one of ${networks.join(', ')}, tokenizer.`);
    }
    const flags = new Flags(given);
    if (network === 'tokenizer') {
      const ids = await tokenize(flags);
      output.done({ ids }, [ids.join(' ')]);
      return;
    }
    if (!networks.includes(network)) {
      throw usageError(
        `there is no network "${network}"; there are ${networks.join(', ')}, tokenizer`,
        '',
        'unknown-network',
      );
    }
    const report = await forward(network, flags, stop);
    output.done({ ...report, peak_rss_bytes: process.resourceUsage().maxRSS * 1024 }, [
      `${report.out} in ${duration(report.seconds)}`,
    ]);
  },
};
