// npm run demo: a picture, a tune, then an answer of the language model. What the answer needs is set up after the others are
// there, because building llama-server takes minutes.
import { prepareOrExit } from './bootstrap/index.mjs';
import { answerDemo } from './demo/answer.mjs';
import { demo } from './demo/index.mjs';
import { tuneDemo } from './demo/tune.mjs';

await prepareOrExit('run');
const painted = await demo();
const played = await tuneDemo();
await prepareOrExit('ask');
const answered = await answerDemo();
process.exitCode = painted || played || answered;
