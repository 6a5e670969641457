// How much of JSON Schema the grammar library enforces, by the official test suite:
//   node scripts/json-schema/measure.mjs            prints the tables
//   node scripts/json-schema/measure.mjs --write    puts them into docs/json-schema.md
// Needs the built addon (npm run build).
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { nativeBuildDir, root } from '../lib/paths.mjs';
import { fetchSuite, readDraft } from './suite.mjs';

// Folder of the suite, and what its schemas mean where they do not say it themselves.
const dialects = {
  'draft2020-12': 'https://json-schema.org/draft/2020-12/schema',
  draft7: 'http://json-schema.org/draft-07/schema#',
};
export const drafts = Object.keys(dialects);
const document = join(root, 'docs', 'json-schema.md');

function permutations(list) {
  if (list.length < 2) return [list];
  return list.flatMap((first, at) =>
    permutations(list.filter((_, other) => other !== at)).map((rest) => [first, ...rest]),
  );
}

// An answer's members come in the schema's order. An object that is right but for its order is told apart.
function otherOrders(data) {
  if (data === null || typeof data !== 'object' || Array.isArray(data)) return [];
  const names = Object.keys(data);
  if (names.length > 5) return [];
  const orders = permutations(names).slice(1);
  return orders.map(
    (order) => `{${order.map((name) => `${JSON.stringify(name)}:${JSON.stringify(data[name])}`).join(',')}}`,
  );
}

async function judge(grammar, text) {
  const { status, report } = await grammar.judge(text);
  return status === 0 && JSON.parse(report).complete;
}

// One keyword's file: { keyword, schemas, compiled, named, instances, right, order, accepted: […], refused: […] }.
// `named`: schemas refused with the keyword at fault. A schema that no answer fits counts as compiled where the suite
// has only invalid instances for it.
async function measureKeyword(addon, dialect, { keyword, groups }) {
  const row = { keyword, schemas: 0, compiled: 0, named: 0, instances: 0, right: 0, order: 0 };
  const [accepted, refused] = [[], []];
  for (const { description, schema, tests } of groups) {
    row.schemas++;
    const whole = typeof schema === 'boolean' ? schema : { $schema: dialect, ...schema };
    const request = { kind: 'json-schema', text: JSON.stringify(whole), lenient: false };
    const { grammar, report } = await addon.compileGrammar(request);
    const problems = JSON.parse(report).problems ?? [];
    const nothingFits = grammar === null && problems[0].code === 'unsatisfiable';
    if (grammar === null && problems[0].keyword !== undefined && !nothingFits) row.named++;
    if (grammar === null && !nothingFits) continue;
    row.compiled++;
    for (const { description: what, data, valid } of tests) {
      row.instances++;
      const said = grammar !== null && (await judge(grammar, JSON.stringify(data)));
      const where = `${keyword}: ${description}: ${what}`;
      if (said === valid) row.right++;
      else if (said) accepted.push(where);
      else {
        let reordered = false;
        for (const text of grammar === null ? [] : otherOrders(data)) {
          reordered ||= await judge(grammar, text);
        }
        if (reordered) row.order++;
        else refused.push(where);
      }
    }
  }
  return { ...row, accepted, refused };
}

export async function measure(addon, draft) {
  const suite = await fetchSuite();
  const rows = [];
  for (const file of readDraft(suite, draft)) rows.push(await measureKeyword(addon, dialects[draft], file));
  return rows;
}

const share = (part, whole) => (whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1)} %`);

function table(draft, rows) {
  const sum = rows.reduce(
    (total, row) => ({
      keyword: '**all**',
      schemas: total.schemas + row.schemas,
      compiled: total.compiled + row.compiled,
      named: total.named + row.named,
      instances: total.instances + row.instances,
      right: total.right + row.right,
      order: total.order + row.order,
      accepted: [...total.accepted, ...row.accepted],
      refused: [...total.refused, ...row.refused],
    }),
    { schemas: 0, compiled: 0, named: 0, instances: 0, right: 0, order: 0, accepted: [], refused: [] },
  );
  const lines = [...rows, sum].map((row) =>
    [
      '',
      row.keyword,
      `${row.compiled} of ${row.schemas}`,
      row.named,
      row.instances,
      share(row.right, row.instances),
      row.order,
      row.refused.length,
      row.accepted.length,
      '',
    ]
      .join(' | ')
      .trim(),
  );
  const wrong = sum.accepted.map((where) => `- ${where}`);
  return [
    `### ${draft}`,
    '',
    '| file | schemas compiled | refused by name | instances | judged rightly | order | refused | accepted |',
    '|---|---|---|---|---|---|---|---|',
    ...lines,
    '',
    ...(wrong.length === 0
      ? ['Nothing invalid is accepted.']
      : ['Invalid, and accepted all the same:', '', ...wrong]),
    '',
  ].join('\n');
}

const mark = '<!-- Below: scripts/json-schema/measure.mjs --write -->\n';

// The document with these tables.
export function documentWith(tables) {
  const text = readFileSync(document, 'utf8');
  return `${text.slice(0, text.indexOf(mark) + mark.length)}\n${tables.join('\n')}`;
}

export async function allTables(addon) {
  const tables = [];
  for (const draft of drafts) tables.push(table(draft, await measure(addon, draft)));
  return tables;
}

export const loadAddon = () => createRequire(import.meta.url)(join(nativeBuildDir, 'addon', 'sluice.node'));

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const tables = await allTables(loadAddon());
  if (process.argv.includes('--write')) writeFileSync(document, documentWith(tables));
  else console.log(tables.join('\n'));
}
