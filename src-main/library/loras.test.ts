import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { isLora, lorasNamed, resolveLora, withTags } from './loras.ts';
import { findModels, resolveModel } from './models.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-loras-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function put(name: string, tensors: readonly string[], metadata: object = {}): string {
  const entries = tensors.map((tensor) => [tensor, { dtype: 'F16', shape: [1], data_offsets: [0, 2] }]);
  const header = Buffer.from(JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat([length, header, Buffer.alloc(2)]));
  return path;
}

const ink = put('ink.safetensors', ['lora_unet_mid_block_attentions_0_proj_in.lora_up.weight']);
const fur = put('fur.safetensors', ['unet.mid_block.attn1.to_q.lora_A.weight']);
put('model.safetensors', ['model.diffusion_model.out.0.weight'], { merged: 'a "lora_unet_" recipe' });
const models = findModels({ embedded: join(folder, 'none'), user: [folder] });

it('tells LoRAs from checkpoints by their tensors', () => {
  expect(models.map(({ name, kind }) => [name, kind])).toEqual([
    ['fur', 'lora'],
    ['ink', 'lora'],
    ['model', 'file'],
  ]);
  expect(isLora(join(folder, 'nothing.safetensors'))).toBe(false);
  expect(() => resolveModel('ink', models)).toThrow('there is no model named "ink"');
});

it('finds them by name or path, and says which there are', () => {
  expect(resolveLora('ink', models)).toBe(ink);
  expect(resolveLora(fur, [])).toBe(fur);
  expect(() => resolveLora(join(folder, 'gone.safetensors'), models)).toThrow('does not exist');
  expect(() => resolveLora('gone', models)).toThrow('known are fur, ink');
  expect(lorasNamed('a <lora:ink:0.5> b <lora:fur>', models)).toEqual([
    { path: ink, strength: 0.5 },
    { path: fur, strength: 1 },
  ]);
});

it('opens nothing that a prompt names by its path', () => {
  expect(() => lorasNamed(`<lora:${ink}:1>`, models)).toThrow('there is no LoRA named');
});

it('names in a prompt what was given beside it', () => {
  const given = [
    { path: fur, strength: 0.8 },
    { path: ink, strength: 1 },
  ];
  expect(withTags('a <lora:ink:0.3> fox', given)).toBe('a <lora:ink:0.3> fox <lora:fur:0.8>');
});
