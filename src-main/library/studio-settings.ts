// What a person has set in the studio and what the command line follows too. Read from the file each time it is asked:
// it is small, and both processes may change it.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type StudioSettings, studioSettings, usualSettings } from '../../src-preload/contract/settings.ts';
import { writeWhole } from './files.ts';

export const settingsFile = (dataDir: string): string => join(dataDir, 'studio', 'settings.json');

// Each field that cannot be read is as usual, and the others stand.
export function readSettings(dataDir: string): StudioSettings {
  let kept: unknown;
  try {
    kept = JSON.parse(readFileSync(settingsFile(dataDir), 'utf8'));
  } catch {
    return usualSettings; // none yet, or no JSON
  }
  const fields = typeof kept === 'object' && kept !== null ? (kept as Record<string, unknown>) : {};
  const healed = Object.entries(studioSettings.shape).map(([name, schema]) => {
    const parsed = schema.safeParse(fields[name]);
    return [name, parsed.success ? parsed.data : usualSettings[name as keyof StudioSettings]];
  });
  return studioSettings.parse(Object.fromEntries(healed));
}

export async function writeSettings(dataDir: string, settings: StudioSettings): Promise<void> {
  mkdirSync(join(dataDir, 'studio'), { recursive: true });
  const content = Buffer.from(JSON.stringify(settings, null, 2));
  await writeWhole([{ path: settingsFile(dataDir), content }]);
}
