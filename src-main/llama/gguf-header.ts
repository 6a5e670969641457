// The header of a GGUF file, read in a thread of its own: the vocabulary that it holds takes the parser a tenth of a
// second and more, in which the thread that parses does nothing else. What was read is kept for as long as the file is
// the same. Not here: what a header means.
import { stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { gguf, type GGUFParseOutput } from '@huggingface/gguf';

type Parsed = GGUFParseOutput<{ strict: false }>;

export interface Header extends Pick<Parsed, 'metadata' | 'tensorInfos' | 'tensorDataOffset'> {
  readonly vocabulary: number; // tokens; the list itself stays in the thread
}

type Answer = { header: Header } | { failed: string };

// The program of the thread, as text: a bundled file of its own would lie at another place under every runtime.
const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads');
const { gguf } = require(workerData.parser);
gguf(workerData.path, { allowLocalFile: true }).then(
  ({ metadata, tensorInfos, tensorDataOffset }) => {
    const kept = Object.entries(metadata).filter(([key]) => !/^tokenizer\\.ggml\\./.test(key));
    const vocabulary = metadata['tokenizer.ggml.tokens']?.length ?? 0;
    const header = { metadata: Object.fromEntries(kept), tensorInfos, tensorDataOffset, vocabulary };
    parentPort.postMessage({ header });
  },
  (error) => parentPort.postMessage({ failed: error instanceof Error ? error.message : String(error) }),
);
`;

const parser = createRequire(import.meta.url).resolve('@huggingface/gguf');

const headerOf = ({ metadata, tensorInfos, tensorDataOffset }: Parsed): Header => {
  const tokens: unknown = metadata['tokenizer.ggml.tokens'];
  const vocabulary = Array.isArray(tokens) ? tokens.length : 0;
  return { metadata, tensorInfos, tensorDataOffset, vocabulary };
};

function parse(path: string): Promise<Header> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(PROGRAM, { eval: true, workerData: { path, parser } });
    worker.once('message', (answer: Answer) =>
      'failed' in answer ? reject(new Error(answer.failed)) : resolve(answer.header),
    );
    // A runtime whose threads cannot load the parser: slower for whoever waits beside it, and as right.
    worker.once('error', () => resolve(gguf(path, { allowLocalFile: true }).then(headerOf)));
    worker.once('exit', (code) => reject(new Error(`the thread that read it ended with status ${code}`)));
  });
}

const known = new Map<string, { version: string; header: Promise<Header> }>();

// Rejects with the parser's reason.
export async function readHeader(path: string): Promise<Header> {
  const { size, mtimeMs } = await stat(path);
  const version = `${size} ${mtimeMs}`;
  const before = known.get(path);
  if (before?.version === version) return before.header;
  const header = parse(path);
  known.set(path, { version, header });
  header.catch(() => known.delete(path));
  return header;
}
