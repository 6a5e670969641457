// Pointer and wheel of the roll: turns them into gestures.
import { zoomPitch, zoomTime } from '../core/music/coordinates.ts';
import { beginGesture, type Gesture, type Modifiers, panGesture, type Point } from './gestures.ts';
import { KEYS, noteAt, RULER, type RollStage } from './stage.ts';
import { rollNow, setRoll } from './view.ts';

const MIDDLE = 1;
const RIGHT = 2;
const DOUBLE_MS = 350;

export function listenToPointer(container: HTMLElement, stage: RollStage): () => void {
  let gesture: Gesture | null = null;
  let last: Modifiers = { shift: false, alt: false, mod: false };
  let lastRight = -Infinity;

  const pointOf = (event: MouseEvent): Point => {
    const { left, top } = container.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  const modifiersOf = (event: MouseEvent): Modifiers => ({
    shift: event.shiftKey,
    alt: event.altKey,
    mod: event.ctrlKey || event.metaKey,
  });
  const cancel = (): void => {
    gesture?.cancel();
    gesture = null;
  };
  const showCursor = (at: Point): void => {
    const zone = stage.zoneAt(at.x, at.y);
    const hit = zone === 'notes' ? noteAt(at.x - KEYS, at.y - RULER) : null;
    const overNote = hit === null ? null : hit.part === 'body' ? 'move' : 'ew-resize';
    const usual = { ruler: 'text', keys: 'pointer', velocity: 'ns-resize', notes: 'default' }[zone];
    container.style.cursor =
      overNote ?? (zone === 'notes' && rollNow().tool === 'pencil' ? 'crosshair' : usual);
  };

  const onDown = (event: PointerEvent): void => {
    if (gesture !== null) return;
    const at = pointOf(event);
    last = modifiersOf(event);
    if (event.button === RIGHT) {
      const again = event.timeStamp - lastRight < DOUBLE_MS;
      lastRight = again ? -Infinity : event.timeStamp;
      if (again) {
        setRoll({ tool: rollNow().tool === 'pencil' ? 'select' : 'pencil' });
        return;
      }
    }
    gesture =
      event.button === MIDDLE
        ? panGesture(stage, at)
        : beginGesture(stage, at, last, container.clientHeight, event.button === RIGHT);
    if (gesture !== null) container.setPointerCapture(event.pointerId);
  };
  const onMove = (event: PointerEvent): void => {
    const at = pointOf(event);
    if (gesture === null) {
      showCursor(at);
      return;
    }
    last = modifiersOf(event);
    gesture.move(at, last);
  };
  const onUp = (event: PointerEvent): void => {
    if (gesture === null) return;
    container.releasePointerCapture(event.pointerId);
    gesture.end();
    gesture = null;
  };
  const onWheel = (event: WheelEvent): void => {
    event.preventDefault();
    const { scale } = rollNow();
    const at = pointOf(event);
    const [x, y] = [at.x - KEYS, at.y - RULER];
    if (event.ctrlKey || event.altKey || event.metaKey) {
      const factor = Math.exp(-(event.deltaY || event.deltaX) * 0.002);
      stage.setScale(
        event.shiftKey ? zoomPitch(scale, y, factor, stage.size.height) : zoomTime(scale, x, factor),
      );
    } else if (event.shiftKey) stage.setScale({ ...scale, left: scale.left + event.deltaY + event.deltaX });
    else stage.setScale({ ...scale, left: scale.left + event.deltaX, top: scale.top + event.deltaY });
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || gesture === null) return;
    event.preventDefault();
    cancel();
  };
  const noMenu = (event: MouseEvent): void => event.preventDefault();

  container.addEventListener('pointerdown', onDown);
  container.addEventListener('pointermove', onMove);
  container.addEventListener('pointerup', onUp);
  container.addEventListener('pointercancel', cancel);
  container.addEventListener('wheel', onWheel, { passive: false });
  container.addEventListener('contextmenu', noMenu);
  window.addEventListener('keydown', onKey);
  return () => {
    cancel();
    container.removeEventListener('pointerdown', onDown);
    container.removeEventListener('pointermove', onMove);
    container.removeEventListener('pointerup', onUp);
    container.removeEventListener('pointercancel', cancel);
    container.removeEventListener('wheel', onWheel);
    container.removeEventListener('contextmenu', noMenu);
    window.removeEventListener('keydown', onKey);
  };
}
