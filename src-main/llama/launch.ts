// Starts a program that must not outlive us, whatever becomes of us: on Linux the kernel is asked to kill it when we
// die (setpriv's parent-death signal); elsewhere a shell beside it waits for the end of a pipe that we hold.
// Not here: what the program is, and when it is to end.
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Launched {
  readonly pid: number; // the program's own under 'kernel', the shell's under 'pipe'
  readonly exited: Promise<Exit>; // never rejects: a program that cannot be started exits with code 127
  terminate(): void;
  kill(): void;
}

export type Guard = 'kernel' | 'pipe';

export function findOnPath(program: string, path = process.env['PATH'] ?? ''): string | null {
  for (const folder of path.split(delimiter)) {
    if (folder === '') continue;
    try {
      accessSync(join(folder, program), constants.X_OK);
      return join(folder, program);
    } catch {
      // not in this folder
    }
  }
  return null;
}

export const bestGuard = (): Guard =>
  process.platform === 'linux' && findOnPath('setpriv') !== null ? 'kernel' : 'pipe';

// The shell's own death must not free the program either: the one that reads the pipe is a process of its own.
const watch = `
"$@" </dev/null 3<&- &
child=$!
( cat <&3 >/dev/null; kill -KILL $child 2>/dev/null ) &
watcher=$!
trap 'kill -TERM $child 2>/dev/null' TERM
while :; do
  wait $child; status=$?
  kill -0 $child 2>/dev/null || break
done
kill -KILL $watcher 2>/dev/null
exit $status`;

function start(guard: Guard, program: string, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  if (guard === 'kernel') {
    const wrapped = ['--pdeathsig', 'KILL', '--', program, ...args];
    return spawn('setpriv', wrapped, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  }
  return spawn('/bin/sh', ['-c', watch, 'sh', program, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
}

// `onLine` gets standard output and standard error, line by line.
export function launch(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  onLine: (text: string) => void,
  guard: Guard = bestGuard(),
): Launched {
  const child = start(guard, program, args, env);
  const pipe = child.stdio[3];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) createInterface({ input: stream }).on('line', onLine);
  }
  const exited = new Promise<Exit>((resolve) => {
    child.on('error', (error) => {
      onLine(error.message);
      resolve({ code: 127, signal: null });
    });
    // 'close', not 'exit': the last lines say why it ended.
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  return {
    pid: child.pid ?? -1,
    exited,
    terminate: () => void child.kill('SIGTERM'),
    kill: () => {
      if (guard === 'kernel' || pipe === null || pipe === undefined) child.kill('SIGKILL');
      else pipe.destroy();
    },
  };
}
