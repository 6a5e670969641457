// Serves app://studio: the built page, and the pictures of the gallery. Nothing outside these two folders can be
// asked for.
import { extname, join, normalize, sep } from 'node:path';
import { protocol, type ProtocolRequest, type ProtocolResponse, type Session } from 'electron';
import { APP_HOST, APP_ORIGIN, APP_SCHEME, GALLERY_PREFIX } from './origin.ts';

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
  '.mid': 'audio/midi',
};

// Styles may stand in elements: Konva and the dialogs position things by style attributes. WebAssembly is compiled, from
// our own script alone: the decoder of the sound font. It lets no text be run as script.
export const CONTENT_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  "font-src 'self'",
  "connect-src 'self' blob:",
  "worker-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "object-src 'none'",
].join('; ');

export function registerScheme(): void {
  protocol.registerSchemesAsPrivileged([
    {
      scheme: APP_SCHEME,
      // codeCache: what V8 has compiled is kept for the next start, as for pages of the web.
      privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true, codeCache: true },
    },
  ]);
}

// The file that a URL's path means below `folder`, or null when it leads out of it.
export function resolveBelow(folder: string, path: string): string | null {
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    return null;
  }
  if (decoded.includes('\0')) return null;
  const file = normalize(join(folder, decoded));
  return file.startsWith(folder + sep) ? file : null;
}

// Chromium's own numbers for what is refused (net/base/net_error_list.h).
const ACCESS_DENIED = -10;
const NOT_FOUND = -6;

// All but the page itself waits for `served`. Chromium reads the files itself. The call is marked as deprecated, but what is
// meant to replace it, `protocol.handle`, makes every request and answer of Node's classes for fetch: to load those takes
// the main process a tenth of a second while the window opens (Electron 33, two slow cores), and every byte of a file
// would go through its one thread.
export function serveApp(
  session: Session,
  folders: { page: string; gallery: string },
  served: Promise<void>,
): void {
  const find = async ({ url, method }: ProtocolRequest): Promise<ProtocolResponse> => {
    const { host, pathname } = new URL(url);
    if (host !== APP_HOST || method !== 'GET') return { error: ACCESS_DENIED };
    if (pathname !== '/') await served;
    const kept = pathname.startsWith(GALLERY_PREFIX);
    const path = kept
      ? resolveBelow(folders.gallery, pathname.slice(GALLERY_PREFIX.length))
      : resolveBelow(folders.page, pathname === '/' ? 'index.html' : pathname);
    const type = path === null ? undefined : types[extname(path).toLowerCase()];
    if (path === null || type === undefined) return { error: NOT_FOUND };
    const headers = {
      'content-type': type,
      'content-security-policy': CONTENT_POLICY,
      'x-content-type-options': 'nosniff',
      'cross-origin-opener-policy': 'same-origin',
      'cache-control': kept ? 'max-age=31536000, immutable' : 'no-cache',
    };
    return { path, headers };
  };
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- said above
  session.protocol.registerFileProtocol(APP_SCHEME, (request, answer) => {
    void find(request).then(answer, () => answer({ error: NOT_FOUND }));
  });
}

export const PAGE_URL = `${APP_ORIGIN}/`;
