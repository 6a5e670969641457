// Pointer and wheel on a drawing surface: a press begins a gesture that has the pointer until it is let go, and Escape
// gives it up. What a gesture does is its pane's.

export interface Modifiers {
  readonly shift: boolean;
  readonly alt: boolean;
  readonly mod: boolean;
  readonly space: boolean;
}

export interface Gesture<Place> {
  move(to: Place, modifiers: Modifiers): void;
  end(): void;
  cancel(): void;
}

export interface Surface<Place> {
  begin(event: PointerEvent, modifiers: Modifiers): Gesture<Place> | null;
  placeOf(event: PointerEvent): Place;
  hover(event: PointerEvent, held: boolean): void; // every move, before the gesture's
  wheel(event: WheelEvent): void;
}

// In the container's pixels.
export function pointIn(container: HTMLElement, event: MouseEvent): { x: number; y: number } {
  const { left, top } = container.getBoundingClientRect();
  return { x: event.clientX - left, y: event.clientY - top };
}

const modifiersOf = (event: MouseEvent, space: boolean): Modifiers => ({
  space,
  shift: event.shiftKey,
  alt: event.altKey,
  mod: event.ctrlKey || event.metaKey,
});

// Returns what ends it.
export function followPointer<Place>(container: HTMLElement, surface: Surface<Place>): () => void {
  const leaving = new AbortController();
  const { signal } = leaving;
  let gesture: Gesture<Place> | null = null;
  let space = false;
  const cancel = (): void => {
    gesture?.cancel();
    gesture = null;
  };
  container.addEventListener(
    'pointerdown',
    (event) => {
      if (gesture !== null) return;
      gesture = surface.begin(event, modifiersOf(event, space));
      if (gesture !== null) container.setPointerCapture(event.pointerId);
    },
    { signal },
  );
  container.addEventListener(
    'pointermove',
    (event) => {
      // The place first: to ask for it after an element was moved would lay the page out again.
      const place = gesture === null ? null : surface.placeOf(event);
      surface.hover(event, gesture !== null);
      if (place !== null) gesture?.move(place, modifiersOf(event, space));
    },
    { signal },
  );
  container.addEventListener(
    'pointerup',
    (event) => {
      if (gesture === null) return;
      container.releasePointerCapture(event.pointerId);
      gesture.end();
      gesture = null;
    },
    { signal },
  );
  container.addEventListener('pointercancel', cancel, { signal });
  container.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      surface.wheel(event);
    },
    { signal, passive: false },
  );
  window.addEventListener(
    'keydown',
    (event) => {
      if (event.code === 'Space') space = true;
      if (event.key !== 'Escape' || gesture === null) return;
      event.preventDefault();
      cancel();
    },
    { signal },
  );
  const letGo = (): void => {
    space = false;
  };
  window.addEventListener(
    'keyup',
    (event) => {
      if (event.code === 'Space') letGo();
    },
    { signal },
  );
  window.addEventListener('blur', letGo, { signal });
  return () => {
    cancel();
    leaving.abort();
  };
}
