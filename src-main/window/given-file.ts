// A project's file among the arguments: a double click in the file manager starts the studio with it.
import { statSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';

// `folder` is where the command was given. Null: there is none.
export function givenProject(args: readonly string[], folder: string): string | null {
  const found = args.find((argument) => !argument.startsWith('-') && argument.endsWith('.sluice'));
  if (found === undefined) return null;
  const path = isAbsolute(found) ? found : resolve(folder, found);
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true ? path : null;
}

// The project that somebody opens so: it waits here until the window takes it.
export class GivenProject {
  #path: string | null;
  #tell = (): void => undefined;

  constructor(path: string | null) {
    this.#path = path;
  }

  give(path: string): void {
    this.#path = path;
    this.#tell();
  }

  // Tells of each that is given from now on.
  follow(tell: () => void): void {
    this.#tell = tell;
  }

  get waits(): boolean {
    return this.#path !== null;
  }

  take(): string | null {
    const path = this.#path;
    this.#path = null;
    return path;
  }
}
