// How the main part is bundled, and how the unit tests run. The studio's window will bring its own two parts
// (renderer, preload) beside this one; plain Node runs what is built here.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  build: {
    outDir: 'out/main',
    target: 'node20',
    ssr: true,
    minify: false,
    sourcemap: true,
    reportCompressedSize: false,
    rolldownOptions: {
      input: { cli: 'src-main/cli.ts' },
      output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name].js' },
    },
  },
  test: {
    include: ['src-main/**/*.test.ts', 'src-preload/**/*.test.ts', 'scripts/**/*.test.mjs'],
    passWithNoTests: false,
  },
});
