// Beside the canvas: the layers, and how the picture is painted.
import { Layers, SlidersHorizontal } from 'lucide-react';
import { Tabs } from 'radix-ui';
import { LayerList } from './LayerList.tsx';
import { PaintSettingsPanel } from './PaintSettingsPanel.tsx';
import { useCanvasView } from './view.ts';

export function SidePanel() {
  const side = useCanvasView((state) => state.side);
  return (
    <Tabs.Root
      className="canvas-side"
      value={side}
      onValueChange={(value) => useCanvasView.setState({ side: value === 'layers' ? 'layers' : 'paint' })}
    >
      <Tabs.List className="tabs" aria-label="Canvas panels">
        <Tabs.Trigger value="layers">
          <Layers size={14} aria-hidden /> Layers
        </Tabs.Trigger>
        <Tabs.Trigger value="paint">
          <SlidersHorizontal size={14} aria-hidden /> Painting
        </Tabs.Trigger>
      </Tabs.List>
      <Tabs.Content value="layers" className="side-content">
        <LayerList />
      </Tabs.Content>
      <Tabs.Content value="paint" className="side-content">
        <PaintSettingsPanel />
      </Tabs.Content>
    </Tabs.Root>
  );
}
