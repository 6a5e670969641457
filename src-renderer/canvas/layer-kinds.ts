// What kinds of layers are called and look like, and what is said where one needs a ControlNet that is not here.
import { Brush, type LucideIcon, Mountain, PenLine, PersonStanding, Scan, SquareDashed } from 'lucide-react';
import { tell } from '../app/notices.ts';
import { layoutCommands } from '../app/shell/layout.ts';
import type { LayerKind } from '../core/canvas/model.ts';

export const layerKinds: Record<LayerKind, { label: string; icon: LucideIcon }> = {
  paint: { label: 'Paint', icon: Brush },
  scribble: { label: 'Scribble', icon: PenLine },
  canny: { label: 'Edges', icon: Scan },
  pose: { label: 'Pose', icon: PersonStanding },
  depth: { label: 'Depth', icon: Mountain },
  mask: { label: 'Mask', icon: SquareDashed },
};

const wanted: Partial<Record<LayerKind, string>> = {
  scribble: 'scribbles (control_v11p_sd15_scribble)',
  canny: 'Canny edges (control_v11p_sd15_canny)',
  pose: 'poses (control_v11p_sd15_openpose)',
  depth: 'depth (control_v11f1p_sd15_depth)',
};

export function askForControl(kind: LayerKind): void {
  tell(
    `A ${layerKinds[kind].label.toLowerCase()} layer needs a ControlNet for ${wanted[kind] ?? kind}, which is not here yet. ` +
      'Put one into a model folder; its name begins with "control" and says what it is for.',
  );
  layoutCommands.show('models');
}
