// Pictures over HTTP, as clients of A1111's interface ask for them: what comes is what the command line paints; progress,
// interruption, and what is refused.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { sluice } from '../lib/cli.mjs';
import { serving } from '../lib/serving.mjs';

export const name = 'pictures';

const drawing = (draw) =>
  sharp(Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">${draw}</svg>`))
    .flatten({ background: '#000' })
    .png()
    .toBuffer()
    .then((png) => png.toString('base64'));

const small = { prompt: 'a red fish', width: 64, height: 64, steps: 2, seed: 3, cfg_scale: 7 };

function client(url, token) {
  const send = async (method, path, body, more = {}) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      ...more,
    });
    return { status: response.status, body: await response.json() };
  };
  return {
    get: (path) => send('GET', path),
    post: (path, body, more) => send('POST', path, body, more),
  };
}

async function checkLists(check, { get }) {
  const models = await get('/sdapi/v1/sd-models');
  check('the embedded model is listed', models.body[0]?.title === 'icons-256', JSON.stringify(models));
  const samplers = await get('/sdapi/v1/samplers');
  const named = samplers.body.some(
    ({ name: shown, aliases }) => shown === 'Euler a' && aliases[0] === 'euler_a',
  );
  check('samplers are listed by the names that clients show', named, JSON.stringify(samplers));
  const schedulers = await get('/sdapi/v1/schedulers');
  check(
    'schedules too',
    schedulers.body.some(({ name: known }) => known === 'karras'),
    JSON.stringify(schedulers),
  );
  const options = await get('/sdapi/v1/options');
  check('options tell the model', options.body.sd_model_checkpoint === 'icons-256', JSON.stringify(options));
  const units = await get('/controlnet/model_list');
  check('ControlNets are listed', units.body.model_list.length > 0, JSON.stringify(units));
  const idle = await get('/sdapi/v1/progress');
  check(
    'nothing runs yet',
    idle.body.progress === 0 && idle.body.state.job_count === 0,
    JSON.stringify(idle),
  );
}

async function checkPictures(check, { post }, place) {
  const out = join(place, 'fish.png');
  const args = [
    '--prompt',
    small.prompt,
    '--size',
    '64x64',
    '--steps',
    '2',
    '--seed',
    '3',
    '--cfg',
    '7',
    '--prompt-syntax',
    'a1111',
  ];
  const painted = await sluice(['paint', ...args, '--out', out]);
  check('the command line paints', painted.code === 0, painted.stderr);
  const answer = await post('/sdapi/v1/txt2img', { ...small, sampler_name: 'Euler', scheduler: 'Automatic' });
  const [image = ''] = answer.body.images ?? [];
  const same = Buffer.from(image, 'base64').equals(readFileSync(out));
  check('txt2img: the same file as from the command line', same, JSON.stringify(answer.body).slice(0, 500));
  const info = JSON.parse(answer.body.info ?? '{}');
  check(
    'info carries seed and text',
    info.seed === 3 && info.infotexts?.[0]?.startsWith('a red fish\n'),
    answer.body.info,
  );
  const told = await post('/sdapi/v1/png-info', { image: `data:image/png;base64,${image}` });
  check('png-info reads it back', told.body.info === info.infotexts?.[0], JSON.stringify(told));

  const scribble = await drawing(
    '<circle cx="32" cy="32" r="20" fill="none" stroke="#fff" stroke-width="3"/>',
  );
  const mask = await drawing('<rect x="0" y="0" width="32" height="64" fill="#fff"/>');
  const unit = {
    image: scribble,
    model: 'controlnet-scribble',
    module: 'none',
    weight: 0.9,
    guidance_end: 0.8,
  };
  const steered = await post('/sdapi/v1/txt2img', {
    ...small,
    batch_size: 2,
    sampler_index: 'DPM++ 2M Karras',
    alwayson_scripts: { controlnet: { args: [unit, { enabled: false }] } },
  });
  const both = steered.body.images ?? [];
  const text = JSON.parse(steered.body.info ?? '{}').infotexts?.[1] ?? '';
  const right = both.length === 2 && both[0] !== image && /ControlNet 0.*scribble.*Weight: 0.9/.test(text);
  check(
    'a ControlNet unit, two pictures',
    right && /Schedule type: Karras/.test(text),
    JSON.stringify(steered.body.info ?? steered),
  );
  const repainted = await post('/sdapi/v1/img2img', {
    ...small,
    init_images: [`data:image/png;base64,${image}`],
    mask,
    denoising_strength: 0.9,
    mask_blur: 4,
  });
  const pixels = async (png) => sharp(Buffer.from(png, 'base64')).removeAlpha().raw().toBuffer();
  const [before, after] = [await pixels(image), await pixels(repainted.body.images?.[0] ?? image)];
  const kept = Array.from({ length: 64 * 64 }, (_, at) => at).filter((at) => at % 64 >= 32);
  const untouched = kept.every((at) => [0, 1, 2].every((c) => before[at * 3 + c] === after[at * 3 + c]));
  check(
    'img2img: what the mask leaves out is untouched, the rest is not',
    untouched && !before.equals(after),
  );
  const passed = JSON.parse(repainted.body.info ?? '{}').passed_over;
  check(
    'what is left out of account is told',
    JSON.stringify(passed) === '["mask_blur"]',
    JSON.stringify(repainted.body.info),
  );
}

async function checkInterruption(check, { get, post }) {
  const long = { ...small, steps: 900 };
  const until = async (holds) => {
    for (let tries = 0; tries < 400; tries++) {
      const { body } = await get('/sdapi/v1/progress');
      if (holds(body)) return body;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return null;
  };
  const running = post('/sdapi/v1/txt2img', long);
  const seen = await until(({ state, current_image }) => state.sampling_step > 1 && current_image !== null);
  const told = seen !== null && seen.progress > 0 && seen.progress < 1 && seen.state.sampling_steps === 900;
  check('progress: step, share, and a picture so far', told, JSON.stringify(seen)?.slice(0, 300));
  const began = performance.now();
  await post('/sdapi/v1/interrupt', {});
  const { status, body } = await running;
  const seconds = (performance.now() - began) / 1000;
  const ended = status === 200 && body.images?.length === 0 && JSON.parse(body.info).interrupted === true;
  check(
    'interrupt ends it within two seconds, without a picture',
    ended && seconds < 2,
    `${seconds} s, ${status}`,
  );
  const leaving = new AbortController();
  const left = post('/sdapi/v1/txt2img', long, { signal: leaving.signal }).catch(() => 'left');
  await until(({ state }) => state.sampling_step > 0);
  leaving.abort();
  await left;
  const free = await until(({ state }) => state.job_count === 0);
  check('a client that leaves takes its job with it', free !== null);
}

async function checkRefusals(check, { get, post }) {
  const pixel = await drawing('');
  const unit = (more) => ({ ...small, alwayson_scripts: { controlnet: { args: [more] } } });
  const table = [
    ['txt2img', '{', /JSON/],
    ['txt2img', '[]', /body/],
    ['txt2img', { ...small, width: 65 }, /width/],
    ['txt2img', { ...small, steps: 0 }, /steps/],
    ['txt2img', { ...small, cfg_scale: 'hot' }, /cfg_scale/],
    ['txt2img', { ...small, sampler_name: 'Nosuch' }, /Nosuch.*euler/i],
    ['txt2img', { ...small, scheduler: 'nosuch' }, /nosuch/],
    ['txt2img', { ...small, enable_hr: true, tiling: true }, /enable_hr, tiling/],
    ['txt2img', { ...small, override_settings: { sd_model_checkpoint: 'nosuch' } }, /nosuch/],
    ['txt2img', { ...small, batch_size: 64, n_iter: 2 }, /count/],
    ['txt2img', { ...small, alwayson_scripts: { other: { args: [1] } } }, /other/],
    ['txt2img', unit({ model: 'controlnet-scribble' }), /args\.0\.image/],
    ['txt2img', unit({ model: 'controlnet-nosuch', image: pixel }), /nosuch/],
    ['txt2img', unit({ model: 'controlnet-canny', module: 'canny', image: pixel }), /module.*preprocess/],
    ['txt2img', unit({ model: 'controlnet-scribble', image: 'aGVsbG8=' }), /control image/],
    ['img2img', small, /init_images/],
    ['img2img', { ...small, init_images: ['%%%'] }, /init_images\.0.*base64/],
    ['img2img', { ...small, init_images: ['aGVsbG8='] }, /initial image/],
    ['img2img', { ...small, init_images: [pixel], denoising_strength: 0 }, /none to run/],
    ['png-info', {}, /image/],
    ['png-info', { image: 'aGVsbG8=' }, /PNG/],
  ];
  for (const [route, body, message] of table) {
    const refused = await post(`/sdapi/v1/${route}`, body);
    const told = message.test(`${refused.body.detail}`);
    const shown =
      typeof body === 'string' ? body : JSON.stringify({ ...body, ...small, alwayson_scripts: undefined });
    check(
      `status 400: ${route} ${message.source}`,
      refused.status === 400 && told,
      `${shown} ${JSON.stringify(refused)}`,
    );
  }
  check('wrong methods', (await get('/sdapi/v1/txt2img')).status === 405);
}

export async function run(check) {
  const place = mkdtempSync(join(tmpdir(), 'sluice-pictures-'));
  try {
    const ended = await serving(['--token', 'secret'], async ({ url }) => {
      const ours = client(url, 'secret');
      check(
        'no token, no picture',
        (await client(url, 'guess').post('/sdapi/v1/txt2img', small)).status === 401,
      );
      await checkLists(check, ours);
      await checkRefusals(check, ours);
      await checkPictures(check, ours, place);
      await checkInterruption(check, ours);
      // What runs at the end must not hold it up.
      void ours.post('/sdapi/v1/txt2img', { ...small, steps: 900 }).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 300));
    });
    const intime = ended.code === 130 && ended.seconds < 2;
    check('ends on Ctrl-C in the middle of a picture, within two seconds', intime, JSON.stringify(ended));
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
