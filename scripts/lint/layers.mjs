// Which part may import which: a file's path says it. The one table that the lint rules are made from.
// `target` must not import anything below `from`, save for `except` (paths relative to `from`).
export const zones = [
  {
    target: './src-preload/contract',
    from: '.',
    except: ['./src-preload/contract', './node_modules'],
    message: 'the contract imports nothing of ours: both sides of the bridge import it',
  },
  {
    target: './src-renderer',
    from: '.',
    except: ['./src-renderer', './src-preload/contract', './node_modules'],
    message: 'the renderer reaches the rest through the preload bridge and its contract only',
  },
  {
    target: './src-renderer/core',
    from: '.',
    except: ['./src-renderer/core', './src-preload/contract', './node_modules'],
    message: 'core holds no React, no DOM and no Electron',
  },
  ...['canvas', 'piano-roll'].map((pane) => ({
    target: `./src-renderer/${pane}`,
    from: './src-renderer',
    except: ['./core', './app', './ui', `./${pane}`],
    message: 'a pane knows core, the shell and the controls, and no other pane',
  })),
  {
    target: './src-main',
    from: './src-renderer',
    message: 'the main process never imports the window',
  },
  {
    target: './src-main/jobs',
    from: '.',
    except: ['./src-main/jobs', './src-preload/contract', './node_modules'],
    message: 'the job queue is a pure state machine over the contract',
  },
  {
    target: './src-main/engine',
    from: '.',
    except: ['./src-main/engine', './src-preload/contract', './node_modules'],
    message: 'the engine wrapper knows the addon and the contract, nothing above it',
  },
  {
    target: './src-main/llama',
    from: '.',
    except: [
      './src-main/llama',
      './src-main/jobs',
      './src-main/library',
      './src-preload/contract',
      './node_modules',
    ],
    message:
      'the language service knows leases, files and the contract; grammars reach it through the contract',
  },
  {
    target: './src-main/gallery',
    from: '.',
    except: ['./src-main/gallery', './src-main/library', './src-preload/contract', './node_modules'],
    message: 'the gallery knows files and the contract',
  },
  {
    target: './src-main/models',
    from: '.',
    except: ['./src-main/models', './src-main/library', './src-preload/contract', './node_modules'],
    message: 'models and downloads know files and the contract; engines reach them as functions',
  },
  {
    target: './src-main/serve',
    from: './src-main/cli',
    message: 'services do not know the command line',
  },
  {
    target: './src-main/services',
    from: './src-main/cli',
    message: 'what the fronts share does not know any of them',
  },
  {
    target: './src-main/midi',
    from: '.',
    except: ['./src-main/midi', './src-preload/contract', './node_modules'],
    message: 'the MIDI wrapper knows the addon and the contract, nothing above it',
  },
  {
    target: './src-main/chat',
    from: '.',
    except: [
      './src-main/chat',
      './src-main/llama',
      './src-main/library',
      './src-preload/contract',
      './node_modules',
    ],
    message: 'what the window asks knows the language service, files and the contract',
  },
  {
    target: './src-main/library',
    from: './src-main/cli',
    message: 'services do not know the command line',
  },
  {
    target: './src-main/!(ipc|window)/**/*',
    from: './src-main/ipc',
    message: 'services do not know the window that asks them',
  },
  {
    target: './src-renderer/ui',
    from: './src-renderer',
    except: ['./ui'],
    message: 'ui/ holds controls that know nothing of the studio',
  },
  {
    target: './src-main/grammar',
    from: '.',
    except: ['./src-main/grammar', './src-main/library/paths.ts', './src-preload/contract', './node_modules'],
    message: 'the grammar wrapper knows the addon, the contract and where files lie, nothing above it',
  },
  {
    target: './src-main/!(engine|midi|grammar)/**/*',
    from: './native',
    message: 'src-main/engine, src-main/midi and src-main/grammar are the only importers of a native binary',
  },
];

// Modules of Node that a folder must not import, as patterns of `no-restricted-imports`.
export const bannedModules = [
  // The later of two entries for a file replaces the earlier one whole.
  {
    files: ['src-renderer/**/*.ts', 'src-renderer/**/*.tsx'],
    patterns: ['node:*', 'electron', 'electron/*'],
    message: 'the renderer reaches the system through the preload bridge only',
  },
  {
    files: ['src-preload/contract/**/*.ts', 'src-main/jobs/**/*.ts', 'src-renderer/core/**/*.ts'],
    patterns: ['node:*', 'electron', 'electron/*', 'react', 'react-dom', 'sharp'],
    message: 'this folder is pure: no system, no window',
  },
  // One rule a file: a folder that is named above has its ban there. Everything else of src-main may name Electron,
  // but its message channels belong to the bridge.
  {
    files: ['src-main/!(jobs)/**/*.ts', 'src-main/*.ts'],
    except: ['src-main/ipc/bridge.ts'],
    patterns: ['electron'],
    names: ['ipcMain', 'ipcRenderer'],
    message: 'messages go through the contract: src-main/ipc/bridge.ts',
  },
];
