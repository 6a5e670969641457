// The command line from outside, on the CPU Vulkan driver and a tiny model with random weights: results, figures,
// exit statuses, JSON purity, cancelling, and every kind of bad input.
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  existsSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { writeBadModels } from '../lib/bad-models.mjs';
import { show, sluice, sluicePlain } from '../lib/cli.mjs';
import { root } from '../lib/paths.mjs';
import { sideBySide } from '../lib/pool.mjs';
import { capture } from '../lib/process.mjs';
import { writeSeededFile, writeSeededFolder } from '../lib/seeded.mjs';

export const name = 'cli';

const digest = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');

async function writePicture(path, width, height) {
  const { default: sharp } = await import('sharp');
  const circle = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <rect width="100%" height="100%" fill="black"/>
    <circle cx="50%" cy="50%" r="30%" fill="none" stroke="white" stroke-width="3"/></svg>`;
  await sharp(Buffer.from(circle)).flatten().png().toFile(path);
}

async function makePlace() {
  const place = mkdtempSync(join(tmpdir(), 'sluice-cli-'));
  const at = (name) => join(place, name);
  await writeSeededFolder('tiny', at('tiny'));
  await writeSeededFile('classic', at('classic.safetensors'));
  await writePicture(at('drawing.png'), 64, 64);
  await writePicture(at('wide.png'), 100, 40);
  writeFileSync(at('no-picture.png'), 'this is no picture');
  mkdirSync(at('out'));
  const env = { XDG_CACHE_HOME: at('cache'), XDG_DATA_HOME: at('data'), SLUICE_MODELS: '' };
  return { place, at, env };
}

const required = [
  ...[
    'out',
    'seconds',
    'load_seconds',
    'encode_seconds',
    'step_seconds',
    'decode_seconds',
    'peak_device_bytes',
  ],
  ...[
    'driver_peak_bytes',
    'in_place_bytes',
    'peak_rss_bytes',
    'budget_bytes',
    'uploaded_bytes',
    'device',
    'model',
  ],
  'seed',
];

async function checkPainting(check, { at, env }) {
  const base = [
    'paint',
    '--prompt',
    'a cat',
    '--model',
    at('tiny'),
    '--size',
    '64x64',
    '--steps',
    '2',
    '--seed',
    '7',
  ];
  const paint = (out, ...more) => sluice([...base, '--out', at(`out/${out}`), ...more], { env });

  const first = await paint('first.png', '--save-latents', at('out/first.safetensors'));
  const ok = check('paint makes a picture', first.code === 0 && existsSync(at('out/first.png')), show(first));
  if (!ok) return; // everything below would only repeat this
  const missing = required.filter((key) => !(key in first.last));
  check('done carries every figure', missing.length === 0, `missing: ${missing.join(', ')}`);
  check('one entry of step_seconds for each step', first.last.step_seconds.length === 2, show(first));
  const progress = first.events.filter((event) => event.event === 'progress');
  const shaped = progress.every((e) => ['stage', 'step', 'steps', 'seconds'].every((key) => key in e));
  check('progress is told', progress.length > 2 && shaped, show(first));

  const { default: sharp } = await import('sharp');
  const meta = await sharp(at('out/first.png')).metadata();
  check('the picture has the size asked for', meta.width === 64 && meta.height === 64);
  const png = readFileSync(at('out/first.png')).toString('latin1');
  check(
    'the picture carries A1111 parameters and the job',
    /tEXtparameters\0a cat\n/.test(png) && png.includes('sluice\0'),
  );

  const again = await paint('again.png');
  check(
    'the same seed gives the same bytes',
    digest(at('out/again.png')) === digest(at('out/first.png')),
    show(again),
  );
  const other = await paint('other.png', '--seed', '8');
  check(
    'another seed gives another picture',
    digest(at('out/other.png')) !== digest(at('out/first.png')),
    show(other),
  );

  const tooSmall = await paint('none.png', '--vram', '0.25');
  const mib = /--vram (\d+)/.exec(tooSmall.last?.hint ?? '')?.[1];
  if (check('a budget that is too small names the smallest', tooSmall.code === 4 && mib, show(tooSmall))) {
    const small = await paint('small.png', '--vram', mib, '--save-latents', at('out/small.safetensors'));
    const inBudget = small.last?.peak_device_bytes <= small.last?.budget_bytes;
    check(`which is enough (${mib} MiB)`, small.code === 0 && inBudget, show(small));
    const same =
      existsSync(at('out/small.png')) && digest(at('out/small.png')) === digest(at('out/first.png'));
    const latents = same && digest(at('out/small.safetensors')) === digest(at('out/first.safetensors'));
    check('and gives the same bytes', latents, show(small));
  }
  for (const budget of [['--vram', '1'], ['--vram', '3'], []]) {
    const painted = await paint('peak.png', ...budget);
    const question = ['plan', '--model', at('tiny'), '--size', '64x64', '--device', 'auto', ...budget];
    const planned = await sluice(question, { env });
    const [peak, predicted] = [painted.last?.peak_device_bytes, planned.last?.peak_device_bytes];
    const told = `${predicted} planned, ${painted.last?.predicted_peak_bytes} by the run, ${peak} measured`;
    check(
      `plan ${budget.join(' ')}: the predicted peak is the measured one within 1%`,
      Math.abs(peak / predicted - 1) <= 0.01,
      told,
    );
  }

  const two = await paint('pair.png', '--count', '2');
  const names = [at('out/pair-1.png'), at('out/pair-2.png')];
  const named =
    two.code === 0 && String(two.last.out) === String(names) && names.every((path) => existsSync(path));
  check('--count names the files', named, show(two));
  check('picture k of a batch uses seed + k', named && (await samePixels(names[1], at('out/other.png'))));

  const control = ['--control', `circle=${at('wide.png')},model=${at('tiny/controlnet')},strength=0.9`];
  const steered = await paint('steered.png', ...control);
  check(
    'a ControlNet steers',
    steered.code === 0 && !(await samePixels(at('out/steered.png'), at('out/first.png'))),
    show(steered),
  );
  check(
    'a control image of another size is stretched, and that is said',
    /stretched/.test(steered.stderr),
    show(steered),
  );

  const repaint = await paint(
    'repaint.png',
    '--init',
    at('drawing.png'),
    '--strength',
    '0.6',
    '--mask',
    at('drawing.png'),
  );
  check(
    'image to image with a mask',
    repaint.code === 0 && repaint.last.step_seconds.length === 1,
    show(repaint),
  );

  const unicode = await paint('unicode.png', '--prompt', 'кот 猫');
  const inText = readFileSync(at('out/unicode.png')).includes(Buffer.from('iTXtparameters\0\0\0\0\0кот 猫'));
  check('a prompt in any script is kept in the picture', unicode.code === 0 && inText, show(unicode));

  const single = await sluice(
    [
      'paint',
      '--prompt',
      'a',
      '--model',
      at('classic.safetensors'),
      '--size',
      '64x64',
      '--steps',
      '1',
      '--out',
      at('out/single.png'),
    ],
    { env },
  );
  check('a single file in the original layout paints', single.code === 0, show(single));

  const old = await paint('old.png', '--sampler', 'DPM++ 2M Karras');
  const apart = await paint('apart.png', '--sampler', 'dpmpp_2m', '--schedule', 'karras');
  const alike = old.code === 0 && digest(at('out/old.png')) === digest(at('out/apart.png'));
  check("a schedule at the end of a sampler's name counts", alike, show(old.code === 0 ? apart : old));

  const plain = await sluicePlain([...base, '--out', at('out/plain.png')], { env });
  check(
    'without --json: lines for people',
    plain.code === 0 && plain.stdout.includes('plain.png'),
    show(plain),
  );
}

async function samePixels(a, b) {
  const { default: sharp } = await import('sharp');
  const [x, y] = await Promise.all([a, b].map((path) => sharp(path).raw().toBuffer()));
  return x.equals(y);
}

async function checkCancel(check, { at, env }) {
  mkdirSync(at('cancelled'));
  const args = ['--prompt', 'a cat', '--model', at('tiny'), '--size', '512x512', '--steps', '200'];
  const result = await sluice(['paint', ...args, '--out', at('cancelled/never.png')], {
    env,
    signalAfter: { signal: 'SIGINT', when: (stdout) => stdout.includes('"stage":"sample"') },
  });
  check('Ctrl-C ends with status 130', result.code === 130 && result.last?.event === 'error', show(result));
  check(
    'within two seconds',
    result.secondsAfterSignal !== null && result.secondsAfterSignal < 2,
    `${result.secondsAfterSignal} s`,
  );
  const left = readdirSync(at('cancelled'));
  check('and leaves no file', left.length === 0, left.join(', '));
}

async function checkQueries(check, { at, env }) {
  const told = await sluice(['--version'], { env });
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  check('--version', told.code === 0 && told.last?.version === version, show(told));

  const devices = await sluice(['devices'], { env });
  const [device] = devices.last?.devices ?? [];
  check(
    'devices lists the CPU device',
    devices.code === 0 && /llvmpipe/i.test(device?.name ?? ''),
    show(devices),
  );

  const tokens = await sluice(['probe', 'tokenizer', '--text', 'a photo of a cat'], { env });
  const ids = [49406, 320, 1125, 539, 320, 2368, 49407];
  check(
    'probe tokenizer',
    String(tokens.last?.ids?.slice(0, 7)) === String(ids) && tokens.last.ids.length === 77,
    show(tokens),
  );

  const sd15 = ['plan', '--model', 'sd15', '--size', '512x512', '--vram', '256', '--control', 'canny'];
  const plan = await sluice(sd15, {
    env: { ...env, VK_DRIVER_FILES: '/nonexistent.json', VK_ICD_FILENAMES: '/nonexistent.json' },
  });
  const fields = [
    'peak_device_bytes',
    'smallest_budget_bytes',
    'step_seconds',
    'uploaded_bytes_per_step',
    'blocks',
  ];
  const planned =
    plan.code === 0 &&
    fields.every((key) => key in plan.last) &&
    plan.last.peak_device_bytes <= 256 * 1048576;
  check('SD 1.5 with a ControlNet is planned into 256 MiB without a device', planned, show(plan));

  // The blocks are more than a pipe holds.
  const piped = await capture('sh', ['-c', './sluice plan --model sd15 --json | head -c 1'], {
    cwd: root,
    env,
  });
  check('a reader that goes away is no fault', piped.stdout === '{' && piped.stderr === '', show(piped));

  const userModels = { ...env, SLUICE_MODELS: at('.') };
  const models = await sluice(['models'], { env: userModels });
  const found = models.last?.models?.find((model) => model.name === 'tiny');
  check(
    'models lists what is in the named folder',
    models.code === 0 && found?.kind === 'pipeline',
    show(models),
  );
  const verified = await sluice(['models', 'verify', 'tiny'], { env: userModels });
  check('models verify reads a good one', verified.code === 0, show(verified));
}

async function checkUsage(check, { at, env }) {
  const prompt = ['--prompt', 'a'];
  const tiny = [...prompt, '--model', at('tiny')];
  const alike = ['--model', at('tiny'), '--prompt-syntax', 'a1111'];
  const table = [
    [[], /command/],
    [['fly'], /fly/],
    [['paint'], /--prompt/],
    [['paint', ...prompt, '--speed', '3'], /--speed/],
    [['paint', ...tiny, '--size', 'large'], /large/],
    [['paint', ...tiny, '--steps', 'many'], /many/],
    [['paint', ...tiny, '--cfg', 'x'], /--cfg/],
    [['paint', ...tiny, '--precision', 'fp8'], /fp8/],
    [['paint', ...tiny, '--sampler', 'nosuch', '--size', '64x64'], /nosuch[\s\S]*euler/],
    [['paint', ...tiny, '--schedule', 'nosuch', '--size', '64x64'], /nosuch/],
    [['paint', ...tiny, '--sampler', 'ddim', '--schedule', 'karras', '--size', '64x64'], /karras/],
    [['paint', ...tiny, '--control', 'circle'], /KIND=IMAGE/],
    [['paint', ...tiny, '--control', `circle=${at('drawing.png')}`], /circle/],
    [
      [
        'paint',
        ...tiny,
        '--control',
        `a=${at('drawing.png')},model=${at('tiny/controlnet')},preprocess=canny`,
      ],
      /canny/,
    ],
    [['paint', ...tiny, '--mask', at('drawing.png')], /--init/],
    [['paint', ...tiny, '--lora', 'fur'], /no LoRA named "fur"/],
    [['paint', ...tiny, '--lora', 'fur,99'], /-10 to 10/],
    [['paint', ...tiny, '--embedding', 'x.pt'], /not there yet/],
    [['paint', ...tiny, '--weights', 'q8'], /not there yet/],
    [['paint', ...tiny, '--prompt-syntax', 'krita'], /literal or a1111/],
    [['paint', ...alike, '--prompt', 'a [cat|dog]'], /\[cat\|dog\][\s\S]*not there yet/],
    [['paint', ...alike, '--prompt', 'a', '--negative', '<lora:fur:1>'], /<lora:fur:1>/],
    [['paint', ...alike, '--prompt', 'a <lora:fur:1>'], /no LoRA named "fur"/],
    [['paint', ...tiny, '--out', at('out/x.jpg')], /\.png/],
    [['paint', ...prompt, '--model', 'nosuch'], /nosuch/],
    // A flag's value is looked at before any model is.
    [['paint', ...prompt, '--model', 'nosuch', '--sampler', 'swift'], /swift[\s\S]*euler/],
    [['paint', ...prompt, '--model', 'nosuch', '--steps', 'few'], /few/],
    [['plan', '--model', 'nosuch', '--precision', 'fp8'], /fp8/],
    [['probe', 'unet', '--model', 'nosuch', '--in', 'x', '--out', 'y', '--vram', 'much'], /much/],
    [['probe', 'nosuch', '--model', at('tiny')], /nosuch/],
    [['probe', 'unet', '--model', at('tiny')], /--out|--in/],
    [['models', 'sell'], /sell/],
  ];
  await sideBySide(table, ([args, message]) => refuses(check, args, 2, message, env));
}

async function refuses(
  check,
  args,
  status,
  message,
  env,
  title = `${args.slice(0, 1)} ${args.slice(-2).join(' ')}`,
) {
  const result = await sluice(args, { env });
  const text = `${result.last?.message}\n${result.last?.hint}`;
  const told = result.last?.event === 'error' && /^[a-z0-9-]+$/.test(result.last.code) && message.test(text);
  check(`status ${status}: ${title}`, result.code === status && told, show(result));
}

async function checkBadInput(check, { at, env }) {
  const good = readFileSync(at('classic.safetensors'));
  const proof = at('code-was-run');
  mkdirSync(at('bad'));
  const tiny = [
    '--prompt',
    'a',
    '--model',
    at('tiny'),
    '--size',
    '64x64',
    '--steps',
    '1',
    '--out',
    at('out/bad.png'),
  ];
  const bad = (args, message, title) => refuses(check, ['paint', ...tiny, ...args], 3, message, env, title);

  await sideBySide(writeBadModels(at('bad'), good, proof), async ([what, path]) => {
    const named = new RegExp(`${basename(path)}: [^]*\\n\\S`); // the file, what is wrong, and what to do
    await bad(['--model', path], named, `model: ${what}`);
    await refuses(check, ['models', 'verify', path], 3, named, env, `models verify: ${what}`);
  });
  check('no code of a model file was run', !existsSync(proof));
  await bad(['--model', at('missing.safetensors')], /missing\.safetensors/, 'model: missing');
  await bad(['--model', at('tiny/controlnet')], /./, 'model: a ControlNet in place of a pipeline');
  await bad(
    ['--control', `c=${at('drawing.png')},model=${at('tiny/unet')}`],
    /./,
    'ControlNet: a UNet in its place',
  );
  await bad(['--lora', at('missing.safetensors')], /missing\.safetensors/, 'LoRA: missing');
  await bad(['--lora', at('drawing.png')], /drawing\.png/, 'LoRA: a picture');
  await bad(
    ['--lora', at('classic.safetensors')],
    /classic\.safetensors: expected a LoRA[^]*found Stable Diffusion 1\.x checkpoint/,
    'LoRA: a checkpoint in its place',
  );
  await bad(['--size', '100x100'], /multiples of 8/, 'size: no multiple of 8');
  await bad(['--size', '0x64'], /multiples of 8/, 'size: zero');
  await bad(['--steps', '0'], /--steps/, 'no steps');
  await bad(
    ['--control', `c=${at('no-picture.png')},model=${at('tiny/controlnet')}`],
    /no-picture/,
    'control: no picture',
  );
  await bad(
    ['--control', `c=${at('nothing.png')},model=${at('tiny/controlnet')}`],
    /nothing\.png/,
    'control: missing',
  );
  await bad(['--init', at('no-picture.png'), '--steps', '2'], /no-picture/, 'init: no picture');
  await bad(['--latents', at('no-picture.png')], /no-picture/, 'latents: no safetensors');
  await bad(
    ['--latents', at('tiny/unet/diffusion_pytorch_model.safetensors')],
    /latents/,
    'latents: not in the file',
  );
  await bad(['--out', at('nowhere/x.png')], /nowhere/, 'output: folder missing');
  await bad(['--out', at('no-picture.png/x.png')], /no-picture/, 'output: folder is a file');
  check('no output was left behind', !existsSync(at('out/bad.png')));
}

async function checkDevices(check, { at, env }) {
  const tiny = [
    'paint',
    '--prompt',
    'a',
    '--model',
    at('tiny'),
    '--size',
    '64x64',
    '--steps',
    '1',
    '--out',
    at('out/d.png'),
  ];
  await refuses(check, [...tiny, '--device', 'nosuch'], 4, /nosuch/, env, 'no such device');
  await refuses(
    check,
    [...tiny, '--vram', '0.25'],
    4,
    /\d+(\.\d+)? MiB/,
    env,
    'a budget that is too small, the smallest named',
  );
  await refuses(
    check,
    ['plan', '--model', at('tiny'), '--vram', '0.25'],
    4,
    /\d+(\.\d+)? MiB/,
    env,
    'a plan of such a budget',
  );
  const none = { ...env, VK_DRIVER_FILES: '/nonexistent.json', VK_ICD_FILENAMES: '/nonexistent.json' };
  await refuses(check, tiny, 4, /mesa-vulkan-drivers/, none, 'no Vulkan device, what to install named');
  await refuses(check, ['devices'], 4, /mesa-vulkan-drivers/, none, 'devices without any');
}

// A disk that is too small for the picture, where the system lets us make one; files.test.ts covers it everywhere.
async function checkFullDisk(check, { at, env }) {
  mkdirSync(at('small-disk'));
  const mounted = await capture('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', at('small-disk')]).catch(
    () => ({ code: 1 }),
  );
  if (mounted.code !== 0) {
    check.note('a full disk could not be made here; the unit tests cover it');
    return;
  }
  try {
    const args = ['paint', '--prompt', 'a', '--model', at('tiny'), '--size', '128x128', '--steps', '1'];
    await refuses(check, [...args, '--out', at('small-disk/x.png')], 3, /full/, env, 'a full disk');
    const left = readdirSync(at('small-disk'));
    check('a full disk is left as it was', left.length === 0, left.join(', '));
  } finally {
    await capture('umount', [at('small-disk')]);
  }
}

export async function run(check) {
  const place = await makePlace();
  try {
    await checkUsage(check, place);
    await checkQueries(check, place);
    await checkPainting(check, place);
    await checkBadInput(check, place);
    await checkDevices(check, place);
    await checkFullDisk(check, place);
    await checkCancel(check, place);
  } finally {
    rmSync(place.place, { recursive: true, force: true });
  }
}
