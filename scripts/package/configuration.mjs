// electron-builder's configuration for all systems.
import { join } from 'node:path';
import { nativeBuildDir, root } from '../lib/paths.mjs';

// `inspectable` leaves the inspector's switch as test drivers need it; a release has it off.
export function configuration({ app, electron, out, inspectable }) {
  return {
    appId: 'org.sluice.studio',
    productName: 'Sluice',
    executableName: 'sluice',
    copyright: 'MIT licence',
    directories: { app, output: out, buildResources: join(root, 'scripts', 'package', 'icons') },
    ...(electron === null ? {} : { electronDist: electron.folder, electronVersion: electron.version }),
    npmRebuild: false, // Node-API addons fit every runtime
    nodeGypRebuild: false,
    asar: true,
    // Libraries that the system's loader opens have to be files.
    asarUnpack: ['**/node_modules/sharp/**', '**/node_modules/@img/**'],
    files: ['**/*'],
    // What is not JavaScript lies beside the archive in the shape of the source tree, so that it is found alike.
    extraResources: [
      { from: join(root, 'resources'), to: 'resources' },
      { from: join(root, 'package.json'), to: 'package.json' },
      { from: join(nativeBuildDir, 'addon', 'sluice.node'), to: 'build/native/addon/sluice.node' },
      { from: join(root, 'LICENSE'), to: 'licences/LICENSE' },
      { from: join(app, 'licences'), to: 'licences' },
    ],
    electronFuses: {
      runAsNode: false,
      enableNodeOptionsEnvironmentVariable: false,
      enableNodeCliInspectArguments: inspectable,
      grantFileProtocolExtraPrivileges: false,
      onlyLoadAppFromAsar: true,
      enableEmbeddedAsarIntegrityValidation: process.platform !== 'linux', // Electron checks it on the other two
      loadBrowserProcessSpecificV8Snapshot: false,
      enableCookieEncryption: false, // there are no cookies
    },
    fileAssociations: [
      {
        ext: 'sluice',
        name: 'Sluice project',
        description: 'Pictures, tunes and conversations of one project',
        mimeType: 'application/x-sluice',
        role: 'Editor',
      },
    ],
    linux: {
      category: 'Graphics',
      synopsis: 'A studio for pictures, tunes and words on your own machine',
      description:
        'Draw and it paints, write notes and it plays them, ask and it answers: all on your own machine.',
      maintainer: 'The Sluice authors <sluice@localhost>',
      executableArgs: [],
    },
    deb: {
      depends: ['libgtk-3-0', 'libnss3', 'libasound2', 'libgbm1', 'libvulkan1', 'zlib1g'],
      priority: 'optional',
    },
    win: { signExecutable: false },
    nsis: {
      oneClick: false,
      perMachine: false,
      allowToChangeInstallationDirectory: true,
      deleteAppDataOnUninstall: false,
    },
    mac: { category: 'public.app-category.graphics-design', hardenedRuntime: true, identity: null },
    compression: 'normal',
  };
}
