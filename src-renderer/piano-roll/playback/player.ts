// Plays the document as it is: every few hundredths of a second, the notes of the next moment are given to the sound
// with exact times. Edits are heard at once, and a loop's end needs no special care from it.
import { tellFailure } from '../../app/notices.ts';
import { heardBefore, heardBetween, trackAt } from '../../core/music/controls.ts';
import {
  audibleTracks,
  heldUntil,
  musicEnd,
  type MusicDocument,
  type Track,
} from '../../core/music/model.ts';
import { barTicks, beatsBetween, meterAt, secondsAt, ticksAt } from '../../core/music/time.ts';
import { heardMusic, rollNow, setRoll } from '../view.ts';
import { sendBeginning, sendControls, sendNote, sendSilence } from './midi-ports.ts';
import { type LiveSound, liveSound, restSound } from './sound.ts';

const AHEAD = 0.18; // seconds that are scheduled in advance
const EVERY = 0.04;
const START = 0.06;

interface Run {
  readonly sound: LiveSound;
  readonly timer: number;
  // Playback is a line of stretches: at `at` (context seconds) the music is at `tick`. A loop begins a new one.
  stretches: { at: number; tick: number }[];
  next: number; // ticks up to which everything is scheduled
}

let run: Run | null = null;

// Where the music is, in ticks.
export function playheadNow(): number {
  const { playhead } = rollNow();
  if (run === null) return playhead;
  const time = run.sound.context.currentTime;
  const stretch = run.stretches.findLast(({ at }) => at <= time) ?? run.stretches[0];
  if (stretch === undefined) return playhead;
  const { tempos } = heardMusic();
  return ticksAt(tempos, secondsAt(tempos, stretch.tick) + Math.max(0, time - stretch.at));
}

// What came before counts where playing begins in the middle, and where a loop begins again.
function chase({ source, context }: LiveSound, music: MusicDocument, tick: number, at: number): void {
  for (const track of audibleTracks(music)) {
    const controls = heardBefore(track, tick);
    if (!sendBeginning(track, controls, at - context.currentTime)) source.begin?.(track, controls, at);
  }
}

function schedule(
  { source, context }: LiveSound,
  music: MusicDocument,
  from: number,
  to: number,
  timeOf: (tick: number) => number,
): void {
  for (const track of audibleTracks(music)) {
    for (const control of heardBetween(track, from, to)) {
      const at = timeOf(control.tick);
      if (!sendControls(track, [control], at - context.currentTime)) source.change?.(track, [control], at);
    }
    for (const { tick, duration, pitch, velocity } of track.notes) {
      if (tick >= to) break;
      if (tick < from) continue;
      const at = timeOf(tick);
      const seconds = timeOf(heldUntil(track, tick + duration)) - at;
      const played = trackAt(track, tick);
      if (!sendNote(played, pitch, velocity, seconds, at - context.currentTime)) {
        source.play(played, pitch, velocity, seconds, at);
      }
    }
  }
  if (!rollNow().metronome) return;
  for (const { tick, beat } of beatsBetween(music.meters, from, to)) {
    if (tick >= from && tick < to) source.click(timeOf(tick), beat === 1);
  }
}

function advance(): void {
  if (run === null) return;
  const music = heardMusic();
  const { loop, recording } = rollNow();
  const until = run.sound.context.currentTime + AHEAD;
  for (;;) {
    const stretch = run.stretches.at(-1);
    if (stretch === undefined) return;
    const begun = secondsAt(music.tempos, stretch.tick);
    const timeOf = (tick: number): number => stretch.at + secondsAt(music.tempos, tick) - begun;
    const looping = loop.on && loop.end > loop.start && run.next < loop.end;
    const wanted = ticksAt(music.tempos, begun + (until - stretch.at));
    const to = looping ? Math.min(wanted, loop.end) : wanted;
    if (to <= run.next) break;
    schedule(run.sound, music, run.next, to, timeOf);
    run.next = to;
    if (!looping || to < loop.end) break;
    const at = timeOf(loop.end);
    run.stretches = [...run.stretches.slice(-2), { at, tick: loop.start }];
    run.next = loop.start;
    chase(run.sound, music, loop.start, at);
  }
  // It stops by itself at the end of the bar that the last note ends in.
  const end = musicEnd(music);
  const bar = barTicks(meterAt(music.meters, end));
  if (!loop.on && !recording && playheadNow() > Math.max(end + bar / 2, bar)) stop(0);
}

async function begin(): Promise<void> {
  const sound = await liveSound();
  await sound.source.prepare(heardMusic());
  if (!rollNow().playing || run !== null) return;
  const tick = rollNow().playhead;
  const { context } = sound;
  const timer = context.setInterval(advance, EVERY);
  const at = context.currentTime + START;
  run = { sound, timer, stretches: [{ at, tick }], next: tick };
  chase(sound, heardMusic(), tick, at);
  advance();
}

export function play(): void {
  if (rollNow().playing) return;
  setRoll({ playing: true });
  begin().catch((error: unknown) => {
    setRoll({ playing: false });
    tellFailure(error);
  });
}

// Stays where it is, or goes to `at` (ticks).
export function stop(at: number = playheadNow()): void {
  if (run !== null) {
    run.sound.context.clearInterval(run.timer);
    run.sound.source.silence();
    restSound(run.sound);
  }
  run = null;
  sendSilence();
  setRoll({ playing: false, recording: false, playhead: Math.round(at) });
}

export const togglePlay = (): void => (rollNow().playing ? stop() : play());

export function seek(tick: number): void {
  const playing = rollNow().playing;
  if (playing) stop(tick);
  setRoll({ playhead: Math.max(0, Math.round(tick)) });
  if (playing) play();
}

// One key, heard now: a click on the keyboard, a note that is being placed.
export function audition(track: Track, pitch: number, velocity = 96, seconds = 0.35): void {
  if (sendNote(track, pitch, velocity, seconds, 0)) return;
  liveSound()
    .then((sound) => {
      sound.source.play(track, pitch, velocity, seconds, sound.context.currentTime + 0.005);
      if (run === null) restSound(sound);
    })
    .catch(tellFailure);
}
