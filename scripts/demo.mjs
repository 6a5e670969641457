// npm run demo
import { prepareOrExit } from './bootstrap/index.mjs';
import { demo } from './demo/index.mjs';

await prepareOrExit('run');
process.exitCode = await demo();
