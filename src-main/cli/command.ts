// What a command is. One file each in this folder; commands.ts lists them.
import type { ParseArgsConfig } from 'node:util';
import type { Output } from './output.ts';
import type { Stop } from './stop.ts';

export type Options = NonNullable<ParseArgsConfig['options']>;

export interface Given {
  values: Record<string, string | boolean | (string | boolean)[] | undefined>;
  positionals: string[];
}

export interface Command {
  name: string;
  summary: string;
  usage: string; // what --help prints below the first line
  options: Options; // besides --json and --help
  // Prints by `output`; throws SluiceError. `stop` tells of Ctrl-C. A number that it returns is the exit status: what a
  // person stopped may have a result all the same.
  run(given: Given, output: Output, stop: Stop): Promise<unknown>;
}
