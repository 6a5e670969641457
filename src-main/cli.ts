// The command line: picks the command, prints its result or failure, gives the exit status.
import { version } from '../package.json';
import { asSluiceError, SluiceError, Status } from '../src-preload/contract/errors.ts';
import { parse, usageError } from './cli/arguments.ts';
import { commands } from './cli/commands.ts';
import { Output } from './cli/output.ts';
import { listenForStop } from './cli/stop.ts';

function help(): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const list = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    'sluice COMMAND …',
    '',
    ...list,
    '',
    'sluice COMMAND --help tells more; --json is for programs; sluice --version tells the version.',
  ].join('\n');
}

export async function main(args: string[]): Promise<number> {
  const output = new Output(args.includes('--json'));
  const stop = listenForStop(() =>
    output.failed(new SluiceError(Status.cancelled, 'cancelled', 'stopped by the user')),
  );
  // Whoever read our output went away (`sluice … | head`): no fault of ours, and nobody waits for the rest.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      stop.ask();
    });
  }
  try {
    const at = args.findIndex((arg) => arg !== '--json');
    const name = args[at];
    const rest = args.filter((_, index) => index !== at);
    if (name === '--help' || name === '-h' || name === 'help') {
      output.done({ commands: commands.map((command) => command.name) }, [help()]);
      return 0;
    }
    if (name === '--version' || name === '-V') {
      output.done({ version }, [`sluice ${version}`]);
      return 0;
    }
    const command = commands.find((candidate) => candidate.name === name);
    if (command === undefined) {
      const found = name === undefined ? 'a command is missing' : `there is no command "${name}"`;
      const names = commands.map((candidate) => candidate.name).join(', ');
      throw usageError(`${found}; there are ${names}`, 'See: sluice --help', 'unknown-command');
    }
    const given = parse(command, rest);
    if (given.values['help'] === true) {
      output.done({ usage: command.usage }, [`${command.name}: ${command.summary}`, '', command.usage]);
      return 0;
    }
    const status = await command.run(given, output, stop);
    return typeof status === 'number' ? status : 0;
  } catch (error) {
    return output.failed(asSluiceError(error));
  } finally {
    stop.close();
  }
}
