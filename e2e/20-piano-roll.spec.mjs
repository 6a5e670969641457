// A first tune: notes drawn with the pointer, moved and copied, written by the keyboard alone, played, opened from a
// file and exported, with ten thousand notes scrolling.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AxeBuilder } from '@axe-core/playwright';
import midi from 'midi-file';
import { startStudio } from './studio.mjs';

export const title = 'a first tune on the piano roll';

const RULER = 24;
const KEYS = 58;

// Where the studio would ask for a place, the answer is given for it.
const answerSave = (app, path) =>
  app.evaluate(({ dialog }, filePath) => {
    dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath });
  }, path);

async function openMidi(page, name, bytes) {
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('application', { name: 'Notes' }).focus();
  await page.keyboard.press('Control+Shift+O');
  await (await chooser).setFiles({ name, mimeType: 'audio/midi', buffer: Buffer.from(bytes) });
}

async function exported(studio, name) {
  const path = join(studio.home, `${name}.mid`);
  await answerSave(studio.app, path);
  await studio.page.getByRole('application', { name: 'Notes' }).focus();
  await studio.page.keyboard.press('Control+Shift+E');
  await studio.page.getByText(`Saved ${name}.mid.`).waitFor();
  const { tracks } = midi.parseMidi(readFileSync(path));
  return tracks.map((track) => {
    let time = 0;
    return track
      .map((event) => ({ ...event, time: (time += event.deltaTime) }))
      .filter(({ type }) => type === 'noteOn')
      .map(({ time, noteNumber }) => [time, noteNumber]);
  });
}

async function checkDrawing(check, studio) {
  const { page } = studio;
  const area = page.getByRole('application', { name: 'Notes' });
  const { x, y } = await area.boundingBox();
  const at = (across, down) => [x + KEYS + across, y + RULER + down];
  const drag = async (from, to, key) => {
    await page.mouse.move(...from);
    if (key !== undefined) await page.keyboard.down(key);
    await page.mouse.down();
    await page.mouse.move(...to, { steps: 4 });
    await page.mouse.up();
    if (key !== undefined) await page.keyboard.up(key);
  };
  await drag(at(20, 100), at(20, 100));
  check('the pencil writes a note', await page.getByRole('button', { name: 'Undo: Add note' }).isEnabled());
  const [, [first]] = await exported(studio, 'one');
  check('it begins on the grid', first[0] % 120 === 0, String(first));
  await drag(at(30, 100), at(120, 132));
  const [, [moved]] = await exported(studio, 'moved');
  check(
    'a drag moves it two keys down and on',
    moved[1] === first[1] - 2 && moved[0] > first[0],
    String(moved),
  );
  await drag(at(120, 132), at(220, 132), 'Control');
  const [, copied] = await exported(studio, 'copied');
  check('Mod-drag copies it', copied.length === 2, JSON.stringify(copied));
  await page.keyboard.press('Control+D');
  await page.keyboard.press('Control+A');
  await page.keyboard.press('Shift+ArrowUp');
  const [, raised] = await exported(studio, 'raised');
  check(
    'what is chosen is duplicated and goes up an octave',
    raised.length === 3 && raised.every(([, pitch]) => pitch === moved[1] + 12),
    JSON.stringify(raised),
  );
  await page.keyboard.press('Control+Z');
  await page.keyboard.press('Control+Z');
  const [, undone] = await exported(studio, 'undone');
  check('two steps back are as before', JSON.stringify(undone) === JSON.stringify(copied));
}

async function checkKeyboard(check, studio) {
  const { page } = studio;
  await page.getByRole('application', { name: 'Notes' }).focus();
  await page.keyboard.press('Control+A');
  await page.keyboard.press('Delete');
  await page.keyboard.press('Home');
  await page.keyboard.press('Enter');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  const [, written] = await exported(studio, 'keys');
  check(
    'notes are written by the keyboard alone',
    written.length === 2 && written[1][0] > written[0][0] && written[1][1] === written[0][1] + 1,
    JSON.stringify(written),
  );
  await page.keyboard.press('Control+A');
  await page.keyboard.press('Delete');
  await page.keyboard.press('Home');
  await page.keyboard.press('Shift+S');
  await page.keyboard.press('Control+K');
  for (const key of ['a', 'd', 'g']) await page.keyboard.press(key);
  await page.keyboard.press('Control+K');
  await page.keyboard.press('Shift+S');
  const [, stepped] = await exported(studio, 'steps');
  check(
    'the computer’s keyboard is a piano that writes steps',
    JSON.stringify(stepped) === '[[0,60],[120,64],[240,67]]',
    JSON.stringify(stepped),
  );
}

// What reaches the loudspeakers can be read from now on.
const listen = (page) =>
  page.evaluate(() => {
    const { connect } = AudioNode.prototype;
    AudioNode.prototype.connect = function (to, ...rest) {
      if (to instanceof AudioDestinationNode && this.context instanceof AudioContext) {
        window.heard = new AnalyserNode(this.context, { fftSize: 16384 });
        connect.call(this, window.heard);
      }
      return connect.call(this, to, ...rest);
    };
  });

const loudness = (page) =>
  page.evaluate(() => {
    const samples = new Float32Array(window.heard.fftSize);
    window.heard.getFloatTimeDomainData(samples);
    return Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
  });

async function checkFallback(check, studio) {
  const { page } = studio;
  await page.evaluate(() => {
    const whole = window.fetch;
    window.fetch = (url, ...rest) =>
      String(url).includes('FluidR3Mono') ? Promise.reject(new TypeError('gone')) : whole(url, ...rest);
  });
  await listen(page);
  const { x, y } = await page.getByRole('application', { name: 'Notes' }).boundingBox();
  await page.mouse.click(x + 20, y + 200);
  await page.getByText(/The General MIDI sound font could not be loaded: gone\./).waitFor();
  await page.waitForFunction(() => {
    if (window.heard === undefined) return false;
    const samples = new Float32Array(window.heard.fftSize);
    window.heard.getFloatTimeDomainData(samples);
    return samples.some((x) => Math.abs(x) > 0.01);
  });
  check('without the sound font that is said, and the simple synthesiser plays', true);
  await page.reload();
  await page.getByRole('application', { name: 'Notes' }).waitFor();
  await listen(page);
}

async function checkPlaying(check, studio) {
  const { page } = studio;
  await page.keyboard.press('Control+Z');
  for (let i = 0; i < 3; i++) await page.keyboard.press('Control+Z');
  await page.getByRole('menuitem', { name: 'Help' }).click();
  await page.getByRole('menuitem', { name: 'Play the example' }).click();
  await page.getByRole('button', { name: 'Pause' }).waitFor();
  await page.waitForFunction(() => /^[2-9]\./.test(document.querySelector('.roll-position').textContent));
  check('the example plays on', true);
  const rms = await loudness(page);
  check('it is heard', rms > 0.005, `loudness ${rms}`);
  check('by the sound font', (await page.getByText(/sound font could not be loaded/).count()) === 0);
  await studio.shot('roll-dark');
  await page.getByRole('application', { name: 'Notes' }).focus();
  await page.keyboard.press('Space');
  await page.getByRole('button', { name: 'Play', exact: true }).waitFor();
  let workers = 0;
  page.on('worker', () => workers++);
  for (const key of ['Enter', 'Control+Z']) for (let i = 0; i < 3; i++) await page.keyboard.press(key);
  check('notes that are heard one by one share a clock', workers === 0, `${workers} new threads`);
  page.removeAllListeners('worker');
  const wav = join(studio.home, 'tune.wav');
  await answerSave(studio.app, wav);
  await page.getByRole('menuitem', { name: 'Music' }).click();
  await page.getByRole('menuitem', { name: 'Export as WAV…' }).click();
  await page.getByText('Saved tune.wav.').waitFor({ timeout: 60_000 });
  const bytes = existsSync(wav) ? readFileSync(wav) : Buffer.alloc(44);
  const samples = new Int16Array(bytes.buffer, bytes.byteOffset + 44, (bytes.length - 44) >> 1);
  const loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  check('the sound file is heard and not cut', loudest > 3000 && loudest < 32767, `loudest ${loudest}`);
  // 8 bars of 4 beats at 112 a minute, and what rings on.
  const seconds = samples.length / 2 / 44100;
  check('it is as long as the music', Math.abs(seconds - (32 * 60) / 112 - 2) < 0.2, `${seconds} s`);
}

// The key whose sine is strongest in the samples, in tenths of a semitone (Goertzel's algorithm).
function keyOf(samples, rate) {
  let [best, most] = [0, 0];
  for (let key = 60; key < 84; key += 0.1) {
    const turn = 2 * Math.cos((2 * Math.PI * 440 * 2 ** ((key - 69) / 12)) / rate);
    let [before, last] = [0, 0];
    for (const sample of samples) [before, last] = [last, sample + turn * last - before];
    const power = before * before + last * last - turn * before * last;
    if (power > most) [best, most] = [key, power];
  }
  return best;
}

// A flute's A for four seconds, bent up by two semitones from the second second on; then a piano's.
const bent = () => {
  const note = (deltaTime, type) => ({ deltaTime, type, channel: 0, noteNumber: 69, velocity: 100 });
  const track = [
    { deltaTime: 0, type: 'programChange', channel: 0, programNumber: 73 },
    note(0, 'noteOn'),
    { deltaTime: 1920, type: 'pitchBend', channel: 0, value: 8191 },
    note(1920, 'noteOff'),
    { deltaTime: 0, type: 'pitchBend', channel: 0, value: 0 },
    { deltaTime: 0, type: 'programChange', channel: 0, programNumber: 0 },
    note(0, 'noteOn'),
    note(960, 'noteOff'),
    { deltaTime: 0, meta: true, type: 'endOfTrack' },
  ];
  return midi.writeMidi({ header: { format: 0, numTracks: 1, ticksPerBeat: 480 }, tracks: [track] });
};

async function checkBend(check, studio) {
  const { page } = studio;
  await openMidi(page, 'bent.mid', bent());
  await page.getByRole('button', { name: 'Undo: Open bent.mid' }).waitFor();
  const heardKey = async () => {
    const { samples, rate } = await page.evaluate(() => {
      const all = new Float32Array(window.heard.fftSize);
      window.heard.getFloatTimeDomainData(all);
      return { samples: [...all.subarray(-8192)], rate: window.heard.context.sampleRate };
    });
    return samples.some((x) => Math.abs(x) > 0.003) ? keyOf(samples, rate) : 0;
  };
  const heard = async (key) => {
    for (let i = 0; i < 150; i++) {
      if (Math.abs((await heardKey()) - key) < 0.3) return true;
      await sleep(50);
    }
    return false;
  };
  await page.getByRole('application', { name: 'Notes' }).focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('Space');
  check('a held note is heard at its pitch', await heard(69));
  check('and bent while it is held', await heard(71));
  await page.keyboard.press('Space');
  await page.getByRole('button', { name: 'Play', exact: true }).waitFor();

  const wav = join(studio.home, 'bent.wav');
  await answerSave(studio.app, wav);
  await page.getByRole('menuitem', { name: 'Music' }).click();
  await page.getByRole('menuitem', { name: 'Export as WAV…' }).click();
  await page.getByText('Saved bent.wav.').waitFor({ timeout: 60_000 });
  const bytes = readFileSync(wav);
  const both = new Int16Array(bytes.buffer, bytes.byteOffset + 44, (bytes.length - 44) >> 1);
  const left = both.filter((_, index) => index % 2 === 0);
  const at = (seconds) => left.slice(seconds * 44100, (seconds + 0.4) * 44100);
  const keys = [0.5, 1.5, 2.5, 3.5, 4.2].map((seconds) => keyOf(at(seconds), 44100));
  check(
    'in the sound file the pitch is bent where the file says',
    keys.every((key, index) => Math.abs(key - [69, 69, 71, 71, 69][index]) < 0.3),
    keys.map((key) => key.toFixed(1)).join(' '),
  );
  const loud = (seconds) => at(seconds).reduce((sum, x) => sum + x * x, 0);
  const kept = [loud(0.6) / loud(0.2), loud(4.55) / loud(4.1)];
  check('and the instrument is another from its change on', kept[0] > 0.7 && kept[1] < 0.7, kept.join(' '));
  await page.getByRole('application', { name: 'Notes' }).focus();
  await page.keyboard.press('Control+Z');
}

async function checkMany(check, studio) {
  const { page } = studio;
  const notes = Array.from({ length: 10_000 }, (_, i) => [
    {
      deltaTime: 60,
      type: 'noteOn',
      channel: 0,
      noteNumber: 36 + ((i * 7) % 60),
      velocity: 1 + ((i * 13) % 127),
    },
    { deltaTime: 60, type: 'noteOff', channel: 0, noteNumber: 36 + ((i * 7) % 60), velocity: 0 },
  ]).flat();
  const track = [...notes, { deltaTime: 0, meta: true, type: 'endOfTrack' }];
  const bytes = midi.writeMidi({ header: { format: 0, numTracks: 1, ticksPerBeat: 480 }, tracks: [track] });
  await openMidi(page, 'many.mid', bytes);
  await page.getByRole('button', { name: 'Undo: Open many.mid' }).waitFor();
  const { x, y, width, height } = await page.getByRole('application', { name: 'Notes' }).boundingBox();
  await page.mouse.move(x + width / 2, y + height / 2);
  const frames = await page.evaluate(async () => {
    const area = document.querySelector('.roll-stage');
    const { left, top, width, height } = area.getBoundingClientRect();
    // The roll draws before this is called, in the same frame: what has passed since the frame began is its work.
    const frame = () =>
      new Promise((done) => requestAnimationFrame((began) => done(performance.now() - began)));
    const took = [];
    for (let i = 0; i < 90; i++) {
      const zooms = i % 3 === 0;
      area.dispatchEvent(
        new WheelEvent('wheel', {
          bubbles: true,
          cancelable: true,
          clientX: left + width / 2,
          clientY: top + height / 2,
          deltaY: zooms ? (i < 45 ? 300 : -300) : 0,
          deltaX: zooms ? 0 : 400,
          ctrlKey: zooms,
        }),
      );
      took.push(await frame());
    }
    took.sort((a, b) => a - b);
    return { median: took[45], worst: took[87] };
  });
  check.note(
    `10,000 notes: work of the median frame ${frames.median.toFixed(1)} ms, third slowest ${frames.worst.toFixed(1)} ms`,
  );
  check(
    '10,000 notes scroll and zoom, half of the frames with at most 32 ms of work',
    frames.median <= 32,
    `${frames.median} ms`,
  );
  await openMidi(page, 'broken.mid', bytes.slice(0, 100));
  await page.getByText(/Broken\.mid: expected a standard MIDI file, found a damaged one/).waitFor();
  check('a damaged file is refused by name', true);
  await page.getByRole('button', { name: 'Dismiss' }).first().click();
  await page.getByRole('application', { name: 'Notes' }).focus();
  await page.keyboard.press('Control+Z');
  await page.keyboard.press('Control+0');
}

async function checkAccessibility(check, studio) {
  for (const theme of ['dark', 'light']) {
    await studio.page.emulateMedia({ colorScheme: theme });
    const { violations } = await new AxeBuilder({ page: studio.page }).setLegacyMode(true).analyze();
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join('\n  ')}`);
    check(`axe finds nothing: piano roll, ${theme}`, violations.length === 0, found.join('\n'));
  }
  await studio.shot('roll-light');
}

export async function run(check) {
  const studio = await startStudio();
  try {
    const { page } = studio;
    await page.getByRole('button', { name: 'Piano roll', exact: true }).click();
    await page.getByRole('application', { name: 'Notes' }).waitFor();
    await page.keyboard.press('Control+Alt+1');
    await studio.shot('roll-empty');
    await checkFallback(check, studio);
    await checkDrawing(check, studio);
    await checkKeyboard(check, studio);
    await checkPlaying(check, studio);
    await checkBend(check, studio);
    await checkMany(check, studio);
    await checkAccessibility(check, studio);
    check('the page reported no problem', studio.problems.length === 0, studio.problems.join('\n'));
  } catch (error) {
    await studio.shot('failure-roll');
    throw new Error(`${error.message}\n${studio.printed().slice(-3000)}`, { cause: error });
  } finally {
    await studio.close();
  }
}
