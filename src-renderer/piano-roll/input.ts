// Pointer and wheel of the roll: turns them into gestures.
import { followPointer, pointIn } from '../app/pointer.ts';
import { zoomPitch, zoomTime } from '../core/music/coordinates.ts';
import { beginGesture, panGesture, type Point } from './gestures.ts';
import { KEYS, noteAt, RULER, type RollStage } from './stage.ts';
import { rollNow, setRoll } from './view.ts';

const MIDDLE = 1;
const RIGHT = 2;
const DOUBLE_MS = 350;

export function listenToPointer(container: HTMLElement, stage: RollStage): () => void {
  let lastRight = -Infinity;

  const showCursor = (at: Point): void => {
    const zone = stage.zoneAt(at.x, at.y);
    const hit = zone === 'notes' ? noteAt(at.x - KEYS, at.y - RULER) : null;
    const overNote = hit === null ? null : hit.part === 'body' ? 'move' : 'ew-resize';
    const usual = { ruler: 'text', keys: 'pointer', velocity: 'ns-resize', notes: 'default' }[zone];
    container.style.cursor =
      overNote ?? (zone === 'notes' && rollNow().tool === 'pencil' ? 'crosshair' : usual);
  };

  const unfollow = followPointer<Point>(container, {
    begin: (event, modifiers) => {
      const at = pointIn(container, event);
      const right = event.button === RIGHT;
      if (right) {
        const again = event.timeStamp - lastRight < DOUBLE_MS;
        lastRight = again ? -Infinity : event.timeStamp;
        if (again) {
          setRoll({ tool: rollNow().tool === 'pencil' ? 'select' : 'pencil' });
          return null;
        }
      }
      return event.button === MIDDLE
        ? panGesture(stage, at)
        : beginGesture(stage, at, modifiers, container.clientHeight, right);
    },
    placeOf: (event) => pointIn(container, event),
    hover: (event, held) => {
      if (!held) showCursor(pointIn(container, event));
    },
    wheel: (event) => {
      const { scale } = rollNow();
      const at = pointIn(container, event);
      const [x, y] = [at.x - KEYS, at.y - RULER];
      if (event.ctrlKey || event.altKey || event.metaKey) {
        const factor = Math.exp(-(event.deltaY || event.deltaX) * 0.002);
        stage.setScale(
          event.shiftKey ? zoomPitch(scale, y, factor, stage.size.height) : zoomTime(scale, x, factor),
        );
      } else if (event.shiftKey) stage.setScale({ ...scale, left: scale.left + event.deltaY + event.deltaX });
      else stage.setScale({ ...scale, left: scale.left + event.deltaX, top: scale.top + event.deltaY });
    },
  });
  const noMenu = (event: MouseEvent): void => event.preventDefault();
  container.addEventListener('contextmenu', noMenu);
  return () => {
    unfollow();
    container.removeEventListener('contextmenu', noMenu);
  };
}
