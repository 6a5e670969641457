// The one arbiter of this process's memory pools: painting and the language model ask it before they allocate.
import { Arbiter } from '../jobs/arbiter.ts';

export const sharedArbiter = new Arbiter();
