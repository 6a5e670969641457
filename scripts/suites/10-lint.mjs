import { checks } from '../lint/index.mjs';

export const name = 'lint';

export async function run(check) {
  for (const { title, problems } of checks) {
    const found = await problems();
    check(title, found.length === 0, found.join('\n'));
  }
}
