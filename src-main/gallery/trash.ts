// The trash of Linux desktops, by freedesktop.org's specification 1.0. The gallery lies in the user's data folder, and
// so does the trash of it, so a file is moved by renaming it.
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, join, parse, resolve } from 'node:path';

// `dataHome` is $XDG_DATA_HOME. Resolves with the file's new place.
export async function moveToTrash(path: string, dataHome: string): Promise<string> {
  const [files, info] = ['files', 'info'].map((name) => join(dataHome, 'Trash', name)) as [string, string];
  await mkdir(files, { recursive: true, mode: 0o700 });
  await mkdir(info, { recursive: true, mode: 0o700 });
  const source = resolve(path);
  const { name, ext } = parse(basename(source));
  const when = new Date();
  const local = new Date(when.getTime() - when.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
  const encoded = source.split('/').map(encodeURIComponent).join('/');
  for (let n = 1; ; n++) {
    const target = n === 1 ? `${name}${ext}` : `${name}.${n}${ext}`;
    const note = join(info, `${target}.trashinfo`);
    // Whoever makes the note owns the name: another program may be at it too.
    const file = await open(note, 'wx', 0o600).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return null;
      throw error;
    });
    if (file === null) continue;
    try {
      await file.writeFile(`[Trash Info]\nPath=${encoded}\nDeletionDate=${local}\n`);
    } finally {
      await file.close();
    }
    try {
      await rename(source, join(files, target));
    } catch (error) {
      await rm(note, { force: true });
      throw error;
    }
    return join(files, target);
  }
}
