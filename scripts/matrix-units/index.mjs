#!/usr/bin/env node
// Runs the op tests on a CPU driver that has cooperative matrices, so that the kernels for matrix units are held against
// their twins without a GPU. Debian 12's driver has none: that of Debian 13's backports, with all that it links, is
// unpacked into the cache folder and runs beside the system's under its own loader. By command only; no suite needs it.
//   node scripts/matrix-units/index.mjs [doctest flags…]     default: --test-case='ops: *'
// Needs apt (Debian), about 70 MB of packages once, and the C++ tests (npm test builds them).
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { buildPlainTests } from '../lib/plain-tests.mjs';
import { capture, run } from '../lib/process.mjs';

const packages = ['mesa-vulkan-drivers', 'libvulkan1', 'libc6', 'libstdc++6', 'libutf8proc3', 'zlib1g'];
const suite = 'trixie';
const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
const folder = join(cache, 'sluice', 'mesa-26');

// The mirror from which this system has its own packages.
async function mirror() {
  const listing = await capture('apt-get', ['indextargets', '--format', '$(REPO_URI) $(RELEASE) $(ORIGIN)']);
  const main = listing.stdout
    .split('\n')
    .map((line) => line.split(' '))
    .find(([, , origin]) => origin === 'Debian');
  if (main === undefined)
    throw new Error(`expected Debian among the package sources, found:\n${listing.stdout}`);
  return main[0];
}

async function install() {
  const work = `${folder}.${process.pid}`;
  const lists = join(work, 'apt');
  for (const sub of ['lists/partial', 'archives/partial']) mkdirSync(join(lists, sub), { recursive: true });
  const uri = await mirror();
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  writeFileSync(
    join(lists, 'sources.list'),
    [suite, `${suite}-backports`].map((s) => `deb [signed-by=${keyring}] ${uri} ${s} main\n`).join(''),
  );
  writeFileSync(join(lists, 'status'), '');
  writeFileSync(
    join(lists, 'options'),
    [
      `Dir::Etc::SourceList "${join(lists, 'sources.list')}";`,
      'Dir::Etc::SourceParts "/nonexistent";',
      `Dir::State::Lists "${join(lists, 'lists')}";`,
      `Dir::State::status "${join(lists, 'status')}";`,
      `Dir::Cache "${lists}";`,
      'APT::Install-Recommends "false";',
      'APT::Sandbox::User "root";',
    ].join('\n'),
  );
  const env = { APT_CONFIG: join(lists, 'options') };
  await run('apt-get', ['-q', 'update'], { env });
  await run(
    'apt-get',
    ['-q', 'install', '--yes', '--download-only', '-t', `${suite}-backports`, ...packages],
    {
      env,
    },
  );
  const archives = join(lists, 'archives');
  for (const name of readdirSync(archives).filter((file) => file.endsWith('.deb')))
    await run('dpkg', ['-x', join(archives, name), join(work, 'root')]);
  rmSync(lists, { recursive: true });
  rmSync(folder, { recursive: true, force: true });
  renameSync(work, folder);
}

const root = join(folder, 'root');
const libraries = join(root, 'usr', 'lib', 'x86_64-linux-gnu');
if (process.arch !== 'x64') throw new Error(`this script knows x86-64 alone, found ${process.arch}`);
const program = await buildPlainTests();
if (!existsSync(libraries)) await install();

const driver = JSON.parse(
  readFileSync(join(root, 'usr', 'share', 'vulkan', 'icd.d', 'lvp_icd.json'), 'utf8'),
);
driver.ICD.library_path = join(libraries, 'libvulkan_lvp.so');
const description = join(folder, 'driver.json');
writeFileSync(description, JSON.stringify(driver));
const flags = process.argv.length > 2 ? process.argv.slice(2) : ['--test-case=ops: *', '--duration'];
const loader = join(libraries, 'ld-linux-x86-64.so.2');
await run(loader, ['--library-path', `${libraries}:/usr/lib/x86_64-linux-gnu`, program, ...flags], {
  env: { VK_DRIVER_FILES: description },
});
