// Answers that act: which of them is shown as a ghost, and taking or refusing it.
import { studioActions, type StudioAction } from '../../src-preload/contract/actions.ts';
import { scene } from '../../src-preload/contract/answers/scene.ts';
import { currentDocument, performAction, recordOn, redoStep, undoStep } from '../app/document.ts';
import { setGhost, useGhost } from '../app/ghost.ts';
import { runCommand } from '../app/commands/table.ts';
import { layoutCommands } from '../app/shell/layout.ts';
import { parseChords } from '../../src-preload/contract/answers/chords.ts';
import { midiSeed } from '../../src-preload/contract/answers/midi-seed.ts';
import { chordActions, seedActions } from '../core/proposals/roll.ts';
import { setCompose } from '../piano-roll/composing/settings.ts';
import { accept, refuse } from '../core/chat/actions.ts';
import type { Message } from '../core/chat/model.ts';
import { on } from '../core/document.ts';
import { together } from '../core/history.ts';
import { type Effect, propose, type Proposal, sceneActions } from '../core/proposals/proposal.ts';
import { answerPart } from './answers.ts';
import { handOnCanvas } from '../canvas/hand.ts';

// What an answer asks the studio to do; null where it is no whole proposal.
export function actionsOf(message: Message): readonly StudioAction[] | null {
  if (message.facts?.valid !== true) return null;
  const name = message.grammar?.name;
  const { answer } = answerPart(message);
  try {
    if (name === 'scene') return sceneActions(scene.parse(JSON.parse(answer)));
    if (name === 'chords') return chordActions(parseChords(answer));
    if (name === 'midi-seed') return seedActions(midiSeed.parse(JSON.parse(answer)));
    if (name === 'studio-actions') return studioActions.parse(JSON.parse(answer)).actions;
  } catch {
    return null; // shown as text
  }
  return null;
}

const proposalOf = (message: Message, actions: readonly StudioAction[]): Proposal =>
  propose(message.id, actions, currentDocument(), handOnCanvas());

export const leftOutOf = (message: Message, actions: readonly StudioAction[]): readonly string[] =>
  proposalOf(message, actions).leftOut;

export function showGhost(talkId: string, message: Message): void {
  const actions = actionsOf(message);
  if (actions === null || actions.length === 0) return;
  const document = currentDocument();
  const { music } = proposalOf(message, actions).step.apply(document);
  if (music !== document.music) layoutCommands.show('roll'); // what is proposed is seen
  setGhost({
    id: message.id,
    next: (document) => propose(message.id, actions, document, handOnCanvas()).step.apply(document),
    accept: () => acceptProposal(talkId, message),
    refuse: () => refuseProposal(talkId, message),
  });
}

export const hideGhost = (id: string): void => {
  if (useGhost.getState().ghost?.id === id) setGhost(null);
};

function carryOut(effect: Effect): void {
  switch (effect.name) {
    case 'paint':
      runCommand('canvas.generate');
      return;
    case 'undo':
      undoStep();
      return;
    case 'redo':
      redoStep();
      return;
    case 'compose':
      layoutCommands.show('roll');
      setCompose({ events: effect.events });
      runCommand('roll.continue');
  }
}

export function acceptProposal(talkId: string, message: Message): void {
  const actions = actionsOf(message);
  if (actions === null) return;
  const { step, effects: after } = proposalOf(message, actions);
  hideGhost(message.id);
  if (after.some(({ name }) => name === 'undo' || name === 'redo')) {
    // The step back is all that there is to do, and must not meet a step of its own.
    after.forEach(carryOut);
    recordOn('chat', (chat) => accept(talkId, message.id).apply(chat));
    return;
  }
  performAction(together(step.label, [step, on('chat', accept(talkId, message.id))]));
  after.forEach(carryOut);
}

export function refuseProposal(talkId: string, message: Message): void {
  hideGhost(message.id);
  recordOn('chat', refuse(talkId, message.id));
}
