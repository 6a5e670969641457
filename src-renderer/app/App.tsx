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
import { tellShown } from './shown.ts';
import { studio } from './studio.ts';

export function App() {
  useEffect(() => {
    const leave = [
      listenForShortcuts(),
      followJobs(),
      followMemory(),
      studio.app.command((id) => runCommand(id)),
    ];
    tellShown();
    studio.app.ready().catch(tellFailure);
    return () => leave.forEach((stop) => stop());
  }, []);
  return (
    <div className="app">
      <TopBar />
      <PaneGrid />
      <Palette />
      <ShortcutsDialog />
      <Notices />
    </div>
  );
}
