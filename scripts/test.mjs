// Runs the test suites: all of them, or those whose names are given. One file a suite in suites/; a suite exports
// `name` and `run(check)`, where `check(title, ok, detail)` counts one result and `check.count(passed, failed)` many.
// A suite that counts nothing has failed. One that needs what set-up does not bring exports `missing()`, the reason why it
// is left out or null; who names it runs it all the same. The last line is "N passed, N failed" over all suites.
//
// Suites run one after the other, but for those that export `beside = true`: they run beside the others, and are to start
// their programs with a low priority, so that they have what the others leave while these wait for windows and servers.
// What they say is printed when they end.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepareOrExit } from './bootstrap/index.mjs';
import { root } from './lib/paths.mjs';

const suitesDir = join(root, 'scripts', 'suites');
const wanted = process.argv.slice(2).filter((arg) => !arg.startsWith('-'));

async function loadSuites() {
  const files = readdirSync(suitesDir)
    .filter((file) => file.endsWith('.mjs'))
    .sort();
  const suites = await Promise.all(files.map((file) => import(pathToFileURL(join(suitesDir, file)).href)));
  const unknown = wanted.filter((name) => !suites.some((suite) => suite.name === name));
  if (unknown.length > 0) {
    console.error(`no such suite: ${unknown.join(', ')}; there are ${suites.map((s) => s.name).join(', ')}`);
    process.exit(2);
  }
  if (wanted.length > 0) return suites.filter((suite) => wanted.includes(suite.name));
  return suites.filter((suite) => {
    const reason = suite.missing?.() ?? null;
    if (reason !== null) console.log(`the suite ${suite.name} is left out: ${reason}`);
    return reason === null;
  });
}

function makeCheck(print) {
  const counts = { passed: 0, failed: 0 };
  const check = (title, ok, detail = '') => {
    counts[ok ? 'passed' : 'failed']++;
    print(`  ${ok ? 'ok  ' : 'FAIL'} ${title}`);
    if (!ok && detail) print(String(detail).replace(/^/gm, '       '));
    return ok;
  };
  check.count = (passed, failed) => {
    counts.passed += passed;
    counts.failed += failed;
  };
  check.note = (text) => print(`  ${text}`);
  check.output = print; // what a failed program said
  return { check, counts };
}

await prepareOrExit('test');
const suites = await loadSuites(); // after set-up: a suite may import what that installs

const results = [];

async function runSuite(suite, print) {
  print(`\n== ${suite.name}`);
  const started = performance.now();
  const { check, counts } = makeCheck(print);
  try {
    await suite.run(check);
    if (counts.passed + counts.failed === 0) check('the suite ran at least one test', false);
  } catch (error) {
    check('the suite ran to its end', false, error.stack);
  }
  results.push({ name: suite.name, seconds: (performance.now() - started) / 1000, ...counts });
}

async function runInTurn(list) {
  for (const suite of list) await runSuite(suite, console.log);
}

async function runBeside(list) {
  for (const suite of list) {
    const said = [];
    await runSuite(suite, (text) => said.push(text));
    console.log(said.join('\n'));
  }
}

await Promise.all([
  runInTurn(suites.filter((suite) => !suite.beside)),
  runBeside(suites.filter((suite) => suite.beside)),
]);

console.log('\n== summary');
for (const { name, passed, failed, seconds } of results) {
  const counts = `${String(passed).padStart(5)} passed ${String(failed).padStart(3)} failed`;
  console.log(
    `${failed > 0 ? 'FAIL' : 'ok  '} ${name.padEnd(14)} ${counts} ${seconds.toFixed(1).padStart(8)} s`,
  );
}
const passed = results.reduce((sum, result) => sum + result.passed, 0);
const failed = results.reduce((sum, result) => sum + result.failed, 0);
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
