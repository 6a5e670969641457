import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Tests against a real llama-server have a suite of their own.
    include: process.env['SLUICE_REAL_SERVER']
      ? ['src-main/**/*.real-test.ts']
      : ['src-*/**/*.test.ts', 'scripts/**/*.test.mjs'],
    passWithNoTests: false,
  },
});
