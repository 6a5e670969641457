// `sluice serve` for tests: started with flags of their own, asked over HTTP, ended as a person ends it.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from './paths.mjs';

// `sluice serve` until `use` is done with it. Gives its exit status. `env`: besides ours.
export async function serving(args, use, env = {}) {
  const child = spawn(
    process.execPath,
    [join(root, 'scripts', 'launch.mjs'), 'serve', '--port', '0', '--json', ...args],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    },
  );
  let output = '';
  const listening = new Promise((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
      const line = output.split('\n').find((candidate) => candidate.includes('"listening"'));
      if (line !== undefined) resolve(JSON.parse(line));
    });
    child.on('exit', () => reject(new Error(`serve ended: ${output}`)));
  });
  const ended = new Promise((resolve) => child.on('exit', (code) => resolve(code)));
  try {
    await use(await listening);
  } finally {
    child.kill('SIGINT');
  }
  const began = performance.now();
  return { code: await ended, seconds: (performance.now() - began) / 1000 };
}
