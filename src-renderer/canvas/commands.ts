// What can be done on the canvas by name: menus, palette and shortcuts.
import { registerCommands } from '../app/commands/table.ts';
import { currentDocument, performOn } from '../app/document.ts';
import { tellFailure } from '../app/notices.ts';
import { isActive, jobsQuery, paintOptionsQuery, queryClient } from '../app/queries.ts';
import { studio } from '../app/studio.ts';
import { canMergeDown, clearLayer, mergeDown, removeLayer } from '../core/canvas/actions.ts';
import { zoomAt } from '../core/canvas/geometry.ts';
import { choosePictures, traceLayer } from './drop.ts';
import { paintExample } from './example.ts';
import { generate } from './generate.ts';
import { discardCandidates, keepCandidate, useResults } from './results.ts';
import { toggleLive } from './live.ts';
import { stageOnScreen } from './stage-ref.ts';
import { selectedLayer, setSize, setTool, setView, type ToolName, useCanvasView } from './view.ts';

const pane = 'canvas';

const toolCommand = (tool: ToolName, title: string, key: string) => ({
  id: `canvas.${tool}`,
  title,
  pane,
  keys: [key],
  run: () => setTool(tool),
});

function zoom(factor: number): void {
  const stage = stageOnScreen();
  if (stage === null) return;
  const { width, height } = stage.size;
  setView(zoomAt(stage.view, { x: width / 2, y: height / 2 }, factor));
}

const biggerBrush = (factor: number): void => {
  const { size } = useCanvasView.getState();
  const next = size * factor;
  setSize(Math.abs(next - size) < 1 ? size + Math.sign(factor - 1) : next);
};

const layerId = (): string => selectedLayer()?.id ?? '';
const activeJobs = () => (queryClient.getQueryData(jobsQuery.queryKey) ?? []).filter(isActive);
const edgesSteer = (): boolean =>
  (queryClient.getQueryData(paintOptionsQuery.queryKey)?.controls ?? []).includes('canny');
const hasCandidates = (): boolean => useResults.getState().candidates !== null;

// The layers that are drawn on in turn: a scribble and what is under it.
function switchLayer(): void {
  const { layers } = currentDocument().canvas;
  const at = layers.findIndex(({ id }) => id === layerId());
  const next = layers[(at + 1) % layers.length];
  if (next !== undefined) useCanvasView.setState({ selected: next.id });
}

registerCommands([
  {
    id: 'canvas.generate',
    title: 'Generate',
    menu: 'Paint',
    keys: ['Mod+Enter'],
    whileTyping: true,
    run: () => void generate('back'),
  },
  {
    id: 'canvas.generate-first',
    title: 'Generate before what waits',
    menu: 'Paint',
    keys: ['Mod+Shift+Enter'],
    whileTyping: true,
    run: () => void generate('front'),
  },
  {
    id: 'canvas.live',
    title: 'Paint live, while I draw',
    menu: 'Paint',
    run: toggleLive,
  },
  {
    id: 'canvas.cancel',
    title: 'Cancel the picture that is being painted',
    menu: 'Paint',
    keys: ['Shift+X'],
    available: () => activeJobs().length > 0,
    run: () => {
      const job = activeJobs().find(({ state }) => state === 'running') ?? activeJobs()[0];
      if (job !== undefined) studio.painting.cancel(job.id).catch(tellFailure);
    },
  },
  {
    id: 'canvas.cancel-all',
    title: 'Cancel everything in the queue',
    menu: 'Paint',
    keys: ['Mod+Shift+X'],
    available: () => activeJobs().length > 0,
    run: () => void studio.painting.cancelAll().catch(tellFailure),
  },
  {
    id: 'canvas.keep',
    title: 'Keep the result as a layer',
    menu: 'Paint',
    pane,
    keys: ['Enter'],
    available: hasCandidates,
    run: keepCandidate,
  },
  {
    id: 'canvas.discard',
    title: 'Discard the result',
    menu: 'Paint',
    pane,
    keys: ['Escape'],
    available: hasCandidates,
    run: discardCandidates,
  },
  { id: 'canvas.import', title: 'Add a picture as a layer…', menu: 'Paint', run: () => choosePictures() },
  {
    id: 'canvas.import-edges',
    title: 'Steer by the edges of a picture…',
    menu: 'Paint',
    available: edgesSteer,
    run: () => choosePictures('canny'),
  },
  {
    id: 'canvas.trace',
    title: 'Steer by the edges of this layer',
    menu: 'Paint',
    pane,
    keys: ['Shift+F'],
    available: edgesSteer,
    run: () => void traceLayer().catch(tellFailure),
  },
  { id: 'help.example', title: 'Paint the example', menu: 'Help', run: () => void paintExample() },
  toolCommand('brush', 'Brush', 'B'),
  toolCommand('eraser', 'Eraser', 'E'),
  toolCommand('rectangle', 'Rectangle', 'U'),
  toolCommand('ellipse', 'Ellipse', 'O'),
  toolCommand('lasso', 'Lasso fill', 'L'),
  toolCommand('move', 'Move the layer', 'V'),
  toolCommand('hand', 'Move the view', 'H'),
  toolCommand('picker', 'Pick a colour', 'I'),
  toolCommand('box', 'Change the painted area', 'C'),
  {
    id: 'canvas.frame',
    title: 'Show or hide the frame of the painted area',
    menu: 'View',
    pane,
    keys: ['Shift+O'],
    run: () => useCanvasView.setState(({ frame }) => ({ frame: !frame })),
  },
  { id: 'canvas.smaller', title: 'Smaller brush', pane, keys: ['['], run: () => biggerBrush(1 / 1.25) },
  { id: 'canvas.bigger', title: 'Bigger brush', pane, keys: [']'], run: () => biggerBrush(1.25) },
  {
    id: 'canvas.swap-colours',
    title: 'Swap colours',
    pane,
    keys: ['X'],
    run: () =>
      useCanvasView.setState(({ colour, otherColour }) => ({ colour: otherColour, otherColour: colour })),
  },
  {
    id: 'canvas.reset-colours',
    title: 'Black and white',
    pane,
    keys: ['D'],
    run: () => useCanvasView.setState({ colour: '#000000', otherColour: '#ffffff' }),
  },
  { id: 'canvas.switch-layer', title: 'Draw on the next layer', pane, keys: ['Q'], run: switchLayer },
  {
    id: 'canvas.clear-layer',
    title: 'Clear the layer',
    menu: 'Edit',
    pane,
    keys: ['Delete'],
    run: () => performOn('canvas', clearLayer(layerId())),
  },
  {
    id: 'canvas.delete-layer',
    title: 'Delete the layer',
    menu: 'Edit',
    run: () => performOn('canvas', removeLayer(layerId())),
  },
  {
    id: 'canvas.merge-down',
    title: 'Merge the layer with the one below',
    menu: 'Edit',
    pane,
    keys: ['Mod+E'],
    available: () => canMergeDown(currentDocument().canvas, layerId()),
    run: () => performOn('canvas', mergeDown(layerId())),
  },
  {
    id: 'canvas.fit',
    title: 'Fit the painted area',
    menu: 'View',
    pane,
    keys: ['Mod+0'],
    run: () => stageOnScreen()?.fit(),
  },
  {
    id: 'canvas.zoom-100',
    title: 'Zoom to pixels',
    menu: 'View',
    pane,
    keys: ['Mod+1'],
    run: () => zoom(1 / useCanvasView.getState().view.scale),
  },
  { id: 'canvas.zoom-in', title: 'Zoom in', pane, keys: ['Mod+=', 'Mod+Plus'], run: () => zoom(1.25) },
  { id: 'canvas.zoom-out', title: 'Zoom out', pane, keys: ['Mod+-'], run: () => zoom(0.8) },
]);
