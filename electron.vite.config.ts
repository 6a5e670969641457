// How the three parts are bundled: what runs in Node and Electron's main process (src-main), the bridge
// (src-preload), the window (src-renderer). The command line is one of src-main's entries and runs in plain Node,
// so nothing here may need an installed Electron, and only main.ts may import it.
import react from '@vitejs/plugin-react';
import { defineConfig } from 'electron-vite';
import description from './package.json' with { type: 'json' };
import { contract } from './src-preload/contract/index.ts';
import { entryKinds } from './src-preload/contract/names.ts';

// The oldest runtime that set-up may assemble has Chromium 130 and Node 20.
const nodeTarget = 'node20.10';
const chromeTarget = 'chrome130';

// One file is read in less time than the hundreds of modules that some packages have. sharp stays outside: it opens
// libraries beside itself, and is loaded with the first picture; so does fflate, which is one file and makes a `require`
// of its own that would stand beside the bundle's, and gguf, which is read in a thread that imports it by its path.
const outside = ['sharp', 'fflate', '@huggingface/gguf'];
const bundled = Object.keys(description.dependencies).filter((name) => !outside.includes(name));

export default defineConfig({
  main: {
    build: {
      outDir: 'out/main',
      emptyOutDir: true,
      target: nodeTarget,
      minify: false,
      externalizeDeps: { exclude: bundled },
      sourcemap: true,
      reportCompressedSize: false,
      rolldownOptions: {
        input: {
          cli: 'src-main/cli.ts',
          language: 'src-main/language.ts',
          main: 'src-main/main.ts',
          'painting-child': 'src-main/painting/child/entry.ts',
        },
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name].js' },
      },
    },
  },
  preload: {
    define: { CONTRACT_ENTRIES: JSON.stringify(entryKinds(contract)) },
    build: {
      outDir: 'out/preload',
      emptyOutDir: true,
      target: nodeTarget,
      minify: true, // parsed at every start, without a cache
      sourcemap: false,
      reportCompressedSize: false,
      externalizeDeps: false, // a sandboxed preload can require nothing but electron
      rolldownOptions: {
        input: { index: 'src-preload/index.ts' },
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: 'src-renderer',
    base: './',
    plugins: [react()],
    build: {
      outDir: 'out/renderer',
      emptyOutDir: true,
      target: chromeTarget,
      minify: true, // less to read and to parse at every start
      sourcemap: false,
      reportCompressedSize: false,
      chunkSizeWarningLimit: 4000, // read from the disk, not from a network
      assetsInlineLimit: 0, // the policy for content allows no data: fonts
      rolldownOptions: { input: { index: 'src-renderer/index.html' } },
    },
  },
});
