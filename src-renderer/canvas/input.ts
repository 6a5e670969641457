// Pointer, wheel and the keys that are held: turns them into gestures. All samples that came between two frames are
// used, so that fast strokes stay round.
import { zoomAt } from '../core/canvas/geometry.ts';
import { isTyping } from '../app/commands/keys.ts';
import { followPointer, pointIn } from '../app/pointer.ts';
import { useLayout } from '../app/shell/layout.ts';
import { beginGesture, type Sample } from './gestures.ts';
import type { CanvasStage } from './stage.ts';
import { setView, useCanvasView } from './view.ts';

const withRing = new Set(['brush', 'eraser', 'rectangle', 'ellipse']);
const MIDDLE = 1;
const ERASER = 32; // a pen's other end, in `buttons`

export function listenToPointer(container: HTMLElement, stage: CanvasStage): () => void {
  let spaceHeld = false;

  const sampleOf = (event: PointerEvent): Sample => ({
    ...pointIn(container, event),
    pressure: event.pointerType === 'pen' ? event.pressure : 0.5,
  });
  const unfollow = followPointer<readonly Sample[]>(container, {
    begin: (event, modifiers) => {
      const { tool } = useCanvasView.getState();
      const hand = spaceHeld || event.button === MIDDLE;
      if (event.button !== 0 && !hand && (event.buttons & ERASER) === 0) return null;
      const chosen = hand ? 'hand' : (event.buttons & ERASER) !== 0 ? 'eraser' : tool;
      const picking = tool === 'brush' && event.altKey && !hand;
      return beginGesture(stage, picking ? 'picker' : chosen, sampleOf(event), modifiers);
    },
    placeOf: (event) => {
      const between = event.getCoalescedEvents();
      return (between.length > 0 ? between : [event]).map(sampleOf);
    },
    hover: (event) => {
      const { tool } = useCanvasView.getState();
      stage.showRing(withRing.has(tool) && !spaceHeld ? sampleOf(event) : null);
    },
    wheel: (event) => {
      const { view } = useCanvasView.getState();
      if (event.shiftKey) setView({ ...view, x: view.x - event.deltaY - event.deltaX });
      else {
        const factor = Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015));
        setView(zoomAt(view, pointIn(container, event), factor));
      }
    },
  });
  const onKey = (event: KeyboardEvent): void => {
    if (event.code !== 'Space' || isTyping(event.target) || useLayout.getState().active !== 'canvas') return;
    if (event.type === 'keydown' && event.target instanceof HTMLButtonElement) return;
    spaceHeld = event.type === 'keydown';
    container.classList.toggle('canvas-grab', spaceHeld);
  };
  const onLeave = (): void => stage.showRing(null);

  container.addEventListener('pointerleave', onLeave);
  window.addEventListener('keydown', onKey);
  window.addEventListener('keyup', onKey);
  return () => {
    unfollow();
    container.removeEventListener('pointerleave', onLeave);
    window.removeEventListener('keydown', onKey);
    window.removeEventListener('keyup', onKey);
  };
}
