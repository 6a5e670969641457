// Pointer, wheel and the keys that are held: turns them into gestures. All samples that came between two frames are
// used, so that fast strokes stay round.
import { zoomAt } from '../core/canvas/geometry.ts';
import { isTyping } from '../app/commands/keys.ts';
import { useLayout } from '../app/shell/layout.ts';
import { beginGesture, type Gesture, type Modifiers, type Sample } from './gestures.ts';
import type { CanvasStage } from './stage.ts';
import { setView, useCanvasView } from './view.ts';

const withRing = new Set(['brush', 'eraser', 'rectangle', 'ellipse']);
const MIDDLE = 1;
const ERASER = 32; // a pen's other end, in `buttons`

export function listenToPointer(container: HTMLElement, stage: CanvasStage): () => void {
  let gesture: Gesture | null = null;
  let last: Modifiers = { shift: false, alt: false, mod: false };
  let spaceHeld = false;

  const sampleOf = (event: PointerEvent): Sample => {
    const { left, top } = container.getBoundingClientRect();
    const pressure = event.pointerType === 'pen' ? event.pressure : 0.5;
    return { x: event.clientX - left, y: event.clientY - top, pressure };
  };
  const modifiersOf = (event: PointerEvent): Modifiers => ({
    shift: event.shiftKey,
    alt: event.altKey,
    mod: event.ctrlKey || event.metaKey,
  });
  const cancel = (): void => {
    gesture?.cancel();
    gesture = null;
  };

  const onDown = (event: PointerEvent): void => {
    if (gesture !== null) return;
    const { tool } = useCanvasView.getState();
    const hand = spaceHeld || event.button === MIDDLE;
    if (event.button !== 0 && !hand && (event.buttons & ERASER) === 0) return;
    const chosen = hand ? 'hand' : (event.buttons & ERASER) !== 0 ? 'eraser' : tool;
    const picking = tool === 'brush' && event.altKey && !hand;
    last = modifiersOf(event);
    gesture = beginGesture(stage, picking ? 'picker' : chosen, sampleOf(event), last);
    if (gesture !== null) container.setPointerCapture(event.pointerId);
  };
  const onMove = (event: PointerEvent): void => {
    const { tool } = useCanvasView.getState();
    stage.showRing(withRing.has(tool) && !spaceHeld ? sampleOf(event) : null);
    if (gesture === null) return;
    last = modifiersOf(event);
    const between = event.getCoalescedEvents();
    gesture.move((between.length > 0 ? between : [event]).map(sampleOf), last);
  };
  const onUp = (event: PointerEvent): void => {
    if (gesture === null) return;
    container.releasePointerCapture(event.pointerId);
    gesture.end();
    gesture = null;
  };
  const onWheel = (event: WheelEvent): void => {
    event.preventDefault();
    const { view } = useCanvasView.getState();
    const { left, top } = container.getBoundingClientRect();
    if (event.shiftKey) setView({ ...view, x: view.x - event.deltaY - event.deltaX });
    else {
      const factor = Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015));
      setView(zoomAt(view, { x: event.clientX - left, y: event.clientY - top }, factor));
    }
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === 'Escape' && gesture !== null) {
      event.preventDefault();
      cancel();
    }
    if (event.code !== 'Space' || isTyping(event.target) || useLayout.getState().active !== 'canvas') return;
    if (event.type === 'keydown' && event.target instanceof HTMLButtonElement) return;
    spaceHeld = event.type === 'keydown';
    container.classList.toggle('canvas-grab', spaceHeld);
  };
  const onLeave = (): void => stage.showRing(null);

  container.addEventListener('pointerdown', onDown);
  container.addEventListener('pointermove', onMove);
  container.addEventListener('pointerup', onUp);
  container.addEventListener('pointercancel', cancel);
  container.addEventListener('pointerleave', onLeave);
  container.addEventListener('wheel', onWheel, { passive: false });
  window.addEventListener('keydown', onKey);
  window.addEventListener('keyup', onKey);
  return () => {
    cancel();
    container.removeEventListener('pointerdown', onDown);
    container.removeEventListener('pointermove', onMove);
    container.removeEventListener('pointerup', onUp);
    container.removeEventListener('pointercancel', cancel);
    container.removeEventListener('pointerleave', onLeave);
    container.removeEventListener('wheel', onWheel);
    window.removeEventListener('keydown', onKey);
    window.removeEventListener('keyup', onKey);
  };
}
