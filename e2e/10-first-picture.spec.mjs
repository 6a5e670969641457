// The first picture: a prompt, a scribble drawn with the pointer, painted, kept as a layer, undone and redone.
import { AxeBuilder } from '@axe-core/playwright';
import { drawingArea, drawStroke, newestPicture, paintSmall, startStudio } from './studio.mjs';

export const title = 'a first picture from a prompt and a scribble';

// Playwright's axe wants to open a page of its own to merge results, which Electron has not.
const axe = (page) => new AxeBuilder({ page }).setLegacyMode(true).analyze();

const violations = ({ violations: found }) =>
  found
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join('\n  ')}`)
    .join('\n');

async function checkAccessibility(check, studio) {
  for (const theme of ['dark', 'light']) {
    await studio.page.emulateMedia({ colorScheme: theme });
    for (const tab of ['Layers', 'Painting']) {
      await studio.page.getByRole('tab', { name: tab }).click();
      const result = await axe(studio.page);
      check(`axe finds nothing: ${tab}, ${theme}`, result.violations.length === 0, violations(result));
    }
    await studio.shot(`painting-${theme}`);
  }
  await studio.page.emulateMedia({ colorScheme: 'dark' });
}

async function checkPainting(check, studio) {
  const { page } = studio;
  const { x, y } = await drawingArea(page);
  const layers = page.getByRole('list', { name: 'Layers, from the top' }).getByRole('listitem');
  await page.getByRole('tab', { name: 'Layers' }).click();
  const before = await layers.count();
  const queue = page.getByRole('region', { name: 'Queue' });
  check('without a run there are no figures of one', (await queue.locator('.run-figures').count()) === 0);

  await drawStroke(page, [
    [x - 130, y - 60],
    [x - 10, y - 130],
    [x + 130, y - 70],
    [x + 110, y + 80],
    [x - 120, y + 90],
    [x - 130, y - 60],
  ]);
  check('the scribble is one step', await page.getByRole('button', { name: 'Undo: Brush' }).isEnabled());
  await page.getByLabel('Prompt', { exact: true }).fill('a small red house');
  await studio.shot('scribble');
  await page.getByRole('button', { name: 'Generate' }).click();
  await page.getByRole('button', { name: 'Keep as layer' }).waitFor({ timeout: 240_000 });
  await studio.shot('result');
  const shown = await page
    .getByRole('region', { name: 'Queue' })
    .getByRole('img', { name: /small red house/ })
    .count();
  check('the queue shows the picture', shown === 1);

  const step = queue.getByRole('img', { name: /^Step: \d+ blocks, [\d.]+ MiB of weights$/ });
  await step.waitFor();
  check('the queue shows the plan, block by block', (await step.locator('rect').count()) > 100);
  const compute = queue.getByRole('img', { name: /^Compute: \d+\.\d+ s$/ });
  await compute.waitFor();
  check('and what the run did when', (await compute.locator('rect').count()) > 0);

  await page.getByRole('button', { name: 'Keep as layer' }).click();
  await page.getByText('a small red house', { exact: true }).first().waitFor();
  await page.waitForFunction((count) => document.querySelectorAll('.layer').length === count, before + 1);
  check('it became a layer', (await layers.count()) === before + 1);
  await page.getByRole('application', { name: 'Drawing area' }).focus();
  await page.keyboard.press('Control+Z');
  check('undo takes it away', (await layers.count()) === before);
  await page.keyboard.press('Control+Shift+Z');
  check('redo brings it back', (await layers.count()) === before + 1);

  await page.getByLabel('Prompt', { exact: true }).fill('something else');
  await page.getByRole('button', { name: 'Use its settings again' }).click();
  const prompt = await page.getByLabel('Prompt', { exact: true }).inputValue();
  await page.getByRole('tab', { name: 'Painting' }).click();
  const seed = await page.getByRole('textbox', { name: 'Seed' }).inputValue();
  check(
    'a picture gives its settings back',
    prompt === 'a small red house' && /^\d+$/.test(seed),
    `${prompt} ${seed}`,
  );
  await page.getByRole('tab', { name: 'Layers' }).click();
  await page.getByRole('button', { name: 'Place on the canvas' }).click();
  await page.waitForFunction((count) => document.querySelectorAll('.layer').length === count, before + 2);
  check('and can be placed again', (await layers.count()) === before + 2);
}

// What the keys write has to reach the picture: the same job with a weight is another picture.
async function checkWeights(check, studio) {
  const { page } = studio;
  const field = page.getByLabel('Prompt', { exact: true });
  const paint = async () => {
    await page.getByRole('button', { name: 'Generate' }).click();
    await page.getByRole('button', { name: 'Discard' }).click({ timeout: 240_000 });
    return await newestPicture(studio);
  };
  await field.fill('a small red house');
  const plain = await paint();
  await field.evaluate((element) => element.setSelectionRange(10, 10));
  await field.focus();
  for (let i = 0; i < 4; i++) await page.keyboard.press('Control+ArrowUp');
  check('Ctrl+Up weighs the word', (await field.inputValue()) === 'a small (red:1.4) house');
  const weighed = await paint();
  const said = `${weighed.prompt} ${weighed.promptSyntax}`;
  check('the picture says how its prompt was read', said === 'a small (red:1.4) house a1111', said);
  check('a weight makes another picture of the same job', !weighed.pixels.equals(plain.pixels));
  await field.fill('a [cat|dog]');
  await page.getByRole('button', { name: 'Generate' }).click();
  await page
    .getByText(/"\[cat\|dog\]": prompts that change while sampling are not there yet/)
    .first()
    .waitFor();
  check('what is not there yet is refused by name', true);
  await field.fill('a house');
}

// Only where a stroke grew is drawn again: it has to look as if all had been.
async function checkGrowing(check, { page }) {
  const { x, y } = await drawingArea(page);
  await page.mouse.move(x, y);
  await page.mouse.down();
  for (let i = 1; i <= 400; i++)
    await page.mouse.move(x + 0.25 * i * Math.cos(i / 20), y + 0.25 * i * Math.sin(i / 20));
  const pixels = () =>
    page.evaluate(async () => {
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      const { width, height } = document.querySelector('.canvas-surface').getBoundingClientRect();
      const context = new globalThis.OffscreenCanvas(width, height).getContext('2d');
      for (const tile of document.querySelectorAll('.canvas-surface canvas'))
        context.drawImage(tile, tile.offsetLeft, tile.offsetTop);
      window.seen = window.drawn;
      window.drawn = context.getImageData(0, 0, width, height).data.filter((_, i) => i % 4 === 3);
      const count = (is) => window.drawn.filter(is).length;
      const inked = count((value) => value > 0);
      return { inked, other: window.seen ? count((value, i) => Math.abs(value - window.seen[i]) > 40) : 0 };
    });
  const grown = await pixels();
  await page.mouse.wheel(0, 0); // the view is set anew, which draws everything
  const { other } = await pixels();
  await page.mouse.up();
  await page.keyboard.press('Control+Z');
  check(
    'a stroke that grew looks as one that is drawn as a whole',
    grown.inked > 5000 && other < grown.inked / 1000,
    `${other} of ${grown.inked} pixels differ`,
  );
}

// While it paints, at the widths that screens have: nothing in the bar lies over something else.
async function checkBar(check, studio) {
  const { app, page } = studio;
  await page.getByRole('tab', { name: 'Painting' }).click();
  const steps = page.getByRole('textbox', { name: 'Steps', exact: true });
  await steps.fill('60');
  await steps.press('Enter');
  await page.getByRole('button', { name: 'Generate' }).click();
  await page
    .locator('.job-badge')
    .getByText(/Painting \d+\/60/)
    .waitFor({ timeout: 60_000 });
  for (let i = 0; i < 3; i++) await page.locator('.generate').click(); // the badge counts those that wait
  const before = await page.evaluate(() => [window.innerWidth, window.innerHeight]);
  for (const width of [1280, 1440, 1920]) {
    await app.evaluate(
      ({ BrowserWindow }, [w, h]) => BrowserWindow.getAllWindows()[0].setContentSize(w, h),
      [width, before[1]],
    );
    await page.waitForFunction((wanted) => window.innerWidth === wanted, width);
    const over = await page.evaluate(() => {
      const parts = [...document.querySelectorAll('.brand, .menu-trigger, .project-title, .topbar-end > *')];
      const boxes = parts.map((part) => [part, part.getBoundingClientRect()]);
      const outside = boxes.filter(([, box]) => box.left < 0 || box.right > window.innerWidth);
      const pairs = boxes.flatMap(([a, one], i) =>
        boxes
          .slice(i + 1)
          .filter(([, other]) => one.left < other.right - 0.5 && other.left < one.right - 0.5)
          .map(([b]) => `${a.textContent} and ${b.textContent}`),
      );
      return [...pairs, ...outside.map(([part]) => `${part.textContent} is outside`)];
    });
    await studio.shot(`bar-${width}`);
    check(`nothing in the bar is covered at ${width} pixels`, over.length === 0, over.join('; '));
  }
  await app.evaluate(
    ({ BrowserWindow }, [w, h]) => BrowserWindow.getAllWindows()[0].setContentSize(w, h),
    before,
  );
  await page.getByRole('application', { name: 'Drawing area' }).focus();
  await page.keyboard.press('Control+Shift+X');
  await page.locator('.job-badge').waitFor({ state: 'detached' });
}

async function checkShell(check, studio) {
  const { page } = studio;
  await page.getByRole('application', { name: 'Drawing area' }).focus();
  await page.keyboard.press('Control+K');
  await page.getByRole('combobox', { name: 'Find a command' }).fill('whole window');
  await page.keyboard.press('Enter');
  await page.locator('[data-pane=queue]').waitFor({ state: 'detached' });
  check('the palette gives a pane the whole window', (await page.locator('.pane').count()) === 1);
  await page.keyboard.press('Control+Shift+F');
  await page.locator('[data-pane=queue]').waitFor();
  await page.getByRole('menuitem', { name: 'Paint' }).click();
  await studio.shot('menu');
  check('menus list commands', await page.getByRole('menuitem', { name: /^Generate Ctrl/ }).isVisible());
  await page.keyboard.press('Escape');
}

async function checkIsolation(check, { page }) {
  const seen = await page.evaluate(() => ({
    node: typeof globalThis.process + typeof globalThis.require,
    bridge: Object.keys(globalThis.sluice).sort(),
    injected: (() => {
      const script = document.createElement('script');
      script.textContent = 'globalThis.injected = true';
      document.head.append(script);
      return globalThis.injected === true;
    })(),
    origin: globalThis.location.origin,
  }));
  check('the page has no Node', seen.node === 'undefinedundefined', seen.node);
  check('the content policy refuses a script in the page', !seen.injected);
  check('the page has an origin of its own', seen.origin === 'app://studio', seen.origin);
  const outside = await page.evaluate(() =>
    fetch('app://studio/gallery/..%2f..%2fstudio%2fwindow.json').then(
      ({ status }) => `status ${status}`,
      () => 'refused',
    ),
  );
  check('nothing outside the gallery is served', outside === 'refused', outside);
  const wrong = await page.evaluate(() =>
    globalThis.sluice.painting
      .enqueue({ prompt: 3 })
      .then(({ ok, failure }) => (ok ? 'taken' : failure.message)),
  );
  const named = wrong.startsWith('painting.enqueue was called wrongly') && wrong.includes('at settings');
  check('the main process refuses a malformed order', named, wrong);
  const granted = await page.evaluate(async () => {
    const states = ['geolocation', 'notifications', 'camera'].map((name) =>
      navigator.permissions.query({ name }),
    );
    return (await Promise.all(states)).map(({ state }) => state).join();
  });
  check('permissions are denied', granted === 'denied,denied,denied', granted);
}

export async function run(check) {
  const studio = await startStudio();
  try {
    await paintSmall(studio.page);
    await checkPainting(check, studio);
    await checkWeights(check, studio);
    await checkGrowing(check, studio);
    await checkBar(check, studio);
    await checkShell(check, studio);
    await checkAccessibility(check, studio);
    await checkIsolation(check, studio);
    // The refused script above is reported by the page itself.
    const problems = studio.problems.filter(
      (text) => !/Content Security Policy|ERR_FILE_NOT_FOUND/.test(text),
    );
    check('the page reported no problem', problems.length === 0, problems.join('\n'));
  } catch (error) {
    await studio.shot('failure');
    throw new Error(`${error.message}\n${studio.printed().slice(-3000)}`, { cause: error });
  } finally {
    await studio.close();
  }
}
