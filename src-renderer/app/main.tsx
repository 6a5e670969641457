// The window's entry.
import { QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { z } from 'zod';
import '@fontsource-variable/inter/index.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/controls.css';
import './commands/global.ts';
import { App } from './App.tsx';
import { panes } from './panes.ts';
import { startProject } from './project.ts';
import { queryClient } from './queries.ts';
import { startLayout } from './shell/layout.ts';
import { applyKeptTheme } from './theme.ts';

z.config({ jitless: true }); // the content policy forbids compiling

startLayout(panes);
applyKeptTheme();
const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no element "root"');
// With what was open, so that panes are laid out once.
void startProject().then(() =>
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queryClient}>
        <App />
      </QueryClientProvider>
    </StrictMode>,
  ),
);
