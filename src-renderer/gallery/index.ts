import { Images } from 'lucide-react';
import { lazy } from 'react';
import type { Pane } from '../app/pane.ts';
import './commands.ts';
import './gallery.css';

export const galleryPane: Pane = {
  id: 'gallery',
  title: 'Gallery',
  icon: Images,
  place: null,
  keys: ['Mod+Alt+5'],
  Component: lazy(() =>
    import('./GalleryPane.tsx').then(({ GalleryPane: Component }) => ({ default: Component })),
  ),
};
