// A proposal on the roll: its new notes are drawn over the others and played with them, until it is taken or refused.
import { currentDocument, useDocument } from '../app/document.ts';
import { useGhost } from '../app/ghost.ts';
import { newNotes } from '../core/music/continue.ts';
import type { RollStage } from './stage.ts';
import { rollNow, setRoll } from './view.ts';

// Returns what ends it.
export function showProposed(stage: RollStage): () => void {
  const sync = (): void => {
    const { ghost } = useGhost.getState();
    const document = currentDocument();
    const next = ghost?.next(document).music ?? document.music;
    const proposed = next === document.music ? null : next;
    const before = rollNow().proposed;
    if (proposed === null && before === null) return;
    const notes = proposed === null ? [] : newNotes(document.music, proposed);
    setRoll({ proposed });
    stage.setGhost(notes);
    const [first] = notes;
    if (before === null && first !== undefined) stage.reveal(first.tick, 0.4, 0.6); // what follows it is to be seen
  };
  const leave = [
    useGhost.subscribe(sync),
    useDocument.subscribe((now, before) => {
      if (now.history.present !== before.history.present && useGhost.getState().ghost !== null) sync();
    }),
  ];
  sync();
  return () => {
    leave.forEach((stop) => stop());
    setRoll({ proposed: null });
  };
}
