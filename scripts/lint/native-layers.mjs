// What a native folder may include: Node's headers in the addon alone, and the engine only by its C interface there.
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root } from '../lib/paths.mjs';

export const title = 'native includes';

const rules = [
  {
    below: 'native',
    except: 'native/addon/',
    pattern: /#\s*include\s*[<"](napi|node_api|node|v8|uv|js_native_api)[./h]/,
    why: 'Node belongs in native/addon alone',
  },
  {
    below: 'native',
    except: '',
    pattern: /#\s*include\s*[<"](Python\.h|electron\/)/,
    why: 'no Python and no Electron in native code',
  },
  {
    below: 'native/addon',
    except: '',
    pattern: /#\s*include\s*"(core|format|pipeline|networks|stream|ops|twins|vk)\//,
    why: 'the addon sees the engine through sluice.h only',
  },
  {
    below: 'native/examples',
    except: '',
    only: /\.c$/,
    pattern: /#\s*include\s*"(core|format|pipeline|networks|stream|ops|twins|vk)\//,
    why: 'C programs see the engine through sluice.h only',
  },
];

function sources(folder) {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(c|cpp|cc|h|hpp)$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)));
}

export async function problems() {
  const found = [];
  for (const { below, except, only, pattern, why } of rules) {
    for (const file of sources(below)) {
      if ((except && file.startsWith(except)) || (only && !only.test(file))) continue;
      const lines = readFileSync(join(root, file), 'utf8').split('\n');
      lines.forEach((line, index) => {
        if (pattern.test(line)) found.push(`${file}:${index + 1} ${line.trim()}: ${why}`);
      });
    }
  }
  return found;
}
