// Entry of ./sluice: sets up what is missing, then runs the built command line in this same process, so that
// signals and the exit status are its own.
import { pathToFileURL } from 'node:url';
import { prepareOrExit } from './bootstrap/index.mjs';
import { cliProgram } from './lib/paths.mjs';

const args = process.argv.slice(2);
await prepareOrExit('run', { json: args.includes('--json') });
const { main } = await import(pathToFileURL(cliProgram).href);
process.exitCode = await main(args);
