// npm start: the studio's window, once there is one; until then the demo.
import { prepareOrExit } from './bootstrap/index.mjs';
import { demo } from './demo/index.mjs';

await prepareOrExit('run');
console.log('Sluice has no window yet; the demo runs instead. ./sluice --help shows the command line.');
process.exitCode = await demo();
