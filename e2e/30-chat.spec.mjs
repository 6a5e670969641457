// The chat: what it says without a server; then, with the real one where the set-up has brought it, an answer that
// streams and is stopped, one whose server is killed, branches, an answer under a grammar, a proposal accepted and
// undone, and the grammar editor.
import { existsSync, mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { cacheDir, currentServer, modelPath } from '../scripts/lib/language.mjs';
import { isAlive, languageServer } from './processes.mjs';
import { startStudio } from './studio.mjs';

export const title = 'a conversation, a proposal and a grammar';

const axe = (page) => new AxeBuilder({ page }).setLegacyMode(true).analyze();

async function checkAxe(check, studio, name) {
  for (const theme of ['light', 'dark']) {
    await studio.page.emulateMedia({ colorScheme: theme });
    const { violations } = await axe(studio.page);
    const found = violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join('\n  ')}`,
    );
    check(`axe finds nothing: ${name}, ${theme}`, found.length === 0, found.join('\n'));
    await studio.shot(`chat-${name}-${theme}`);
  }
}

const chatOf = (page) => page.getByRole('region', { name: 'Chat', exact: true });

async function ask(page, text) {
  const field = page.getByRole('textbox', { name: 'Message' });
  await field.fill(text);
  await field.press('Enter');
}

const answered = (page) => chatOf(page).getByRole('button', { name: 'Answer again' });

// Until the newest answer has tokens, in a conversation that has at least so many answers.
const begun = (page, answers) =>
  page.waitForFunction(
    (count) =>
      document.querySelectorAll('.message-answer').length >= count &&
      /tokens/.test(document.querySelector('.message:last-child .message-figures')?.textContent ?? ''),
    answers,
  );

// `begin(attempt)` lets an answer begin, which is then stopped. A small model's may have come to its end by then: again.
async function stopInTheMiddle(page, begin) {
  const stop = page.getByRole('button', { name: 'Stop' });
  const stopped = page.getByText(/tokens.*, stopped/);
  for (let attempt = 0; attempt < 6; attempt++) {
    await begin(attempt);
    if (await stop.isVisible()) await stop.click({ timeout: 2000 }).catch(() => {});
    await stop.waitFor({ state: 'hidden', timeout: 60_000 });
    if ((await stopped.count()) > 0) return;
  }
  await stopped.waitFor();
}

async function setSampling(page, { length, seed }) {
  await page.getByRole('button', { name: 'System prompt and sampling' }).click();
  for (const [name, value] of [
    ['Temperature', '0.3'],
    ['Length', String(length)],
  ]) {
    const field = page.getByRole('textbox', { name, exact: true });
    await field.fill(value);
    await field.press('Enter');
  }
  await page.getByRole('textbox', { name: 'Seed', exact: true }).last().fill(String(seed));
  await page.getByRole('button', { name: 'System prompt and sampling' }).click();
}

async function checkWithoutServer(check, studio) {
  const { page } = studio;
  const note = chatOf(page).getByText('There is no language', { exact: false });
  await note.waitFor();
  check('a missing server is told, with what to do', await note.isVisible());
  await checkAxe(check, studio, 'without-server');
  await ask(page, 'Hello?');
  await page.locator('.message-failure').waitFor();
  check('a question without a server is answered with the reason', (await answered(page).count()) === 1);
  await page.keyboard.press('Control+Shift+O');
}

// Typing in the editor: our compiler speaks through the main process, no server needed.
async function checkGrammars(check, studio) {
  const { page } = studio;
  await page.getByRole('button', { name: 'Look at grammars' }).click();
  const dialog = page.getByRole('dialog', { name: 'Grammars' });
  await dialog.getByText('A valid grammar:').waitFor();
  await dialog.getByRole('button', { name: 'Chord progression' }).click();
  await dialog.getByText('A valid grammar:').waitFor();
  await dialog.getByRole('textbox', { name: 'Test answer' }).fill('Key: C major\nTempo: 120\n| C |\n| X');
  const wrong = await dialog
    .getByText('Leaves the grammar at 4:3')
    .waitFor()
    .then(() => true);
  check('the test box says where an answer leaves the grammar', wrong);
  await dialog.getByRole('textbox', { name: 'Test answer' }).fill('Key: C major\nTempo: 120\n| C |\n');
  await dialog.getByText('A whole answer.').waitFor();
  await checkAxe(check, studio, 'grammar');
  await dialog.getByRole('button', { name: 'New grammar' }).click();
  const code = dialog.getByRole('textbox', { name: 'Grammar', exact: true });
  await code.click();
  await page.keyboard.press('Control+A');
  await page.keyboard.type('root ::= "a" | nowhere\n');
  const problem = dialog.getByRole('button', { name: /nowhere/ });
  await problem.waitFor();
  check('an error is told while typing', (await problem.textContent()).startsWith('1:'));
  check('and marked', (await dialog.locator('.cm-lintRange-error').count()) === 1);
  await studio.shot('chat-grammar-error');
  await code.click();
  await page.keyboard.press('Control+A');
  await page.keyboard.type('root ::= "yes" | "no"\n');
  await dialog.getByRole('textbox', { name: 'Name of the grammar' }).fill('Yes or no');
  await dialog.getByText('A valid grammar:').waitFor();
  await dialog.getByRole('button', { name: 'Use for the answer' }).click();
  await dialog.waitFor({ state: 'detached' });
  const chosen = await page.getByLabel('Grammar of the answer').locator('option:checked').textContent();
  check('a grammar of one’s own is kept and chosen', chosen === 'Yes or no', chosen);
}

async function checkConversation(check, studio) {
  const { page } = studio;
  await ask(page, 'Is the sea salty?');
  await answered(page).waitFor({ timeout: 60_000 });
  const code = await page.locator('.message-answer .message-code').textContent();
  check('an answer holds to the grammar', /^(yes|no)$/.test(code), code);
  check(
    'its speed is told',
    /\d tokens, [\d.]+\/s/.test(await page.locator('.message-figures').textContent()),
  );
  check('the context gauge shows', await page.getByRole('meter', { name: 'Context' }).isVisible());
  await page.getByRole('button', { name: 'Answer again' }).click();
  await page.getByText('2 / 2').waitFor();
  await answered(page).waitFor({ timeout: 60_000 });
  await page.getByRole('button', { name: 'Previous version' }).click();
  check('answering again made a branch', await page.getByText('1 / 2').isVisible());
  await page.getByLabel('Grammar of the answer').selectOption('');
  await stopInTheMiddle(page, async () => {
    const answers = await page.locator('.message-answer').count();
    await ask(page, 'Tell me a long story about a lighthouse.');
    await begun(page, answers + 1);
  });
  check(
    'a stopped answer keeps what had come',
    (await page.locator('.message-text').last().textContent()).length > 0,
  );
  await checkAxe(check, studio, 'conversation');
}

async function checkCrash(check, studio) {
  const { page, app } = studio;
  const failure = page.locator('.message-failure');
  const inTime = { timeout: 10_000 };
  let server = null;
  // Where the answer had come to its end before, nothing failed: asked again.
  for (let attempt = 0; attempt < 4 && (await failure.count()) === 0; attempt++) {
    await page.keyboard.press('Control+Shift+O');
    await ask(page, 'Tell me a long story about a storm.');
    await begun(page, 1);
    server = languageServer(app.process().pid);
    process.kill(server, 'SIGKILL');
    await failure.waitFor(inTime).catch(() => {});
  }
  await failure.waitFor(inTime);
  check('the server is gone', !isAlive(server));
  const kept = await page.locator('.message-text').last().textContent();
  check('an answer whose server died keeps what had come', kept.length > 0);
  const why = await page.locator('.message-failure').last().textContent();
  check('and says why, and what to do', /vanished.*Ask again/s.test(why), why);
  await stopInTheMiddle(page, async (attempt) => {
    await page.getByRole('button', { name: 'Answer again' }).click();
    await page.getByText(`${attempt + 2} / ${attempt + 2}`).waitFor();
    await begun(page, 1);
  });
  const next = languageServer(app.process().pid);
  check('asking again starts another server', next !== null && next !== server);
}

async function checkProposal(check, studio) {
  const { page } = studio;
  const prompt = page.getByLabel('Prompt', { exact: true });
  const before = await prompt.inputValue();
  const undo = page.getByRole('button', { name: /^Undo/ });
  const accept = chatOf(page).getByRole('button', { name: 'Accept' });
  // A small model does not come to an end each time.
  for (let seed = 1; seed <= 4 && (await accept.count()) === 0; seed++) {
    await page.keyboard.press('Control+Shift+O');
    await page.getByLabel('Grammar of the answer').selectOption('studio-actions');
    await setSampling(page, { length: 256, seed });
    await ask(page, 'Draw a red sun and set the prompt to a sunset.');
    await answered(page).waitFor({ timeout: 60_000 });
  }
  await page.getByRole('group', { name: 'Proposal' }).first().waitFor();
  check('a proposal is a ghost on the canvas', await page.locator('.ghost-bar').isVisible());
  await checkAxe(check, studio, 'proposal');
  const label = await undo.getAttribute('aria-label');
  await accept.click();
  await page.getByText('Accepted').waitFor();
  check('it was one step', (await undo.getAttribute('aria-label')) === 'Undo: Accept the proposal');
  await studio.shot('chat-accepted');
  await undo.click();
  await accept.waitFor();
  check('undoing it brings all back', (await undo.getAttribute('aria-label')) === label);
  check('the prompt too', (await prompt.inputValue()) === before);
  await chatOf(page).getByRole('button', { name: 'Refuse' }).click();
  await page.getByText('Refused').waitFor();
  check('a refused one leaves no step', (await undo.getAttribute('aria-label')) === label);
  check('and no ghost', (await page.locator('.ghost-bar').count()) === 0);
}

async function checkRollProposal(check, studio) {
  const { page } = studio;
  const undo = page.getByRole('button', { name: /^Undo/ });
  const label = await undo.getAttribute('aria-label');
  const bar = page.getByRole('group', { name: 'Proposed music' });
  // A small model does not come to an end each time.
  for (let seed = 1; seed <= 4 && (await bar.count()) === 0; seed++) {
    await page.keyboard.press('Control+Shift+O');
    await page.getByLabel('Grammar of the answer').selectOption('chords');
    await setSampling(page, { length: 256, seed });
    await ask(page, 'Four bars of chords in C major.');
    await answered(page).waitFor({ timeout: 60_000 });
  }
  await bar.waitFor();
  check('chords are a ghost on the roll', /Proposed: \d+ notes/.test(await bar.textContent()));
  check('and none on the canvas', (await page.locator('.ghost-bar').count()) === 0);
  await studio.shot('chat-chords');
  await bar.getByRole('button', { name: 'Keep' }).click();
  await bar.waitFor({ state: 'detached' });
  check('kept as one step', (await undo.getAttribute('aria-label')) === 'Undo: Accept the proposal');
  await undo.click();
  await chatOf(page).getByRole('button', { name: 'Refuse' }).click();
  await page.getByText('Refused').waitFor();
  check('refused without a trace', (await undo.getAttribute('aria-label')) === label);
  await page.getByRole('button', { name: 'Piano roll', exact: true }).click();
}

async function checkKeyboard(check, studio) {
  const { page } = studio;
  await page.getByRole('textbox', { name: 'Message' }).focus();
  await page.keyboard.press('Control+K');
  await page.keyboard.type('salty');
  const rows = page.getByRole('navigation', { name: 'Conversations' }).getByRole('listitem');
  check('the search finds a conversation by its words', (await rows.count()) === 1);
  await page.keyboard.press('Enter');
  await page.locator('.message-question').getByText('Is the sea salty?').waitFor();
  await page.keyboard.press('Control+Shift+D');
  await page.getByText('Deleted “Is the sea salty?').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: /^Undo/ }).click();
  await page
    .getByRole('button', { name: /Is the sea salty/ })
    .first()
    .waitFor();
  check('a deleted conversation comes back', true);
  await page.keyboard.press('Control+B');
}

export async function run(check) {
  const home = mkdtempSync(join(tmpdir(), 'sluice-e2e-'));
  const studio = await startStudio({ home });
  const { page } = studio;
  try {
    await checkWithoutServer(check, studio);
    await checkGrammars(check, studio);
    if (currentServer() === null || !existsSync(modelPath)) {
      check.note('no language server in the cache: the rest is left to machines that have one');
      return;
    }
    const cache = join(home, 'cache', 'sluice');
    mkdirSync(cache, { recursive: true });
    for (const name of ['llama-server', 'models']) {
      if (!existsSync(join(cache, name))) symlinkSync(join(cacheDir, name), join(cache, name));
    }
    await page.getByRole('button', { name: 'Look again' }).click();
    await page.getByRole('combobox', { name: 'Language model' }).waitFor();
    await checkConversation(check, studio);
    await checkCrash(check, studio);
    await checkProposal(check, studio);
    await checkRollProposal(check, studio);
    await checkKeyboard(check, studio);
    check('the page reported no problem', studio.problems.length === 0, studio.problems.join('\n'));
  } catch (error) {
    await studio.shot('chat-failure');
    throw new Error(`${error.message}\n${studio.printed().slice(-3000)}`, { cause: error });
  } finally {
    await studio.close();
  }
}
