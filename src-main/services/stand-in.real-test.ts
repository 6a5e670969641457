// A server without llguidance stands in until set-up has built ours. The stand-in is the real server under another
// name, of which it is known from before that it has no llguidance: what its probe would have written is there.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { type Bench, makeBench, model, question, serverBinary, silent } from '../llama/real-server.ts';
import { probe } from '../llama/probe.ts';
import { loadGrammars } from './grammars.ts';

let bench: Bench | null = null;
const folder = mkdtempSync(join(tmpdir(), 'sluice-stand-in-'));
afterEach(async () => {
  await bench?.close();
  rmSync(folder, { recursive: true, force: true });
});

const place = join(folder, 'llama-server');
const announce = (path: string): void => {
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, 'current.json'), JSON.stringify({ path }));
};

it('answers meanwhile, says what it cannot do, and gives way to ours', async () => {
  const standIn = join(folder, 'stand-in-server');
  symlinkSync(serverBinary(), standIn);
  await probe(standIn, model, folder);
  for (const name of readdirSync(place).filter((file) => file.startsWith('probe-'))) {
    const found = JSON.parse(readFileSync(join(place, name), 'utf8')) as Record<string, unknown>;
    expect(found['llguidance']).toBe(true); // it is the real one after all
    writeFileSync(join(place, name), JSON.stringify({ ...found, llguidance: false }));
  }
  announce(standIn);
  bench = makeBench({
    places: { setting: null, packaged: '', path: '', cacheDir: folder },
    grammars: loadGrammars,
  });
  const { service } = bench;
  const notices: string[] = [];
  const texts = {
    gbnf: 'root ::= "left" | "right"',
    'json-schema': '{"enum":["left","right"]}',
    lark: 'start: "left" | "right"',
  };
  const ask = (grammar: keyof typeof texts | null) => {
    const text = grammar === null ? '' : texts[grammar];
    const source = grammar === null ? null : { kind: grammar, text, lenient: false, marker: null };
    const hooks = { ...silent, onNotice: (notice: string) => notices.push(notice) };
    return service.ask(question('Left or right?', { grammar: source }), hooks);
  };
  expect((await ask(null)).tokens).toBeGreaterThan(0);
  expect(notices).toEqual([expect.stringMatching(/takes no Lark grammars/)]);
  expect(await ask('gbnf')).toMatchObject({ valid: true });
  expect(notices).toHaveLength(1); // told once
  expect(await ask('json-schema')).toMatchObject({ valid: true });
  await expect(ask('lark')).rejects.toMatchObject({ code: 'grammar-unsupported', status: 3 });
  expect((await service.capabilities()).path).toBe(standIn);

  announce(serverBinary());
  await new Promise((resolve) => setTimeout(resolve, 2100)); // looked at every two seconds
  expect(await ask('lark')).toMatchObject({ valid: true });
  expect((await service.capabilities()).llguidance).toBe(true);
  await bench.log.settled();
  expect(bench.logText()).toMatch(new RegExp(`started ${standIn}[^]*started ${serverBinary()}`));
  expect(notices).toHaveLength(1);
});
