// What a pane gives to the shell. Its module registers its commands (commands/table.ts) when it is loaded.
import type { LucideIcon } from 'lucide-react';
import type { ComponentType } from 'react';

export interface Pane {
  readonly id: string;
  readonly title: string;
  readonly icon: LucideIcon;
  readonly place: number | null; // its column in the usual layout; null: hidden until it is asked for
  readonly under?: string; // a pane that it comes below when it is asked for
  readonly quiet?: boolean; // its switch shows no name: a tool, not a craft
  readonly keys?: readonly string[]; // shows it
  readonly Component: ComponentType; // lazy where the usual first frame does not show it
}
