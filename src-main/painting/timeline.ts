// What a run did when, for a picture of it: the engine's trace (copies and dispatches with their times) as how busy each
// of its two queues was in equal parts of the run.
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { RunTimeline } from '../../src-preload/contract/painting.ts';

const PARTS = 240;
const COPIES = 1; // the trace's row of the transfer queue; the other is compute's

const traceFile = z.object({
  traceEvents: z.array(
    z.looseObject({
      ph: z.string(),
      tid: z.number(),
      ts: z.number().optional(), // microseconds
      dur: z.number().optional(),
      args: z.looseObject({ bytes: z.number().optional() }).optional(),
    }),
  ),
});

interface Span {
  readonly begin: number;
  readonly end: number;
}

// Spans of one queue without overlaps, by time.
function union(spans: readonly Span[]): Span[] {
  const merged: { begin: number; end: number }[] = [];
  for (const { begin, end } of spans.toSorted((a, b) => a.begin - b.begin)) {
    const last = merged.at(-1);
    if (last !== undefined && begin <= last.end) last.end = Math.max(last.end, end);
    else merged.push({ begin, end });
  }
  return merged;
}

const length = (spans: readonly Span[]): number =>
  spans.reduce((sum, { begin, end }) => sum + end - begin, 0);

function busy(spans: readonly Span[], whole: number): number[] {
  const parts = new Array<number>(PARTS).fill(0);
  const width = whole / PARTS;
  for (const { begin, end } of spans) {
    const last = Math.min(PARTS - 1, Math.floor(end / width));
    for (let part = Math.min(PARTS - 1, Math.floor(begin / width)); part <= last; part++) {
      const within = Math.min(end, (part + 1) * width) - Math.max(begin, part * width);
      parts[part] = Math.min(1, (parts[part] ?? 0) + Math.max(0, within) / width);
    }
  }
  return parts;
}

function overlap(a: readonly Span[], b: readonly Span[]): number {
  let sum = 0;
  let at = 0;
  for (const { begin, end } of a) {
    while (at < b.length && (b[at]?.end ?? 0) <= begin) at++;
    for (let i = at; i < b.length && (b[i]?.begin ?? 0) < end; i++)
      sum += Math.min(end, b[i]?.end ?? 0) - Math.max(begin, b[i]?.begin ?? 0);
  }
  return sum;
}

// Throws for what is no trace. Null for one in which nothing happened.
export function timelineOf(trace: string): RunTimeline | null {
  const { traceEvents } = traceFile.parse(JSON.parse(trace));
  const rows: { copies: Span[]; compute: Span[] } = { copies: [], compute: [] };
  let copiedBytes = 0;
  for (const { ph, tid, ts = 0, dur = 0, args } of traceEvents) {
    if (ph !== 'X') continue;
    rows[tid === COPIES ? 'copies' : 'compute'].push({ begin: ts / 1e6, end: (ts + dur) / 1e6 });
    if (tid === COPIES) copiedBytes += args?.bytes ?? 0;
  }
  const copies = union(rows.copies);
  const compute = union(rows.compute);
  const seconds = Math.max(copies.at(-1)?.end ?? 0, compute.at(-1)?.end ?? 0);
  if (seconds === 0) return null;
  return {
    seconds,
    copySeconds: length(copies),
    computeSeconds: length(compute),
    hiddenSeconds: overlap(copies, compute),
    copiedBytes,
    copies: busy(copies, seconds),
    compute: busy(compute, seconds),
  };
}

// Null where the job left no trace: it failed, or was stopped.
export async function readTimeline(path: string): Promise<RunTimeline | null> {
  try {
    return timelineOf(await readFile(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
