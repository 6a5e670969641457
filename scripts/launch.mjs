// Entry of ./sluice: sets up what is missing, then runs the built command line in this same process, so that
// signals and the exit status are its own.
import { pathToFileURL } from 'node:url';
import { prepareOrExit } from './bootstrap/index.mjs';
import { cliProgram } from './lib/paths.mjs';

const args = process.argv.slice(2);
const json = args.includes('--json');
await prepareOrExit('run', { json });
// Building llama-server takes minutes: only what asks a language model waits for it.
const [command] = args.filter((arg) => arg !== '--json');
const answers = command === 'ask' && !args.some((arg) => /^--(server|help)\b|^-h$/.test(arg));
if (answers || command === 'serve') await prepareOrExit('ask', { json });
const { main } = await import(pathToFileURL(cliProgram).href);
process.exitCode = await main(args);
