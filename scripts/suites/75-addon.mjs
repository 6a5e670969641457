// The addon's own promises: wrong arguments throw and never crash, jobs leave the event loop free, a cancel and a
// close in the middle of a job end it as such.
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nativeBuildDir, root } from '../lib/paths.mjs';
import { writeSeededFolder } from '../lib/seeded.mjs';

export const name = 'addon';

const image = (width, height, channels = 3) => ({
  width,
  height,
  pixels: new Uint8Array(width * height * channels),
});

function makeJob(model, changes = {}) {
  return {
    model,
    vae: null,
    prompt: 'a cat',
    negative: '',
    width: 64,
    height: 64,
    steps: 2,
    cfg: 7.5,
    sampler: 'euler',
    schedule: 'normal',
    seed: 1,
    count: 1,
    clipSkip: 1,
    promptSyntax: 'literal',
    loras: [],
    vaeTiling: false,
    controls: [],
    init: null,
    mask: null,
    strength: 0.75,
    latents: null,
    previewEvery: 0,
    trace: null,
    budgetBytes: 0,
    precision: 'auto',
    ...changes,
  };
}

async function outcome(start) {
  try {
    return { value: await start() };
  } catch (error) {
    return { error };
  }
}

async function checkArguments(check, context, model) {
  const control = { model, hint: image(64, 64), strength: 1, start: 0, end: 1 };
  const wrong = [
    ['no job', undefined, TypeError],
    ['a number as prompt', makeJob(model, { prompt: 3 }), TypeError],
    ['a prompt with the character 0', makeJob(model, { prompt: 'a\0b' }), RangeError],
    ['no model', makeJob(undefined), TypeError],
    ['a fraction of a step', makeJob(model, { steps: 1.5 }), RangeError],
    ['negative steps', makeJob(model, { steps: -1 }), RangeError],
    ['cfg not a number', makeJob(model, { cfg: NaN }), RangeError],
    ['a seed beyond exact integers', makeJob(model, { seed: 2 ** 60 }), RangeError],
    ['an unknown precision', makeJob(model, { precision: 'fp8' }), RangeError],
    ['controls that are no array', makeJob(model, { controls: {} }), TypeError],
    [
      'a hint without pixels',
      makeJob(model, { controls: [{ ...control, hint: { width: 64, height: 64 } }] }),
      TypeError,
    ],
    ['a hint of another size', makeJob(model, { controls: [{ ...control, hint: image(8, 8) }] }), RangeError],
    ['too few pixels', makeJob(model, { init: { ...image(64, 64), pixels: new Uint8Array(9) } }), RangeError],
    [
      'pixels as floats',
      makeJob(model, { init: { ...image(64, 64), pixels: new Float32Array(9) } }),
      TypeError,
    ],
    ['a mask of three channels', makeJob(model, { init: image(64, 64), mask: image(64, 64, 3) }), RangeError],
    ['latents of another size', makeJob(model, { latents: new Float32Array(5) }), RangeError],
    ['latents as doubles', makeJob(model, { latents: new Float64Array(256) }), TypeError],
  ];
  for (const [what, job, kind] of wrong) {
    const { error } = await outcome(async () => context.paint(job, () => {}));
    check(`refused: ${what}`, error instanceof kind, String(error));
  }
}

async function checkJobs(check, addon, options, model) {
  const context = await addon.openContext(options);
  await checkArguments(check, context, model);

  let ticks = 0;
  const ticking = setInterval(() => ticks++, 5);
  const events = [];
  const painted = await outcome(() =>
    context.paint(makeJob(model, { previewEvery: 1 }), (event) => events.push(event)),
  );
  clearInterval(ticking);
  const { value } = painted;
  if (!check('a job paints', value !== undefined, String(painted.error))) return;
  check('the event loop goes on meanwhile', ticks > 3, `${ticks} ticks`);
  check(
    'pixels and latents have their sizes',
    value.images[0].pixels.length === 64 * 64 * 3 && value.latents[0].length === 256,
  );
  const previews = events.filter((event) => event.type === 'preview');
  check('previews are an eighth in size', previews.length === 2 && previews[0].pixels.length === 8 * 8 * 3);

  const long = makeJob(model, { width: 512, height: 512, steps: 500 });
  const begun = (job) =>
    new Promise((resolve) => {
      const done = outcome(() =>
        context.paint(job, (event) => event.stage === 'sample' && resolve({ done })),
      );
      void done.then(() => resolve({ done }));
    });
  const first = await begun(long);
  const second = outcome(() => context.paint(makeJob(model), () => {}));
  context.cancel();
  const codes = [(await first.done).error?.code, (await second).error?.code];
  check('cancel ends what runs and what waits', String(codes) === 'cancelled,cancelled', String(codes));
  const after = await outcome(() => context.paint(makeJob(model), () => {}));
  check('the next job is fine', after.value !== undefined, String(after.error));
  const same = Buffer.compare(
    Buffer.from(after.value?.images[0].pixels ?? []),
    Buffer.from(value.images[0].pixels),
  );
  check('and paints the same picture', same === 0);

  const roomy = makeJob(model, { budgetBytes: 2 ** 30 });
  const sent = [];
  for (const trims of [false, false, true]) {
    if (trims) await context.trim();
    const { value: kept, error } = await outcome(() => context.paint(roomy, () => {}));
    sent.push(kept?.figures.uploadedBytes ?? String(error));
  }
  check('a warm context sends weights once', sent[0] > 0 && sent[1] === 0, sent.join());
  check('trim gives them back', sent[2] === sent[0], sent.join());

  const third = await begun(long);
  await context.close();
  check('close ends the job', (await third.done).error?.code === 'cancelled');
  const closed = await outcome(() => context.paint(makeJob(model), () => {}));
  check('a closed context says so', closed.error?.code !== undefined, String(closed.error ?? closed.value));
}

// Grammars: wrong arguments throw, and what the addon made stays valid when nothing else holds it.
async function checkGrammars(check, addon) {
  const request = { kind: 'gbnf', text: 'root ::= "a"+', lenient: false };
  for (const [what, argument, kind] of [
    ['nothing', undefined, TypeError],
    ['an unknown kind', { ...request, kind: 'bnf' }, RangeError],
    ['a text that is none', { ...request, text: 3 }, TypeError],
    ['lenient as a word', { ...request, lenient: 'yes' }, TypeError],
  ]) {
    const { error } = await outcome(async () => addon.compileGrammar(argument));
    check(`compileGrammar refuses ${what}`, error instanceof kind, String(error));
  }
  const { grammar } = await addon.compileGrammar(request);
  const { constructor } = grammar;
  for (const [what, call] of [
    ['a Grammar made by hand', () => new constructor()],
    ['a foreign receiver', () => grammar.judge.call({}, 'a')],
    ['judging a number', () => grammar.judge(3)],
    ['a Matcher made by hand', () => new (grammar.matcher().constructor)({})],
    ['more examples than there is room for', () => grammar.explain({ examples: 1e9, seed: 1 })],
  ]) {
    const { error } = await outcome(async () => call());
    check(`refused: ${what}`, error instanceof Error, String(error));
  }
  const matcher = (await addon.compileGrammar(request)).grammar.matcher();
  await Promise.all(Array.from({ length: 200 }, () => addon.compileGrammar(request)));
  check('a matcher outlives its grammar', JSON.parse(matcher.push('aaa').report).complete === true);
}

export async function run(check) {
  const addon = createRequire(import.meta.url)(join(nativeBuildDir, 'addon', 'sluice.node'));
  const place = mkdtempSync(join(tmpdir(), 'sluice-addon-'));
  const paths = { cacheDir: join(place, 'cache'), resourceDir: join(root, 'resources') };
  const options = { device: 'auto', keepWarm: true, ...paths };
  try {
    const model = await writeSeededFolder('tiny', join(place, 'tiny'));
    for (const [what, argument] of [
      ['nothing', undefined],
      ['a number', 3],
      ['a device that is no text', { ...options, device: 3 }],
    ]) {
      const { error } = await outcome(async () => addon.openContext(argument));
      check(`openContext refuses ${what}`, error instanceof TypeError, String(error));
    }
    await checkGrammars(check, addon);
    const unknown = await outcome(() => addon.openContext({ ...options, device: 'nosuch' }));
    check('an unknown device is told with status 4', unknown.error?.status === 4, String(unknown.error));
    await checkJobs(check, addon, options, model);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
