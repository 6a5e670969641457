// What content may do: nothing that it was not given. Electron grants by default, so everything is denied here.
import { app, type Session, type WebContents } from 'electron';
import { APP_ORIGIN } from './origin.ts';

// Notes to and from an instrument, without its system-exclusive messages.
const allowed = new Set(['midi']);

export function denyPermissions(session: Session): void {
  session.setPermissionRequestHandler((_, permission, decide) => decide(allowed.has(permission)));
  session.setPermissionCheckHandler((_, permission) => allowed.has(permission));
  session.setDevicePermissionHandler(() => false);
  session.on('will-download', (event) => event.preventDefault());
}

// No page but ours, no window but ours, no webview.
export function guardContents(): void {
  app.on('web-contents-created', (_, contents: WebContents) => {
    contents.on('will-navigate', (event, url) => {
      if (!url.startsWith(`${APP_ORIGIN}/`)) event.preventDefault();
    });
    contents.on('will-redirect', (event) => event.preventDefault());
    contents.on('will-attach-webview', (event) => event.preventDefault());
    contents.setWindowOpenHandler(() => ({ action: 'deny' }));
  });
}
