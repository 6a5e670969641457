// Sets up and builds all that a user needs, and nothing else.
import { prepareOrExit } from './bootstrap/index.mjs';

const done = await prepareOrExit('run');
process.stderr.write(done === 0 ? 'Everything is built.\n' : 'Built.\n');
