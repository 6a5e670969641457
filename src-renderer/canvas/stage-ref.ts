// The stage that is on the screen, for commands. There is one canvas pane at most.
import type { CanvasStage } from './stage.ts';

let current: CanvasStage | null = null;

export const setStage = (stage: CanvasStage | null): void => {
  current = stage;
};
export const stageOnScreen = (): CanvasStage | null => current;
