import { Images } from 'lucide-react';
import type { Pane } from '../app/pane.ts';
import { GalleryPane } from './GalleryPane.tsx';
import './commands.ts';
import './gallery.css';

export const galleryPane: Pane = {
  id: 'gallery',
  title: 'Gallery',
  icon: Images,
  place: null,
  keys: ['Mod+Alt+5'],
  Component: GalleryPane,
};
