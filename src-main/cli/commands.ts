import { ask } from './ask.ts';
import type { Command } from './command.ts';
import { compose } from './compose.ts';
import { devices } from './devices.ts';
import { grammar } from './grammar.ts';
import { midi } from './midi.ts';
import { models } from './models.ts';
import { paint } from './paint.ts';
import { plan } from './plan.ts';
import { probe } from './probe.ts';
import { serve } from './serve.ts';

export const commands: readonly Command[] = [
  paint,
  compose,
  ask,
  plan,
  devices,
  models,
  midi,
  grammar,
  probe,
  serve,
];
