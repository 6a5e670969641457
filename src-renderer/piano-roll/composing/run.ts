// A run of the composer: what is sent, what has grown of it, and the ghost that it is until it is kept or refused.
import { create } from 'zustand';
import type { ComposeOrder, GrownMusic } from '../../../src-preload/contract/compose.ts';
import { asSluiceError, Status } from '../../../src-preload/contract/errors.ts';
import { currentDocument, performOn } from '../../app/document.ts';
import { setGhost, useGhost } from '../../app/ghost.ts';
import { tell, tellFailure } from '../../app/notices.ts';
import { studio } from '../../app/studio.ts';
import { on } from '../../core/document.ts';
import { newId } from '../../core/ids.ts';
import {
  addContinuation,
  type Continuation,
  continuationOf,
  countNotes,
  latestNotes,
  type Seed,
  seedOf,
} from '../../core/music/continue.ts';
import { readMidi, writeMusic } from '../../core/music/file.ts';
import { asTick, type MusicDocument, musicEnd } from '../../core/music/model.ts';
import { barEnd, barStart, barTicks, meterAt } from '../../core/music/time.ts';
import { ticksAtX } from '../../core/music/coordinates.ts';
import { stageOnScreen } from '../stage-ref.ts';
import { currentTrack, rollNow, select, selectedNotes } from '../view.ts';
import { composeSettings, type SeedChoice } from './settings.ts';

const MOST_NOTES = 1200; // that a seed may have: models were trained on some thousand events

interface Variation {
  readonly events: number;
  readonly added: Continuation;
}

export interface Run {
  readonly id: string;
  readonly state: 'running' | 'done';
  readonly seed: Pick<Seed, 'from' | 'until' | 'places'>;
  readonly end: number; // ticks; nothing is taken that begins here or later
  readonly read: MusicDocument | null; // the seed as the model read it
  readonly variations: readonly (Variation | null)[];
  readonly shown: number;
  readonly speed: number | null; // events a second, once it is done
}

export const useRun = create<{ run: Run | null }>()(() => ({ run: null }));
const current = (): Run | null => useRun.getState().run;
const change = (id: string, how: (run: Run) => Run): void =>
  useRun.setState(({ run }) => (run?.id === id ? { run: how(run) } : {}));

// Which notes a run would go on from; null where there are none.
function rangeOf(
  music: MusicDocument,
  from: SeedChoice,
): { from: number; until: number; chosen: Set<string> | null } | null {
  const end = musicEnd(music);
  const { meters } = music;
  const notes = selectedNotes();
  switch (from) {
    case 'auto':
      return rangeOf(music, notes.length > 0 ? 'selection' : 'all');
    case 'selection': {
      if (notes.length === 0) return null;
      const begin = Math.min(...notes.map(({ tick }) => tick));
      const until = Math.max(...notes.map(({ tick, duration }) => tick + duration));
      const chosen = new Set(notes.map(({ id }) => id));
      return { from: barStart(meters, begin), until: barEnd(meters, until), chosen };
    }
    case 'view': {
      const { scale } = rollNow();
      const width = stageOnScreen()?.size.width ?? 0;
      const until = Math.min(barEnd(meters, end), barEnd(meters, ticksAtX(scale, width)));
      return { from: barStart(meters, ticksAtX(scale, 0)), until, chosen: null };
    }
    case 'playhead':
      return { from: 0, until: rollNow().playhead, chosen: null };
    case 'all':
      return end === 0 ? null : { from: 0, until: barEnd(meters, end), chosen: null };
    case 'nothing':
      return null;
  }
}

// "Nothing" begins where the hand is: behind all that is there, or at the playhead if that is further on.
function newPiecePlace(music: MusicDocument): number {
  const end = musicEnd(music);
  return end === 0 ? 0 : barEnd(music.meters, Math.max(end, rollNow().playhead));
}

export function composeNow(): void {
  const settings = composeSettings();
  const { music } = currentDocument();
  if (current() !== null) refuseRun();
  const range = rangeOf(music, settings.from);
  if (range === null && settings.from !== 'auto' && settings.from !== 'nothing') {
    tell('There are no notes there to go on from.', 'error', 'Choose or write some, or begin a new piece.');
    return;
  }
  const company = { programs: settings.instruments, drums: settings.drums !== null };
  const begin = range === null ? 0 : latestNotes(music, range, MOST_NOTES);
  const seed =
    range === null
      ? null
      : seedOf(music, { ...range, from: barStart(music.meters, begin) }, range.chosen, company);
  if (range !== null && seed === null) {
    tell('There are no notes there to go on from.', 'error', 'Are the tracks muted?');
    return;
  }
  const at = asTick(newPiecePlace(music));
  const place = seed ?? { from: at, until: at, places: new Map<number, string>() };
  const [beats = 4, unit = 4] = (settings.meter ?? '').split('/').map(Number);
  const bar =
    settings.meter === null ? barTicks(meterAt(music.meters, place.until)) : (beats * 4 * 480) / unit;
  const channels = seed?.music.tracks.map(({ channel }) => channel) ?? null;
  const id = newId();
  const order: ComposeOrder = {
    id,
    model: settings.model,
    music: seed === null ? null : writeMusic(seed.music),
    events: settings.events,
    count: settings.count,
    seconds: 0,
    temperature: settings.temperature,
    topP: settings.topP,
    topK: settings.topK,
    seed: settings.seed ?? Math.floor(Math.random() * 2 ** 31),
    instruments: seed === null ? settings.instruments : [], // a seed has them among its tracks
    drums: seed === null ? settings.drums : null,
    bpm: settings.bpm,
    timeSignature: settings.meter === null ? null : { numerator: beats, denominatorPower: Math.log2(unit) },
    key: settings.key,
    noPatchChange: !settings.free,
    noControlChange: !settings.controllers,
    channels: settings.free ? null : channels,
  };
  const run: Run = {
    id,
    state: 'running',
    seed: place,
    end: settings.bars === 0 ? Infinity : place.until + settings.bars * bar,
    read: null,
    variations: Array.from({ length: settings.count }, () => null),
    shown: 0,
    speed: null,
  };
  useRun.setState({ run });
  follow(order).catch((error: unknown) => failed(id, error));
}

function failed(id: string, error: unknown): void {
  if (current()?.id === id) {
    useRun.setState({ run: null });
    hideRun(id);
  }
  if (asSluiceError(error).status !== Status.cancelled) tellFailure(error);
}

function parsed(run: Run, { events, music }: GrownMusic): Variation | null {
  try {
    const grown = readMidi(music, 'the composer').music;
    return { events, added: continuationOf(grown, run.read, run.seed, run.end) };
  } catch {
    return null; // no notes yet
  }
}

// Enough music: the model is at or behind the end that was asked for.
function isLong({ added }: Variation, { end, seed }: Run): boolean {
  if (end === Infinity) return false;
  const last = Math.max(seed.until, ...added.parts.flatMap(({ notes }) => notes.map(({ tick }) => tick)));
  return last >= end - 1;
}

async function follow(order: ComposeOrder): Promise<void> {
  const { id } = order;
  const reached = new Set<number>();
  const leave = [
    studio.compose.begun((told) => {
      if (told.id !== id) return;
      for (const notice of told.notices) tell(notice);
      const { seed } = told;
      if (seed !== null) change(id, (run) => ({ ...run, read: readMidi(seed, 'the seed').music }));
    }),
    studio.compose.grown((grown) => {
      const run = current();
      if (grown.id !== id || run?.id !== id || run.state !== 'running') return;
      take(run, grown);
      if (beyond(run, grown)) reached.add(grown.variation);
      if (reached.size === order.count) void studio.compose.stop({ id, keep: true }).catch(tellFailure);
    }),
  ];
  try {
    const done = await studio.compose.start(order);
    const run = current();
    if (run?.id !== id) return;
    for (const grown of done.variations) take(run, grown);
    change(id, (now) => ({ ...now, state: 'done', speed: done.eventsPerSecond }));
    if (current()?.variations.every((one) => one === null || countNotes(one.added) === 0) === true) {
      useRun.setState({ run: null });
      hideRun(id);
      tell('The model ended the piece without a new note.', 'info');
    }
  } finally {
    leave.forEach((stop) => stop());
  }
}

function beyond(run: Run, { music }: GrownMusic): boolean {
  const whole = parsed({ ...run, end: Infinity }, { variation: 0, events: 0, music });
  return whole !== null && isLong(whole, run);
}

function take(run: Run, grown: GrownMusic): void {
  const variation = parsed({ ...run, read: current()?.read ?? run.read }, grown);
  if (variation === null) return;
  change(run.id, (now) => ({ ...now, variations: now.variations.with(grown.variation, variation) }));
  if (current()?.shown === grown.variation) showRun(false);
}

// Shows the chosen variation as a ghost. Another proposal that is shown gives way only when it is asked to.
function showRun(force: boolean): void {
  const run = current();
  const variation = run?.variations[run.shown];
  if (run === null || variation === null || variation === undefined) return;
  const { ghost } = useGhost.getState();
  if (!force && ghost !== null && ghost.id !== run.id) return;
  const step = on('music', addContinuation(variation.added));
  setGhost({ id: run.id, next: (document) => step.apply(document), accept: keepRun, refuse: refuseRun });
}

const hideRun = (id: string): void => {
  if (useGhost.getState().ghost?.id === id) setGhost(null);
};

export function showVariation(shown: number): void {
  const run = current();
  if (run === null) return;
  hideRun(run.id);
  change(run.id, (now) => ({ ...now, shown }));
  showRun(true);
}

// The run ends with what there is of it.
export function stopRun(): void {
  const run = current();
  if (run?.state === 'running') studio.compose.stop({ id: run.id, keep: true }).catch(tellFailure);
}

export function keepRun(): void {
  const run = current();
  const variation = run?.variations[run.shown];
  if (run === null || variation === null || variation === undefined) return;
  useRun.setState({ run: null });
  hideRun(run.id);
  if (run.state === 'running') studio.compose.stop({ id: run.id, keep: false }).catch(tellFailure);
  performOn('music', addContinuation(variation.added));
  const { id } = currentTrack();
  select(variation.added.parts.find(({ track }) => track === id)?.notes ?? []);
}

export function refuseRun(): void {
  const run = current();
  if (run === null) return;
  useRun.setState({ run: null });
  hideRun(run.id);
  if (run.state === 'running') studio.compose.stop({ id: run.id, keep: false }).catch(tellFailure);
}
