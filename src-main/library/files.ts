// Writing results: whole or not at all. A file appears under its name only when every byte of every file of the
// same result is on the disk.
import { randomUUID } from 'node:crypto';
import { access, constants, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';

export interface OutputFile {
  path: string;
  content: Uint8Array;
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

function writeError(path: string, error: unknown): SluiceError {
  const full = codeOf(error) === 'ENOSPC' || codeOf(error) === 'EDQUOT';
  const reason = error instanceof Error ? error.message : String(error);
  return new SluiceError(
    Status.input,
    full ? 'disk-full' : 'output-not-written',
    full ? `${path} cannot be written: the disk is full` : `${path} cannot be written: ${reason}`,
    full ? 'Free some space or choose another folder; nothing was left behind.' : '',
    { cause: error },
  );
}

// Before a long job: its outputs' folders must be there and take files.
export async function checkOutput(path: string): Promise<void> {
  const folder = dirname(resolve(path));
  const problem = (code: string, message: string, hint: string): SluiceError =>
    new SluiceError(Status.input, code, message, hint);
  const found = await stat(folder).catch(() => null);
  if (found === null) {
    throw problem(
      'output-folder-missing',
      `the output folder ${folder} does not exist`,
      'Create it, or name another.',
    );
  }
  if (!found.isDirectory()) {
    throw problem('output-folder-missing', `${folder} is not a folder`, 'Name a file in a folder.');
  }
  const target = await stat(path).catch(() => null);
  if (target?.isDirectory() === true)
    throw problem('output-is-folder', `${path} is a folder`, 'Name a file.');
  await access(folder, constants.W_OK).catch(() => {
    throw problem(
      'output-not-writable',
      `the output folder ${folder} takes no files`,
      'Check its permissions.',
    );
  });
}

async function writeThrough(path: string, content: Uint8Array): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(content);
    await file.sync(); // a full disk may only show here
  } finally {
    await file.close();
  }
}

// The name that a file is written under before it gets its own. Another one each time: what a killed process left behind
// is in nobody's way.
const partOf = (target: string): string =>
  join(dirname(target), `.${basename(target)}.${randomUUID().slice(0, 8)}.part`);

export const isPart = (name: string): boolean => /^\..+\.[0-9a-f]{8}\.part$/.test(name);

// Files that exist are replaced. `mayFinish` is asked at the last moment before the files get their names.
export async function writeWhole(
  files: readonly OutputFile[],
  mayFinish: () => boolean = () => true,
): Promise<void> {
  const parts = files.map(({ path, content }) => {
    const target = resolve(path);
    return { target, content, part: partOf(target) };
  });
  try {
    for (const { part, target, content } of parts) {
      await writeThrough(part, content).catch((error: unknown) => {
        throw writeError(target, error);
      });
    }
    if (!mayFinish()) throw new SluiceError(Status.cancelled, 'cancelled', 'stopped by the user');
    for (const { part, target } of parts) {
      await rename(part, target).catch((error: unknown) => {
        throw writeError(target, error);
      });
    }
  } finally {
    await Promise.all(parts.map(({ part }) => rm(part, { force: true }).catch(() => undefined)));
  }
}
