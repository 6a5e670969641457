import type { DeviceReport } from '../engine/index.ts';
import { usageError } from './arguments.ts';
import type { Command } from './command.ts';
import { mebibytes } from './output.ts';
import { loadEngine } from './services.ts';

function featureText(value: unknown): string {
  if (value === true) return 'yes';
  if (value === false || value === null) return 'no';
  if (Array.isArray(value) && value.length === 0) return 'no';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function lines(device: DeviceReport): string[] {
  const budget = typeof device.budget_bytes === 'number' ? `, ${mebibytes(device.budget_bytes)} free` : '';
  return [
    `${device.index}  ${device.name} (${device.type}${budget})`,
    `   driver ${device.driver ?? 'unknown'}, Vulkan ${device.api_version ?? 'unknown'}, subgroups of ${device.subgroup_size ?? '?'}`,
    ...Object.entries(device.features ?? {}).map(
      ([name, value]) => `   ${name.replaceAll('_', ' ')}: ${featureText(value)}`,
    ),
  ];
}

export const devices: Command = {
  name: 'devices',
  summary: 'lists Vulkan devices and what the engine uses of them',
  usage: 'sluice devices [--json]',
  options: {},
  async run({ positionals }, output) {
    if (positionals.length > 0)
      throw usageError(`devices takes no arguments, found "${positionals.join(' ')}"`);
    const found = await loadEngine().devices();
    output.done({ devices: found }, found.flatMap(lines));
  },
};
