import { ask } from './ask.ts';
import type { Command } from './command.ts';
import { devices } from './devices.ts';
import { grammar } from './grammar.ts';
import { models } from './models.ts';
import { paint } from './paint.ts';
import { plan } from './plan.ts';
import { probe } from './probe.ts';
import { serve } from './serve.ts';

export const commands: readonly Command[] = [paint, ask, plan, devices, models, grammar, probe, serve];
