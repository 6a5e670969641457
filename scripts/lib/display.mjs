// Is there a screen, and a screen in memory where there is none.
import { spawn } from 'node:child_process';

export const hasDisplay = () =>
  process.platform !== 'linux' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);

// Starts Xvfb on a free display. Resolves with its name and the function that ends it.
export function startXvfb({ width = 1600, height = 1000 } = {}) {
  return new Promise((resolve, reject) => {
    // "-displayfd 3": Xvfb picks a number that is free and writes it there once it takes connections.
    const args = ['-displayfd', '3', '-screen', '0', `${width}x${height}x24`, '-nolisten', 'tcp', '-noreset'];
    const child = spawn('Xvfb', args, { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text) => (said += text));
    child.on('error', (cause) => reject(new Error(`Xvfb cannot be started: ${cause.message}`, { cause })));
    child.on('exit', (code) => reject(new Error(`Xvfb ended with status ${code}: ${said.trim()}`)));
    child.stdio[3].setEncoding('utf8').once('data', (text) => {
      const close = () =>
        new Promise((ended) => {
          if (child.exitCode !== null || child.signalCode !== null) ended();
          child.removeAllListeners('exit').once('exit', ended);
          child.kill('SIGTERM');
        });
      resolve({ display: `:${text.trim()}`, close });
    });
  });
}
