// npm run package [-- TARGET...]: an installable studio of what is built here, in dist/. Targets on Linux: dir, tar.gz,
// deb, AppImage; on Windows: nsis, zip; on a Mac: dmg, zip. Without any: those of this system.
// --try starts the unpacked program on a screen in memory, paints the example and checks what it is made of.
import { prepareOrExit } from './bootstrap/index.mjs';

await prepareOrExit('window');
const { packageStudio } = await import('./package/index.mjs');
const args = process.argv.slice(2);
const targets = args.filter((arg) => !arg.startsWith('-'));
process.exitCode = await packageStudio({ targets, tryIt: args.includes('--try') });
