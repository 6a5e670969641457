// The studio driven over Chromium's own protocol and a pipe, where Playwright is too much: its session keeps what the page
// fetched, and so makes the window's memory grow with every picture. Nothing is switched on here that is not asked for.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startXvfb } from '../scripts/lib/display.mjs';
import { electronArguments, electronProgram } from '../scripts/lib/electron.mjs';
import { root } from '../scripts/lib/paths.mjs';

const WAIT = 60_000; // ms
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Messages are JSON, each ended by a zero byte. `send` rejects with what the browser says is wrong.
function connect(child) {
  const [, , , into, from] = child.stdio;
  const waiting = new Map();
  let [last, rest] = [0, ''];
  from.setEncoding('utf8').on('data', (text) => {
    const messages = (rest + text).split('\0');
    rest = messages.pop();
    for (const message of messages) {
      const { id, result, error } = JSON.parse(message);
      const answer = waiting.get(id);
      waiting.delete(id);
      if (error) answer?.reject(new Error(error.message));
      else answer?.resolve(result);
    }
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  void ended.then(() => {
    for (const { reject } of waiting.values()) reject(new Error('the studio has ended'));
  });
  const send = (method, params = {}, sessionId = undefined) =>
    new Promise((resolve, reject) => {
      waiting.set(++last, { resolve, reject });
      into.write(`${JSON.stringify({ id: last, method, params, sessionId })}\0`);
    });
  return { send, ended };
}

const codes = { Enter: 13, Escape: 27, Delete: 46, Home: 36, ArrowUp: 38 };

export async function startPlainStudio() {
  const home = mkdtempSync(join(tmpdir(), 'sluice-plain-'));
  const screen = await startXvfb();
  const child = spawn(electronProgram(), ['--remote-debugging-pipe', ...electronArguments()], {
    cwd: root,
    env: { ...process.env, DISPLAY: screen.display, XDG_DATA_HOME: join(home, 'data') },
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  });
  const { send, ended } = connect(child);
  const until = async (look, what) => {
    for (const start = Date.now(); ; await sleep(40)) {
      const found = await look().catch((error) => {
        if (!/execution context/.test(error.message)) throw error; // the page is still being loaded
      });
      if (found) return found;
      if (Date.now() - start > WAIT) throw new Error(`${what} did not come within ${WAIT / 1000} s`);
    }
  };
  const target = await until(async () => {
    const { targetInfos } = await send('Target.getTargets');
    return targetInfos.find(({ type, url }) => type === 'page' && url.startsWith('app:'));
  }, 'the window');
  const { sessionId } = await send('Target.attachToTarget', { targetId: target.targetId, flatten: true });
  const page = (method, params) => send(method, params, sessionId);

  // The value of an expression in the page.
  const value = async (expression) => {
    const { result, exceptionDetails } = await page('Runtime.evaluate', { expression, returnByValue: true });
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description}`);
    return result.value;
  };
  const find = (selector) => `document.querySelector(${JSON.stringify(selector)})`;
  const studio = {
    pid: child.pid,
    page,
    value,
    waitFor: (selector) => until(() => value(`${find(selector)} !== null`), selector),
    count: (selector) => value(`document.querySelectorAll(${JSON.stringify(selector)}).length`),
    focus: (selector) => value(`${find(selector)}.focus()`),
    // As a hand would: a press and a release in its middle.
    async click(selector) {
      const [x, y] = await value(
        `(({ x, y, width, height }) => [x + width / 2, y + height / 2])(${find(selector)}.getBoundingClientRect())`,
      );
      await studio.drag([[x, y]]);
    },
    async drag([[x, y], ...rest]) {
      const mouse = (type, [at, down], more) =>
        page('Input.dispatchMouseEvent', { type, x: at, y: down, button: 'left', ...more });
      await mouse('mouseMoved', [x, y]);
      await mouse('mousePressed', [x, y], { buttons: 1, clickCount: 1 });
      let before = [x, y];
      for (const next of rest) {
        for (let i = 1; i <= 6; i++) {
          const at = [0, 1].map((axis) => before[axis] + ((next[axis] - before[axis]) * i) / 6);
          await mouse('mouseMoved', at, { buttons: 1 });
        }
        before = next;
      }
      await mouse('mouseReleased', before, { clickCount: 1 });
    },
    // "Control+Shift+Z", "Enter".
    async press(keys) {
      const parts = keys.split('+');
      const key = parts.pop();
      const modifiers = (parts.includes('Control') ? 2 : 0) + (parts.includes('Shift') ? 8 : 0);
      const event = {
        ...{ key: key.length === 1 && !parts.includes('Shift') ? key.toLowerCase() : key, modifiers },
        ...{
          code: key.length === 1 ? `Key${key}` : key,
          windowsVirtualKeyCode: codes[key] ?? key.charCodeAt(0),
        },
      };
      await page('Input.dispatchKeyEvent', { type: 'rawKeyDown', ...event });
      await page('Input.dispatchKeyEvent', { type: 'keyUp', ...event });
    },
    // Replaces what a field holds.
    async fill(selector, text) {
      await value(`(${find(selector)}.focus(), ${find(selector)}.select())`);
      await page('Input.insertText', { text });
    },
    async close() {
      child.kill();
      await ended;
      await screen.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
  await studio.waitFor('.canvas-stage');
  return studio;
}
