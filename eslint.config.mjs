import js from '@eslint/js';
import importX from 'eslint-plugin-import-x';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';
import { bannedModules, zones } from './scripts/lint/layers.mjs';

const node = {
  process: 'readonly',
  console: 'readonly',
  performance: 'readonly',
  URL: 'readonly',
  Buffer: 'readonly',
  fetch: 'readonly',
  AbortController: 'readonly',
  AbortSignal: 'readonly',
};
const timers = {
  setInterval: 'readonly',
  clearInterval: 'readonly',
  setTimeout: 'readonly',
  clearTimeout: 'readonly',
};

export default tseslint.config(
  {
    ignores: [
      'build/',
      'out/',
      'dist/',
      'node_modules/',
      'native/',
      'training/',
      'coverage/',
      'demo-output/',
    ],
  },
  js.configs.recommended,
  {
    files: ['**/*.mjs'],
    languageOptions: { globals: { ...node, ...timers } },
  },
  {
    // Specs hold functions that run in the page.
    files: ['e2e/**/*.mjs', 'bench/studio.mjs', 'bench/soak.mjs', 'scripts/kill-studio.mjs'],
    languageOptions: {
      globals: {
        AnalyserNode: 'readonly',
        AudioContext: 'readonly',
        AudioDestinationNode: 'readonly',
        AudioNode: 'readonly',
        document: 'readonly',
        MessageChannel: 'readonly',
        navigator: 'readonly',
        requestAnimationFrame: 'readonly',
        WheelEvent: 'readonly',
        window: 'readonly',
      },
    },
  },
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    },
  },
  {
    files: ['src-*/**/*.ts', 'src-*/**/*.tsx'],
    plugins: { 'import-x': importX },
    settings: {
      'import-x/resolver-next': [importX.createNodeResolver({ extensions: ['.ts', '.tsx', '.js'] })],
    },
    rules: {
      'import-x/no-restricted-paths': ['error', { basePath: import.meta.dirname, zones }],
      'import-x/no-cycle': 'error',
    },
  },
  { files: ['src-renderer/**/*.tsx'], ...reactHooks.configs.flat['recommended-latest'] },
  ...bannedModules.map(({ files, patterns, message, names, except = [] }) => ({
    files,
    ignores: ['**/*.test.ts', ...except],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: patterns, message, ...(names && { importNames: names }) }] },
      ],
    },
  })),
);
