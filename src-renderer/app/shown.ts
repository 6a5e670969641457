// The window has been drawn for the first time. What the first frame does not need (models and devices, which load native
// code in the main process and would hold its drawing up) is asked for after it.
let resolve: () => void = () => undefined;

export const firstShown = new Promise<void>((done) => {
  resolve = done;
});

// A frame after the panes are there.
export const tellShown = (): void => {
  requestAnimationFrame(() => setTimeout(resolve));
};
