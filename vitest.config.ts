import { defineConfig } from 'vitest/config';

// Tests against a real llama-server have suites of their own: "ask", and "plain-server" for one without llguidance.
const server = process.env['SLUICE_REAL_SERVER'];

export default defineConfig({
  test: {
    include:
      server === 'plain'
        ? ['src-main/**/*.plain-test.ts', 'src-main/cli/ask-grammars.real-test.ts']
        : server
          ? ['src-main/**/*.real-test.ts']
          : ['src-*/**/*.test.ts', 'scripts/**/*.test.mjs'],
    passWithNoTests: false,
  },
});
