// Ticks while music plays: a worker's timer goes on where a window's is slowed down because it is hidden. It is told how
// many milliseconds lie between ticks, and 0 to rest.
let timer: ReturnType<typeof setInterval> | undefined;

addEventListener('message', ({ data }: MessageEvent<number>) => {
  clearInterval(timer);
  if (data > 0) timer = setInterval(() => postMessage(null), data);
});
