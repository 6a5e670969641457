// When a changed document is handed over to be kept: soon after the first change, and never two at once, so that a slow
// disk is not asked for more than it can write and the newest is never behind more than one write. Knows no bridge.

export interface Keeping {
  readonly changed: () => void;
  readonly now: () => void; // does not wait: the window is going, or another document comes
  readonly drop: () => void; // what is there is kept already
}

// `keep` writes what is there when it is called; it must not reject.
export function keepSoon(waitMs: number, keep: () => Promise<void>): Keeping {
  let timer: ReturnType<typeof setTimeout> | null = null;
  let writing = false;
  let again = false; // changed since the write that is going on was begun
  const clear = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  const write = (): void => {
    clear();
    again = false;
    writing = true;
    void keep().then(() => {
      writing = false;
      if (again && timer === null) write();
    });
  };
  return {
    changed: () => {
      if (writing) again = true;
      else timer ??= setTimeout(write, waitMs);
    },
    now: () => {
      if (timer !== null || again) write();
    },
    drop: () => {
      clear();
      again = false;
    },
  };
}
