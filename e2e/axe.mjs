// What axe says of the window in both themes, with a screenshot of each.
import { AxeBuilder } from '@axe-core/playwright';

const violations = ({ violations: found }) =>
  found
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join('\n  ')}`)
    .join('\n');

export async function checkPanes(check, studio, what) {
  for (const theme of ['dark', 'light']) {
    await studio.page.emulateMedia({ colorScheme: theme });
    // Playwright's axe wants to open a page of its own to merge results, which Electron has not.
    const result = await new AxeBuilder({ page: studio.page }).setLegacyMode(true).analyze();
    check(`axe finds nothing: ${what}, ${theme}`, result.violations.length === 0, violations(result));
    await studio.shot(`${what}-${theme}`);
  }
  await studio.page.emulateMedia({ colorScheme: 'dark' });
}
