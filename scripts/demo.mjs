// npm run demo: a picture, then an answer of the language model. What the answer needs is set up after the picture is
// painted, because building llama-server takes minutes.
import { prepareOrExit } from './bootstrap/index.mjs';
import { answerDemo } from './demo/answer.mjs';
import { demo } from './demo/index.mjs';

await prepareOrExit('run');
const painted = await demo();
await prepareOrExit('ask');
const answered = await answerDemo();
process.exitCode = painted === 0 ? answered : painted;
