// Starts the real studio for a spec: its own screen and data folder, everything it prints kept.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { _electron } from '@playwright/test';
import sharp from 'sharp';
import { startXvfb } from '../scripts/lib/display.mjs';
import { electronArguments, electronProgram } from '../scripts/lib/electron.mjs';
import { buildDir, root } from '../scripts/lib/paths.mjs';

export const shotsDir = join(buildDir, 'e2e-screenshots');

// Playwright pauses the main process until its own loader is in, and now and then that handshake never ends (seen in 4
// of 12 starts; the same program started 14 times without Playwright had its window within 1.6 s each time). Such a
// start is given up and made again; a studio that cannot start fails every time.
async function launch(options, tries = 6) {
  for (let left = tries - 1; ; left--) {
    try {
      return await _electron.launch(options);
    } catch (error) {
      if (left === 0 || !/Timeout/.test(error.message)) throw error;
      console.log('  the handshake with Playwright did not end; the studio is started again');
    }
  }
}

export async function startStudio({
  home = mkdtempSync(join(tmpdir(), 'sluice-e2e-')),
  theme = 'dark',
  args = [],
} = {}) {
  mkdirSync(shotsDir, { recursive: true });
  const screen = await startXvfb(); // one each: some builds of Xvfb end when their last window closes
  const app = await launch({
    executablePath: electronProgram(),
    args: [...electronArguments(), ...args],
    cwd: root,
    colorScheme: theme,
    timeout: 30_000,
    env: {
      ...process.env,
      DISPLAY: screen.display,
      XDG_DATA_HOME: join(home, 'data'),
      XDG_CACHE_HOME: process.env.SLUICE_E2E_CACHE ?? join(home, 'cache'),
    },
  });
  let printed = '';
  app.process().stdout.on('data', (text) => (printed += text));
  app.process().stderr.on('data', (text) => (printed += text));
  const page = await app.firstWindow();
  const problems = [];
  page.on('pageerror', (error) => problems.push(error.stack ?? error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
  });
  await page.getByRole('region', { name: 'Canvas' }).waitFor();
  return {
    app,
    page,
    home,
    problems,
    printed: () => printed,
    shot: (name) => page.screenshot({ path: join(shotsDir, `${name}.png`) }),
    // As a power cut would: no goodbye.
    async kill() {
      const ended = new Promise((resolve) => app.process().once('exit', resolve));
      app.process().kill('SIGKILL');
      await ended;
      await screen.close();
    },
    async close({ keepHome = false } = {}) {
      await app.close();
      await screen.close();
      if (!keepHome) rmSync(home, { recursive: true, force: true });
    },
  };
}

// A stroke through points of the window, drawn with the pointer.
export async function drawStroke(page, points) {
  const [first, ...rest] = points;
  await page.mouse.move(first[0], first[1]);
  await page.mouse.down();
  for (const [x, y] of rest) await page.mouse.move(x, y, { steps: 6 });
  await page.mouse.up();
}

// The middle of the drawing area, and how many pixels of the window a pixel of the document takes.
export async function drawingArea(page) {
  const box = await page.getByRole('application', { name: 'Drawing area' }).boundingBox();
  return { x: box.x + box.width / 2, y: box.y + box.height / 2, width: box.width, height: box.height };
}

// The newest picture's prompt, how it was read, and its pixels.
export async function newestPicture({ home }) {
  const folder = join(home, 'data', 'sluice', 'gallery');
  const files = readdirSync(folder).filter((name) => name.endsWith('.png'));
  const age = (name) => statSync(join(folder, name)).mtimeMs;
  const file = join(folder, files.sort((a, b) => age(b) - age(a))[0]);
  const { comments } = await sharp(file).metadata();
  const { prompt, promptSyntax } = JSON.parse(comments.find(({ keyword }) => keyword === 'sluice').text);
  return { prompt, promptSyntax, pixels: await sharp(readFileSync(file)).raw().toBuffer() };
}

// A small picture in few steps: this is about the window, and a processor paints slowly.
export async function paintSmall(page) {
  await page.getByRole('tab', { name: 'Painting' }).click();
  for (const [name, value] of [
    ['Steps', '2'],
    ['Width', '64'],
    ['Height', '64'],
  ]) {
    const field = page.getByRole('textbox', { name, exact: true });
    await field.fill(value);
    await field.press('Enter');
  }
  await page.getByRole('button', { name: 'Fit the painted area' }).click();
}
