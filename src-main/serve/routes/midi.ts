// Composing over HTTP: a request says what `sluice compose` takes as flags, the files go as base64. With `stream`,
// every event comes as it is made; closing the connection stops the work.
import { randomInt } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import { SluiceError, Status } from '../../../src-preload/contract/errors.ts';
import { type ComposeRequest, composeRequest, ROW, weightKind } from '../../../src-preload/contract/midi.ts';
import { EventReader } from '../../midi/events.ts';
import type { Midi, MidiSession } from '../../midi/index.ts';
import { drumKit, instrument, key, timeSignature } from '../../midi/names.ts';
import { readSeed, type Seed } from '../../midi/seed.ts';
import type { MidiTurns } from '../../midi/turns.ts';
import { type Exchange, type Route, sendJson } from '../http-server.ts';

export interface MidiServices {
  turns: MidiTurns;
  resolve(model: string | null): string; // a path; throws for an unknown one
  threads: number; // 0: all
}

const parameters = composeRequest.shape;
const nameOrNumber = z.union([z.string(), z.number().int()]).transform(String);

const body = z.strictObject({
  model: z.string().nullish(),
  config: z.string().nullish(),
  lora: z.string().nullish(),
  weights: weightKind.nullish(),
  seed_midi: z.base64().nullish(),
  seed_events: z.number().int().min(0).nullish(),
  optimise: z.boolean().nullish(), // null: as the model was trained
  remap: z.boolean().default(false),
  default_instruments: z.boolean().default(false),
  remove_empty_channels: z.boolean().default(false),
  keep_small_changes: z.boolean().default(false),
  events: parameters.events.default(512),
  seconds: parameters.seconds.default(0),
  temperature: parameters.temperature.default(1),
  top_p: parameters.topP.default(0.94),
  top_k: parameters.topK.default(20),
  seed: parameters.seed.nullish(),
  count: parameters.count.default(1),
  instruments: z.array(nameOrNumber).max(15).default([]),
  drums: nameOrNumber.nullish(),
  bpm: parameters.bpm.default(0),
  time_signature: z.string().nullish(),
  key: z.string().nullish(),
  no_patch_change: z.boolean().default(false),
  no_control_change: z.boolean().default(false),
  channels: parameters.channels.default(null),
  stream: z.boolean().default(false),
});
type Body = z.infer<typeof body>;

const fail = ({ code, message, hint }: SluiceError): unknown => ({
  error: { code, message, hint, type: code },
});

function parse(json: unknown): Body {
  const parsed = body.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.');
  const message = `${where === undefined || where === '' ? 'body' : where}: ${issue?.message ?? 'cannot be read'}`;
  throw new SluiceError(Status.input, 'request-invalid', message, 'docs/serve.md lists what is taken.');
}

function requestOf(given: Body): ComposeRequest {
  const { time_signature: time, key: tone } = given;
  return {
    events: given.events,
    seconds: given.seconds,
    temperature: given.temperature,
    topP: given.top_p,
    topK: given.top_k,
    seed: given.seed ?? randomInt(2 ** 31),
    count: given.count,
    instruments: given.instruments.map(instrument),
    drums: drumKit(given.drums ?? 'none'),
    bpm: given.bpm,
    timeSignature: time === null || time === undefined ? null : timeSignature(time),
    key: tone === null || tone === undefined ? null : key(tone),
    noPatchChange: given.no_patch_change,
    noControlChange: given.no_control_change,
    channels: given.channels,
  };
}

function seedOf(midi: Midi, session: MidiSession, given: Body): Promise<Seed> {
  if (given.seed_midi === null || given.seed_midi === undefined)
    return Promise.resolve({ rows: new Uint32Array(), notices: [] });
  return readSeed(midi, session, Buffer.from(given.seed_midi, 'base64'), {
    optimise: given.optimise ?? null,
    remap: given.remap,
    defaultInstruments: given.default_instruments,
    removeEmptyChannels: given.remove_empty_channels,
    keepSmallChanges: given.keep_small_changes,
    events: given.seed_events ?? null,
  });
}

const send = (response: ServerResponse, data: unknown): void => {
  if (!response.headersSent) {
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
    });
  }
  response.write(`data: ${JSON.stringify(data)}\n\n`);
};

async function compose(services: MidiServices, given: Body, { response, signal }: Exchange): Promise<void> {
  const request = requestOf(given);
  const path = services.resolve(given.model ?? null);
  const choice = {
    path,
    weights: given.weights ?? null,
    config: given.config ?? null,
    lora: given.lora ?? null,
    threads: services.threads,
  };
  const result = await services.turns.run(choice, signal, async (session, midi) => {
    const seed = await seedOf(midi, session, given);
    const { version } = session;
    const readers = Array.from({ length: request.count }, () => new EventReader(version, seed.rows));
    if (given.stream) {
      const seedEvents = Math.max(0, seed.rows.length / ROW - 1);
      const { notices } = seed;
      send(response, { event: 'begin', version, seed: request.seed, seed_events: seedEvents, notices });
    }
    const { variations, figures } = await session.compose(request, seed.rows, (variation, row) => {
      if (!given.stream) return;
      const event = readers[variation]?.read(row) ?? { type: 'end' };
      send(response, { event: 'event', variation, tokens: [...row], ...event });
    });
    const files = await Promise.all(variations.map((rows) => midi.detokenize(version, rows)));
    return {
      midi: files.map((file) => Buffer.from(file).toString('base64')),
      events: figures.events,
      tokens: figures.tokens,
      seconds: figures.seconds,
      events_per_second: figures.eventsPerSecond,
      first_event_seconds: figures.firstEventSeconds,
      seed: request.seed,
      notices: seed.notices,
    };
  });
  if (!given.stream) sendJson(response, 200, result);
  else {
    send(response, { event: 'done', ...result });
    response.end();
  }
}

export function midiRoutes(services: MidiServices): Route[] {
  return [
    {
      method: 'POST',
      path: '/midi/compose',
      fail,
      async handle(exchange) {
        const given = parse(await exchange.body());
        try {
          await compose(services, given, exchange);
        } catch (thrown) {
          // What has begun as a stream ends as one, with an error and without `done`.
          if (exchange.response.headersSent && thrown instanceof SluiceError) {
            const { code, message, hint } = thrown;
            send(exchange.response, { event: 'error', code, message, hint });
          }
          throw thrown;
        }
      },
    },
  ];
}
