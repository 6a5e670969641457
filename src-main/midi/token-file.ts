// The JSON form of tokens: {"version":"v2","events":[[8 ids],…]}.
import { z } from 'zod';
import { SluiceError, Status } from '../../src-preload/contract/errors.ts';
import { ROW, type TokenizerVersion, tokenizerVersion } from '../../src-preload/contract/midi.ts';

const MAX_TOKEN = 1 << 16; // above every vocabulary; models check against their own

const tokenFile = z.object({
  version: tokenizerVersion,
  events: z.array(z.array(z.number().int().min(0).max(MAX_TOKEN)).min(1).max(ROW)),
});

export interface TokenFile {
  version: TokenizerVersion;
  rows: Uint32Array;
}

// `path` is for messages. Short rows are padded, as the original does.
export function parseTokenFile(text: string, path: string): TokenFile {
  const bad = (message: string, cause?: unknown): SluiceError =>
    new SluiceError(
      Status.input,
      'tokens-invalid',
      `${path}: ${message}`,
      'Make one with: sluice midi tokens FILE.mid',
      {
        cause,
      },
    );
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw bad('expected JSON', cause);
  }
  const parsed = tokenFile.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue === undefined || issue.path.length === 0 ? 'top' : issue.path.join('.');
    throw bad(
      `expected {"version":"v1" or "v2","events":[[8 token ids],…]}; at ${where}: ${issue?.message ?? ''}`,
    );
  }
  const rows = new Uint32Array(parsed.data.events.length * ROW);
  parsed.data.events.forEach((row, index) => rows.set(row, index * ROW));
  return { version: parsed.data.version, rows };
}

export function formatTokenFile({ version, rows }: TokenFile): string {
  const events: number[][] = [];
  for (let at = 0; at < rows.length; at += ROW) events.push([...rows.subarray(at, at + ROW)]);
  return `${JSON.stringify({ version, events })}\n`;
}
