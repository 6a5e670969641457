// Running other programs. Set-up's children write to standard error, so that standard output stays the command's.
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { constants as system, setPriority } from 'node:os';
import { delimiter, join } from 'node:path';

// The program's full path, or null when it is not on PATH.
export function which(program) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (!folder) continue;
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not in this folder
    }
  }
  return null;
}

// Lets a program and those that it starts have the processor only while nobody else wants it.
function giveWay({ pid }) {
  if (pid === undefined) return; // it could not be started, which is told elsewhere
  try {
    setPriority(pid, system.priority.PRIORITY_LOW);
  } catch {
    // It is at its end already, or the system has no such thing.
  }
}

// Runs a program with its output on standard error. Rejects with the exit status when it fails.
export function run(program, args, { cwd, env, lowPriority = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', process.stderr, process.stderr],
    });
    if (lowPriority) giveWay(child);
    child.on('error', (cause) =>
      reject(new Error(`${program} cannot be started: ${cause.message}`, { cause })),
    );
    child.on('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${program} ${args.join(' ')} ended with ${signal ?? `status ${code}`}`));
    });
  });
}

// Runs a program and keeps what it printed. Never rejects on a non-zero status: `code` says it.
export function capture(
  program,
  args,
  { cwd, env, input, timeoutSeconds = 600, echo = false, signalAfter, lowPriority = false } = {},
) {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    if (lowPriority) giveWay(child);
    let stdout = '';
    let stderr = '';
    let signalledAt = null;
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutSeconds * 1000);
    const onData = (text) => {
      if (signalAfter && signalledAt === null && signalAfter.when(stdout, stderr)) {
        signalledAt = performance.now();
        child.kill(signalAfter.signal);
      }
      if (echo) process.stdout.write(text);
    };
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
      onData(text);
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
      onData(text);
    });
    child.on('error', (cause) => {
      clearTimeout(timer);
      reject(new Error(`${program} cannot be started: ${cause.message}`, { cause }));
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const now = performance.now();
      resolve({
        code,
        signal,
        stdout,
        stderr,
        seconds: (now - started) / 1000,
        secondsAfterSignal: signalledAt === null ? null : (now - signalledAt) / 1000,
      });
    });
    child.stdin.on('error', () => {});
    child.stdin.end(input ?? '');
  });
}
