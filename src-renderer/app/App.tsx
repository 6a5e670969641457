import { useEffect } from 'react';
import { listenForShortcuts } from './commands/shortcuts.ts';
import { runCommand } from './commands/table.ts';
import { followMemory } from './GivesWay.tsx';
import { followJobs } from './queries.ts';
import { Notices } from './shell/Notices.tsx';
import { Palette } from './shell/Palette.tsx';
import { PaneGrid } from './shell/PaneGrid.tsx';
import { ShortcutsDialog } from './shell/ShortcutsDialog.tsx';
import { TopBar } from './shell/TopBar.tsx';
import { tellFailure } from './notices.ts';
import { startProject, useProject } from './project.ts';
import { tellShown } from './shown.ts';
import { studio } from './studio.ts';

export function App() {
  const shown = useProject((state) => state.shown);
  useEffect(() => {
    if (!shown) return;
    tellShown();
    studio.app.ready().catch(tellFailure);
  }, [shown]);
  useEffect(() => {
    const leave = [
      listenForShortcuts(),
      followJobs(),
      followMemory(),
      studio.app.command((id) => runCommand(id)),
    ];
    const project = startProject();
    return () => {
      leave.forEach((stop) => stop());
      void project.then((stop) => stop());
    };
  }, []);
  return (
    <div className="app">
      <TopBar />
      {shown ? <PaneGrid /> : <main className="panes" />}
      <Palette />
      <ShortcutsDialog />
      <Notices />
    </div>
  );
}
