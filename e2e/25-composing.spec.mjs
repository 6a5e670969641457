// A tune goes on by the embedded model: variations that grow as ghosts, kept as one step or refused.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { startStudio } from './studio.mjs';

export const title = 'a tune that the composer continues';

const noteCounts = (text) => JSON.parse(text).music.tracks.map(({ notes }) => notes.length);

// The document as it is kept on the disk, once what was done has got there.
async function kept(studio) {
  await studio.page.waitForTimeout(900);
  return readFileSync(join(studio.home, 'data', 'sluice', 'studio', 'work', 'document.json'), 'utf8');
}

async function setNumber(page, name, value) {
  const field = page
    .getByRole('complementary', { name: 'Composer' })
    .getByRole('textbox', { name, exact: true });
  await field.fill(value);
  await field.press('Enter');
}

async function openComposer({ page }) {
  await page.getByRole('button', { name: 'Piano roll', exact: true }).click();
  await page.getByRole('application', { name: 'Notes' }).waitFor();
  await page.getByRole('button', { name: 'Composer' }).click();
  const panel = page.getByRole('complementary', { name: 'Composer' });
  await panel.getByRole('button', { name: 'Continue' }).waitFor();
}

async function checkContinuing(check, studio) {
  const { page } = studio;
  await page.getByRole('menuitem', { name: 'Help' }).click();
  await page.getByRole('menuitem', { name: 'Play the example' }).click();
  await page.getByRole('button', { name: 'Pause' }).waitFor();
  await page.getByRole('application', { name: 'Notes' }).focus();
  await page.keyboard.press('Space');
  const before = await kept(studio);
  await setNumber(page, 'Bars', '4');
  await setNumber(page, 'Variations', '3');
  await page.getByText('Sampling').click();
  await setNumber(page, 'Events at most', '160');
  await page.getByRole('application', { name: 'Notes' }).focus();
  await page.keyboard.press('Control+Enter');
  const bar = page.getByRole('group', { name: 'Proposed music' });
  await bar.getByText(/Composing: \d+ events|events, \d+ a second/).waitFor({ timeout: 30_000 });
  await bar.getByText(/events, \d+ a second/).waitFor({ timeout: 60_000 });
  check.note(await bar.locator('output').textContent());
  await studio.shot('composing');
  check('nothing is in the document yet', (await kept(studio)) === before);
  const variation = (n) => bar.getByRole('button', { name: `Variation ${n}` });
  await variation(2).click();
  check('another variation is chosen', (await variation(2).getAttribute('aria-pressed')) === 'true');
  await bar.getByRole('button', { name: 'Listen' }).click();
  await page.getByRole('button', { name: 'Pause' }).waitFor();
  check('it is heard before it is kept', true);
  await page.getByRole('application', { name: 'Notes' }).focus();
  await page.keyboard.press('Space');
  await bar.getByRole('button', { name: 'Keep' }).click();
  await bar.waitFor({ state: 'detached' });
  const after = noteCounts(await kept(studio));
  const had = noteCounts(before);
  check(
    'what is kept is added and takes nothing away',
    had.every((count, i) => after[i] >= count) && after.flat().length >= had.length,
    `${had} then ${after}`,
  );
  check(
    'there are new notes',
    after.reduce((a, b) => a + b) > had.reduce((a, b) => a + b),
    `${had} then ${after}`,
  );
  await page.getByRole('button', { name: 'Undo: Continue' }).click();
  check('it was one step', JSON.stringify(noteCounts(await kept(studio))) === JSON.stringify(had));
}

async function checkStopping(check, studio) {
  const { page } = studio;
  const before = await kept(studio);
  await setNumber(page, 'Bars', '0');
  await setNumber(page, 'Events at most', '4096');
  await page.getByRole('button', { name: 'Continue', exact: true }).click();
  const bar = page.getByRole('group', { name: 'Proposed music' });
  await bar.getByRole('button', { name: 'Keep' }).waitFor({ timeout: 30_000 });
  await bar.getByRole('button', { name: 'Stop' }).click();
  await bar.getByText(/events, \d+ a second/).waitFor({ timeout: 10_000 });
  check('a stopped run keeps what it has', await bar.getByRole('button', { name: 'Keep' }).isEnabled());
  await bar.getByRole('button', { name: 'Refuse' }).click();
  await bar.waitFor({ state: 'detached' });
  check('what is refused leaves no trace', (await kept(studio)) === before);
  await page.getByRole('button', { name: 'Continue', exact: true }).click();
  await bar.getByRole('button', { name: 'Keep' }).waitFor({ timeout: 30_000 });
  await page.getByRole('button', { name: 'Compose anew' }).click();
  await bar.getByRole('button', { name: 'Keep' }).waitFor({ timeout: 30_000 });
  await page.keyboard.press('Alt+Backspace');
  await bar.waitFor({ state: 'detached' });
  check('a run that begins anew ends the one before', (await kept(studio)) === before);
}

async function checkNewPiece(check, studio) {
  const { page } = studio;
  const panel = page.getByRole('complementary', { name: 'Composer' });
  await panel.getByLabel('Go on from').selectOption({ label: 'Nothing: a new piece' });
  await panel.getByLabel('Add an instrument').selectOption({ label: 'Violin' });
  await panel.getByLabel('Drum kit').selectOption({ label: 'Jazz' });
  await panel.getByLabel('Key').selectOption({ label: 'D minor' });
  await setNumber(page, 'Tempo', '96');
  await setNumber(page, 'Variations', '1');
  await setNumber(page, 'Events at most', '200');
  const tracks = JSON.parse(await kept(studio)).music.tracks.length;
  await page.getByRole('button', { name: 'Continue', exact: true }).click();
  const bar = page.getByRole('group', { name: 'Proposed music' });
  await bar.getByText(/events, \d+ a second/).waitFor({ timeout: 60_000 });
  await page.keyboard.press('Alt+Enter');
  await bar.waitFor({ state: 'detached' });
  const { music } = JSON.parse(await kept(studio));
  const added = music.tracks.slice(tracks);
  check(
    'a new piece is for the instruments that were chosen',
    added.length > 0 && added.every(({ channel, program }) => channel === 9 || program === 40),
    added.map(({ name }) => name).join(', '),
  );
  const tempos = music.tempos.map(({ bpm }) => Math.round(bpm));
  check('it has the tempo that was chosen', tempos.includes(96), tempos.join(', '));
}

export async function run(check) {
  const studio = await startStudio();
  try {
    await openComposer(studio);
    await checkContinuing(check, studio);
    const { violations } = await new AxeBuilder({ page: studio.page }).setLegacyMode(true).analyze();
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join('\n  ')}`);
    check('axe finds nothing: composer', violations.length === 0, found.join('\n'));
    await checkStopping(check, studio);
    await checkNewPiece(check, studio);
    check('the page reported no problem', studio.problems.length === 0, studio.problems.join('\n'));
  } catch (error) {
    await studio.shot('failure-composing');
    throw new Error(`${error.message}\n${studio.printed().slice(-3000)}`, { cause: error });
  } finally {
    await studio.close();
  }
}
