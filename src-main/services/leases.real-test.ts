// Painting and the language model on one small card, with the real server and the real engine. The card is Mesa's CPU
// device, of which the server says that so much is free; it takes layers by its arguments, as for a real one.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Engine } from '../engine/index.ts';
import { Arbiter } from '../jobs/arbiter.ts';
import { addonPath, resourceDir } from '../library/paths.ts';
import { type Bench, makeBench, question, serverBinary, silent } from '../llama/real-server.ts';
import { usualRequest } from '../painting/fit.ts';
import { leased } from '../painting/leases.ts';
import { Painter } from '../painting/painter.ts';

const CARD_MIB = 240; // less than the model would like

let bench: Bench;
const folder = mkdtempSync(join(tmpdir(), 'sluice-leases-'));
afterEach(async () => {
  await bench.close();
  rmSync(folder, { recursive: true, force: true });
});

it('a picture makes the model let go of the card, says so before, and the model comes back when asked', async () => {
  const engine = new Engine(addonPath());
  const [device] = await engine.devices();
  const name = device?.name ?? 'none';
  const binary = join(folder, 'card-server');
  const listed = `Available devices:\\n  Card0: ${name} (${CARD_MIB} MiB, ${CARD_MIB} MiB free)`;
  writeFileSync(
    binary,
    `#!/bin/sh\ncase "$1" in --list-devices) printf '${listed}\\n'; exit;; esac\nexec '${serverBinary()}' "$@"\n`,
    { mode: 0o755 },
  );
  const arbiter = new Arbiter();
  const places = { setting: binary, packaged: '', path: '', cacheDir: folder };
  bench = makeBench({ arbiter, places });
  const starts = (): number[] =>
    [...bench.logText().matchAll(/sluice: started .* --gpu-layers (\d+) /g)].map(([, layers]) =>
      Number(layers),
    );
  const ask = () => bench.service.ask(question('Hello', { maxTokens: 2 }), silent);
  const held = () =>
    arbiter.state.held.map(({ kind, bytes }) => ({ kind, mib: Math.round(bytes / 2 ** 20) }));

  await ask();
  await bench.log.settled();
  expect(starts()).toEqual([expect.any(Number)]);
  expect(starts()[0]).toBeGreaterThan(0);
  expect(held()).toEqual([{ kind: 'language', mib: CARD_MIB }]);

  const painter = new Painter(engine, { cacheDir: join(folder, 'cache'), resourceDir: resourceDir() });
  const events: string[] = [];
  let whilePainting: unknown;
  bench.service.supervisor.subscribe(({ kind }) => events.push(kind));
  const paint = leased(
    (request, reports) => {
      events.push('paint');
      whilePainting = { state: bench.service.state.kind, held: held() };
      return painter.execute(request, reports);
    },
    { arbiter, engine: () => engine },
  );
  const request = {
    ...usualRequest(join(resourceDir(), 'models', 'icons-256'), 64),
    prompt: 'a fish',
    steps: 1,
    cfg: 1,
    seed: 1,
    budgetBytes: 64 << 20,
  };
  const reports = {
    progress: () => undefined,
    preview: () => undefined,
    notice: (text: string) => events.push(text),
  };
  const { images, figures } = await paint(request, reports).result;
  await painter.close();
  expect(images).toHaveLength(1);
  expect(figures.peakDeviceBytes).toBeLessThanOrEqual(64 << 20);
  expect(events.slice(0, 4)).toEqual([
    expect.stringMatching(/^the language model gives 240 MiB of .* back for this picture/),
    'stopping',
    'stopped',
    'paint',
  ]);
  expect(whilePainting).toEqual({ state: 'stopped', held: [{ kind: 'paint', mib: 64 }] });
  expect(held()).toEqual([]);

  expect((await ask()).tokens).toBe(2);
  await bench.log.settled();
  expect(starts()).toHaveLength(2);
  expect(starts()[1]).toBe(starts()[0]);
  expect(held()).toEqual([{ kind: 'language', mib: CARD_MIB }]);
});
