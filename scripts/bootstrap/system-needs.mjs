// What is needed of the system: a probe that finds it wherever it came from, and the Debian package that has it.
// Not here: installing (steps/10-system-packages.mjs).
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { which } from '../lib/process.mjs';

const includeDirs = [
  '/usr/include',
  '/usr/local/include',
  `/usr/include/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`,
  ...(process.env.CPATH ?? '').split(':').filter(Boolean),
];
const header = (name) => () => includeDirs.some((dir) => existsSync(join(dir, name)));
const program =
  (...names) =>
  () =>
    names.some((name) => which(name) !== null);

const driverDirs = ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d', '/usr/local/share/vulkan/icd.d'];
const drivers = (pattern) => () =>
  driverDirs.some((dir) => existsSync(dir) && readdirSync(dir).some((name) => pattern.test(name)));
const namedDriver = () => Boolean(process.env.VK_DRIVER_FILES ?? process.env.VK_ICD_FILENAMES);

const libDirs = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/usr/lib64',
  '/usr/lib',
  '/usr/local/lib',
];
const library = (name) => () => libDirs.some((dir) => existsSync(join(dir, name)));

const layerDirs = ['/usr/share/vulkan/explicit_layer.d', '/etc/vulkan/explicit_layer.d'];

// Debian splits ensurepip off from Python; other builds of Python carry it.
function pythonEnvironments() {
  if (which('python3') === null) return false;
  try {
    execFileSync('python3', ['-c', 'import venv, ensurepip'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

// `essential: false`: the programs start without it (plans, models, error messages still work), so its absence
// is told and does not stop anything.
export const needs = [
  { what: 'CMake', debian: 'cmake', purpose: 'run', found: program('cmake') },
  { what: 'make', debian: 'make', purpose: 'run', found: program('make') },
  { what: 'a C++20 compiler', debian: 'g++', purpose: 'run', found: program('c++', 'g++', 'clang++') },
  { what: "Vulkan's headers", debian: 'libvulkan-dev', purpose: 'run', found: header('vulkan/vulkan.h') },
  { what: 'zlib', debian: 'zlib1g-dev', purpose: 'run', found: header('zlib.h') },
  { what: 'xxHash', debian: 'libxxhash-dev', purpose: 'run', found: header('xxhash.h') },
  { what: 'utf8proc', debian: 'libutf8proc-dev', purpose: 'run', found: header('utf8proc.h') },
  { what: 'JSON for C++', debian: 'nlohmann-json3-dev', purpose: 'run', found: header('nlohmann/json.hpp') },
  {
    what: "Vulkan's loader",
    debian: 'libvulkan1',
    purpose: 'run',
    essential: false,
    found: library('libvulkan.so.1'),
  },
  {
    what: 'a Vulkan driver',
    debian: 'mesa-vulkan-drivers',
    purpose: 'run',
    essential: false,
    found: () => namedDriver() || drivers(/\.json$/)(),
  },
  // The studio's window: Electron's libraries, and a screen in memory where there is none.
  { what: 'GTK 3', debian: 'libgtk-3-0', purpose: 'window', found: library('libgtk-3.so.0') },
  { what: 'NSS', debian: 'libnss3', purpose: 'window', found: library('libnss3.so') },
  { what: 'GBM', debian: 'libgbm1', purpose: 'window', found: library('libgbm.so.1') },
  { what: 'ALSA', debian: 'libasound2', purpose: 'window', found: library('libasound.so.2') },
  {
    what: 'Xvfb',
    debian: 'xvfb',
    purpose: 'window',
    essential: !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY,
    found: program('Xvfb'),
  },
  { what: 'unzip', debian: 'unzip', purpose: 'window', essential: false, found: program('unzip') },
  {
    what: 'the CPU Vulkan driver (lavapipe)',
    debian: 'mesa-vulkan-drivers',
    purpose: 'test',
    found: drivers(/^lvp_icd.*\.json$/),
  },
  {
    what: "Vulkan's validation layers",
    debian: 'vulkan-validationlayers',
    purpose: 'test',
    found: () => layerDirs.some((dir) => existsSync(join(dir, 'VkLayer_khronos_validation.json'))),
  },
  // The shaders' compiler is a Python package, in an environment of its own.
  { what: 'Python', debian: 'python3', purpose: 'test', found: program('python3') },
  {
    what: "Python's virtual environments",
    debian: 'python3-venv',
    purpose: 'test',
    found: pythonEnvironments,
  },
  { what: 'doctest', debian: 'doctest-dev', purpose: 'test', found: header('doctest/doctest.h') },
];

export function missing(purpose) {
  return needs.filter(
    (need) => (purpose === 'test' || need.purpose === 'run' || need.purpose === purpose) && !need.found(),
  );
}
