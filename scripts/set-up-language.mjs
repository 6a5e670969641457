// What a language model needs besides: its weights and its server. The studio runs this when a person asks for it.
import { prepareOrExit } from './bootstrap/index.mjs';

await prepareOrExit('ask');
