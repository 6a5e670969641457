import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import type { DeviceReport, Engine, PlanReport } from '../engine/index.ts';
import { resolveModel } from '../library/models.ts';
import { planJob } from '../painting/prepare.ts';
import { Flags, readControl, usageError } from './arguments.ts';
import type { Command } from './command.ts';
import { duration, mebibytes } from './output.ts';
import { readSettings, requestOptions, requestWith } from './paint-options.ts';
import { allModels, loadEngine } from './services.ts';

// A word for SD 1.5's configuration: no file is needed to plan it.
const SD15 = 'sd15';

async function findDevice(engine: Engine, wanted: string): Promise<DeviceReport> {
  const devices = await engine.devices();
  const found = /^\d+$/.test(wanted)
    ? devices.find((device) => device.index === Number(wanted))
    : devices.find((device) => wanted === 'auto' || device.name.toLowerCase().includes(wanted.toLowerCase()));
  if (found === undefined) {
    const names = devices.map((device) => `${device.index} ${device.name}`).join(', ');
    throw new SluiceError(
      Status.device,
      'no-such-device',
      `there is no device "${wanted}"; there are ${names === '' ? 'none' : names}`,
    );
  }
  return found;
}

function lines(plan: PlanReport): string[] {
  return [
    `peak of device memory  ${mebibytes(plan.peak_device_bytes)}`,
    `smallest budget        ${mebibytes(plan.smallest_budget_bytes)}`,
    `a sampling step        ${duration(plan.step_seconds)} predicted`,
    `uploaded in each step  ${mebibytes(plan.uploaded_bytes_per_step)}`,
    `blocks                 ${plan.blocks.length} (--json lists them)`,
  ];
}

export const plan: Command = {
  name: 'plan',
  summary: 'tells what a job would keep, stream and free; nothing runs',
  usage: [
    'sluice plan [--model NAME|PATH|sd15] [--size WxH] [--vram MIB] [--precision auto|fp32|fp16]',
    '  --control KIND[,model=PATH]  (several times or several kinds)  --cfg F  --count N',
    '  --device auto|INDEX|NAME  --link GBPS  --flops TFLOPS  --json',
  ].join('\n'),
  options: { ...requestOptions, link: { type: 'string' }, flops: { type: 'string' } },
  async run(given, output) {
    const flags = new Flags(given);
    // `--control canny depth`: what follows the first kind arrives as positionals.
    const kinds = [...flags.texts('control'), ...given.positionals];
    if (given.positionals.length > 0 && !flags.has('control')) {
      throw usageError(`plan takes flags only, found "${given.positionals.join(' ')}"`);
    }
    const controls = kinds.map((text) => {
      const control = readControl(text, { image: false });
      return { ...control, image: null };
    });
    const link = flags.number('link', 0, { min: 0.001, max: 1e6 }) * 1e9;
    const flops = flags.number('flops', 0, { min: 0.0001, max: 1e6 }) * 1e12;
    const engine = loadEngine();
    const settings = await readSettings(flags, engine);

    const models = allModels();
    const named = flags.text('model');
    const model = named === SD15 ? SD15 : resolveModel(named, models);
    // Under the bare configuration every ControlNet is SD 1.5's own.
    const bare = model === SD15 ? controls.filter((control) => control.model === null) : [];
    const others = controls.filter((control) => !bare.includes(control));
    const request = requestWith(settings, flags, others, models, model);
    for (const { kind, strength, start, end } of bare) {
      request.controls.push({ kind, image: '', model: SD15, strength, start, end });
    }

    const device = flags.has('device') ? await findDevice(engine, request.device) : null;
    const report = await engine.plan(planJob(request), {
      linkBytesPerSecond: link,
      flopsPerSecond: flops,
      maxStorageBufferRange: 0,
      device: device === null ? null : String(device.index),
    });
    output.done({ model, ...report }, lines(report));
  },
};
