// Serves app://studio: the built page, and the pictures of the gallery. Nothing outside these two folders can be
// asked for.
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { extname, join, normalize, sep } from 'node:path';
import { Readable } from 'node:stream';
import { protocol, type Session } from 'electron';
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

// A file at once would occupy the main process for as long as it takes to copy: large ones go in pieces.
const PIECE = 256 * 1024;

async function contentOf(file: string): Promise<BodyInit> {
  const { size } = await stat(file);
  if (size <= PIECE) return readFile(file);
  return Readable.toWeb(createReadStream(file, { highWaterMark: PIECE })) as ReadableStream<Uint8Array>;
}

const refuse = (status: number): Response => new Response(null, { status });

// All but the page itself waits for `served`.
export function serveApp(
  session: Session,
  folders: { page: string; gallery: string },
  served: Promise<void>,
): void {
  session.protocol.handle(APP_SCHEME, async (request) => {
    const { host, pathname } = new URL(request.url);
    if (host !== APP_HOST || request.method !== 'GET') return refuse(403);
    if (pathname !== '/') await served;
    const file = pathname.startsWith(GALLERY_PREFIX)
      ? resolveBelow(folders.gallery, pathname.slice(GALLERY_PREFIX.length))
      : resolveBelow(folders.page, pathname === '/' ? 'index.html' : pathname);
    const type = file === null ? undefined : types[extname(file).toLowerCase()];
    if (file === null || type === undefined) return refuse(404);
    try {
      return new Response(await contentOf(file), {
        headers: {
          'content-type': type,
          'content-security-policy': CONTENT_POLICY,
          'x-content-type-options': 'nosniff',
          'cross-origin-opener-policy': 'same-origin',
          'cache-control': pathname.startsWith(GALLERY_PREFIX) ? 'max-age=31536000, immutable' : 'no-cache',
        },
      });
    } catch {
      return refuse(404);
    }
  });
}

export const PAGE_URL = `${APP_ORIGIN}/`;
