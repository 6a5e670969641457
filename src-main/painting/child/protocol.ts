// What the main process and the painting child say to each other. Both are ours and of the same build; the child
// says its version first, so that a stale build is noticed before work.
import type { Failure } from '../../../src-preload/contract/errors.ts';
import type { Preview, Progress } from '../../../src-preload/contract/figures.ts';
import type { PaintRequest } from '../../../src-preload/contract/jobs.ts';
import type { EnginePicture } from '../../engine/index.ts';
import type { PainterPaths } from '../painter.ts';

export const CHILD_VERSION = 1;

export type ToChild =
  | { type: 'start'; addon: string; paths: PainterPaths }
  | { type: 'paint'; job: number; request: PaintRequest }
  | { type: 'cancel'; job: number };

export type FromChild =
  | { type: 'hello'; version: number }
  | { type: 'progress'; job: number; progress: Progress }
  | { type: 'preview'; job: number; preview: Preview }
  | { type: 'notice'; job: number; text: string }
  | { type: 'done'; job: number; result: EnginePicture }
  | { type: 'failed'; job: number; failure: Failure };
