// The roll that is on the screen, for commands. There is one at most.
import type { RollStage } from './stage.ts';

let current: RollStage | null = null;

export const setStage = (stage: RollStage | null): void => {
  current = stage;
};
export const stageOnScreen = (): RollStage | null => current;
