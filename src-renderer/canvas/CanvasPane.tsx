import { useEffect, useRef } from 'react';
import { Composer } from './Composer.tsx';
import { DropZones } from './DropZones.tsx';
import { GhostBar } from './GhostBar.tsx';
import { listenToPointer } from './input.ts';
import { followLive } from './live.ts';
import { LivePanel } from './LivePanel.tsx';
import { followResults } from './results.ts';
import { ResultBar } from './ResultBar.tsx';
import { SidePanel } from './SidePanel.tsx';
import { CanvasStage } from './stage.ts';
import { setStage } from './stage-ref.ts';
import { ToolOptions, ToolRail } from './ToolRail.tsx';
import { useCanvasView } from './view.ts';
import { ZoomBar } from './ZoomBar.tsx';
import { listenForPictures } from './drop.ts';

function Stage() {
  const container = useRef<HTMLDivElement>(null);
  const tool = useCanvasView((state) => state.tool);
  useEffect(() => {
    const element = container.current;
    if (element === null) return undefined;
    const stage = new CanvasStage(element);
    setStage(stage);
    const leave = [listenToPointer(element, stage), listenForPictures(element)];
    return () => {
      leave.forEach((stop) => stop());
      setStage(null);
      stage.destroy();
    };
  }, []);
  return (
    <div
      ref={container}
      className={`canvas-stage canvas-tool-${tool}`}
      role="application"
      aria-label="Drawing area"
      tabIndex={0}
    />
  );
}

export function CanvasPane() {
  useEffect(() => followResults(), []);
  useEffect(() => followLive(), []);
  return (
    <div className="canvas">
      <ToolRail />
      <div className="canvas-middle">
        <Stage />
        <ToolOptions />
        <ZoomBar />
        <ResultBar />
        <GhostBar />
        <Composer />
        <LivePanel />
        <DropZones />
      </div>
      <SidePanel />
    </div>
  );
}
