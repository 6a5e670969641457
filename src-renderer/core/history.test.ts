import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addItem,
  addLayer,
  clearLayer,
  duplicateLayer,
  mergeDown,
  moveLayer,
  removeLayer,
  setBox,
  setForm,
  setLayer,
  translateLayer,
} from './canvas/actions.ts';
import { gridBox } from './canvas/geometry.ts';
import { canvasDocument, newLayer } from './canvas/model.ts';
import { removeTalk, renameTalk } from './chat/actions.ts';
import { chatDocument, defaultSettings, newConversation } from './chat/model.ts';
import { emptyDocument, on, type StudioDocument } from './document.ts';
import * as music from './music/actions.ts';
import { asTick, musicDocument, newTrack, type Note } from './music/model.ts';
import { propose } from './proposals/proposal.ts';
import { type Action, beginHistory, MAX_STEPS, perform, redo, seal, together, undo } from './history.ts';

const add = (by: number, merge?: string): Action<number> => ({
  label: `add ${by}`,
  ...(merge === undefined ? {} : { merge }),
  apply: (value) => value + by,
});

describe('history', () => {
  it('makes one step of what is merged, until it is sealed', () => {
    let history = beginHistory(0);
    for (const by of [1, 2, 3]) history = perform(history, add(by, 'slider'));
    expect(history.past).toHaveLength(1);
    history = perform(seal(history), add(4, 'slider'));
    expect([history.present, history.past.length]).toEqual([10, 2]);
    expect(undo(undo(history)).present).toBe(0);
  });
  it('does not merge with a step that was undone and redone', () => {
    const history = perform(redo(undo(perform(beginHistory(0), add(1, 'a')))), add(1, 'a'));
    expect(history.past).toHaveLength(2);
  });
  it('knows no step that changes nothing, and keeps what could be redone then', () => {
    const undone = undo(perform(beginHistory(0), add(1)));
    expect(perform(undone, add(0))).toBe(undone);
    expect(redo(undone).present).toBe(1);
  });
  it('lets the oldest steps go', () => {
    let history = beginHistory(0);
    for (let i = 0; i < MAX_STEPS + 5; i++) history = perform(history, add(1));
    expect(history.past).toHaveLength(MAX_STEPS);
  });
  it('takes several actions as one step', () => {
    const history = perform(beginHistory(0), together('all', [add(1), add(2)]));
    expect([history.present, undo(history).present]).toEqual([3, 0]);
  });
});

// What a random hand does to a document: the numbers pick the layer and the values.
type Move = (document: StudioDocument, pick: number, value: number) => Action<StudioDocument>;
const layerAt = ({ canvas }: StudioDocument, pick: number): string =>
  canvas.layers[pick % Math.max(1, canvas.layers.length)]?.id ?? '';
const trackAt = ({ music }: StudioDocument, pick: number) => music.tracks[pick % music.tracks.length];
const someNotes = (document: StudioDocument, pick: number, value: number): Set<string> =>
  new Set(
    trackAt(document, pick)
      ?.notes.filter((_, index) => (index + value) % 3 !== 0)
      .map(({ id }) => id),
  );
const noteOf = (pick: number, value: number): Note => ({
  id: `n${pick}-${value}`,
  tick: asTick(pick * 60),
  duration: 1 + value,
  pitch: (pick + value) % 128,
  velocity: 1 + (value % 127),
});
const onNotes =
  (
    action: (track: string, ids: Set<string>, pick: number, value: number) => Action<StudioDocument['music']>,
  ): Move =>
  (document, pick, value) =>
    on('music', action(trackAt(document, pick)?.id ?? '', someNotes(document, pick, value), pick, value));
const musicMoves: Move[] = [
  onNotes((track, _, pick, value) => music.addNotes(track, [noteOf(pick, value), noteOf(value, pick + 1)])),
  onNotes((track, _, pick, value) =>
    music.addNotes(track, music.copiesOf([noteOf(pick, value)], value, -pick)),
  ),
  onNotes((track, ids) => music.removeNotes(track, ids)),
  onNotes((track, ids, pick, value) => music.moveNotes(track, ids, (value % 900) - 450, (pick % 25) - 12)),
  onNotes((track, ids, pick, value) =>
    music.resizeNotes(track, ids, pick % 2 === 0 ? 'start' : 'end', (value % 700) - 350, 30),
  ),
  onNotes((track, ids) => music.quantise(track, ids, 120)),
  onNotes((track, ids, pick) => music.setAllVelocities(track, ids, pick % 140)),
  onNotes((track, _, pick, value) => music.setTrack(track, { volume: value % 128, muted: pick % 2 === 0 })),
  onNotes((track) => music.removeTrack(track)),
  (_, pick, value) => on('music', music.addTrack(newTrack({ name: `${value}`, program: pick % 128 }))),
  (_, pick) => on('music', music.setTempo(pick)),
  (_, pick, value) => on('music', music.setMeter(1 + (pick % 12), value % 2 === 0 ? 4 : 8)),
];
// Conversations are there from the start: what is said is no step, what is done to conversations is.
const talkAt = ({ chat }: StudioDocument, pick: number): string =>
  chat.conversations[pick % Math.max(1, chat.conversations.length)]?.id ?? '';
const chatMoves: Move[] = [
  (document, pick, value) => on('chat', renameTalk(talkAt(document, pick), `talk ${value}`)),
  (document, pick) => on('chat', removeTalk(talkAt(document, pick))),
];
const proposalMoves: Move[] = [
  (document, pick, value) =>
    propose(
      `p${pick}-${value}`,
      [
        { action: 'set-prompt', prompt: `a ${value}`, negative: '' },
        { action: 'erase-area', x: pick % 900, y: value % 900, width: 50, height: 50 },
        { action: 'set-tempo', tempo: 30 + (value % 270) },
        {
          action: 'add-track',
          instrument: pick % 128,
          drums: value % 2 === 0,
          notes: [{ at: pick, length: 1 + (value % 64), pitch: value % 128, velocity: 90 }],
        },
      ],
      document,
      { layer: null, ink: '#000000' },
    ).step,
];
const moves: Move[] = [
  ...musicMoves,
  ...chatMoves,
  ...proposalMoves,
  (document, pick, value) =>
    on(
      'canvas',
      addItem(layerAt(document, pick), {
        type: 'stroke',
        id: `s${value}`,
        samples: [value, value, 0.5, value + 1, value, 0.5],
        size: 1 + (value % 30),
        colour: '#123456',
        erase: value % 3 === 0,
        ...(pick % 5 === 0 ? { atop: true as const } : {}),
      }),
    ),
  (document, pick) => on('canvas', clearLayer(layerAt(document, pick))),
  (document, pick, value) => {
    const kind = (['paint', 'scribble', 'canny', 'mask'] as const)[value % 4] ?? 'paint';
    return on('canvas', addLayer(newLayer(kind, document.canvas.layers), layerAt(document, pick)));
  },
  (document, pick) => on('canvas', removeLayer(layerAt(document, pick))),
  (document, pick) => on('canvas', duplicateLayer(layerAt(document, pick))),
  (document, pick, value) => on('canvas', moveLayer(layerAt(document, pick), (value % 5) - 2)),
  (document, pick, value) => on('canvas', setLayer(layerAt(document, pick), { opacity: (value % 11) / 10 })),
  (document, pick, value) => on('canvas', setLayer(layerAt(document, pick), { locked: value % 2 === 0 })),
  (document, pick, value) =>
    on('canvas', setLayer(layerAt(document, pick), { keepsTransparency: value % 2 === 0 })),
  (document, pick, value) => on('canvas', translateLayer(layerAt(document, pick), (value % 9) - 4, pick % 7)),
  (document, pick) => on('canvas', mergeDown(layerAt(document, pick))),
  (_, pick, value) => on('canvas', setBox(gridBox(pick, value, pick * 3, value * 5))),
  (_, pick, value) => on('canvas', setForm({ prompt: `a ${value}`, steps: 1 + (pick % 60) })),
];

describe('documents', () => {
  it('undo to the start and redo to the end, whatever was done', () => {
    const step = fc.tuple(fc.nat(moves.length - 1), fc.nat(1000), fc.nat(1000), fc.boolean());
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const talks = [1, 2, 3].map((time) => newConversation(defaultSettings, time));
        const start = { ...emptyDocument(), chat: { conversations: talks } };
        let history = beginHistory<StudioDocument>(start);
        for (const [move, pick, value, ends] of steps) {
          const action = moves[move]?.(history.present, pick, value);
          if (action !== undefined) history = perform(history, action);
          if (ends) history = seal(history);
        }
        const end = history.present;
        expect(() => canvasDocument.parse(end.canvas)).not.toThrow();
        expect(() => musicDocument.parse(end.music)).not.toThrow();
        expect(() => chatDocument.parse(end.chat)).not.toThrow();
        let count = 0;
        while (history.past.length > 0) {
          history = undo(history);
          count++;
        }
        expect(history.present).toEqual(start);
        for (; count > 0; count--) history = redo(history);
        expect(history.present).toEqual(end);
        expect(history.future).toHaveLength(0);
      }),
      { numRuns: 200 },
    );
  });
});
