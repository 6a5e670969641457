// Constrained generations over every grammar of the library: other seeds, temperatures from 0 to 1.5, limits that cut
// answers off. Each is told by its index alone, so that a run can be taken up where it was left; nothing is retried.
import { Ajv2020 } from 'ajv/dist/2020.js';

const temperatures = [0, 0.3, 0.7, 1, 1.5];
const limits = [8, 64, 300, 1000];

// What the one of this index asks for. Grammars take turns; temperatures and limits meet in every combination.
export function taskOf(index, library) {
  const grammar = library[index % library.length];
  const round = Math.floor(index / library.length);
  return {
    index,
    grammar: grammar.name,
    temperature: temperatures[round % temperatures.length],
    maxTokens: limits[(round + Math.floor(round / 20) + index) % limits.length],
    seed: 1000 + index,
  };
}

// Whether a finished text is what it should be, found without the grammar's machinery: by another judge of JSON
// Schema, and by the reader with which the studio takes such an answer. Null: it is.
function fault(grammar, schema, readAnswer, text) {
  try {
    if (schema !== null) {
      const ajv = new Ajv2020({ strict: false });
      if (!ajv.validate(schema, JSON.parse(text))) return `against its schema: ${ajv.errorsText()}`;
    }
    readAnswer(grammar.name, text);
    return null;
  } catch (error) {
    return `cannot be read: ${error.message}`;
  }
}

// Asks one. The record that comes back is plain data: `outcome` is valid, cut or wrong (then `why` and `text` tell).
// Null when `signal` was given up meanwhile.
export async function generate(task, { service, library, grammarText, readAnswer, model, signal }) {
  const grammar = library.find(({ name }) => name === task.grammar);
  const source = { kind: grammar.kind, text: grammarText(grammar), lenient: false, marker: null };
  const notices = [];
  const answer = await service.ask(
    {
      model,
      messages: [
        ...(grammar.system === '' ? [] : [{ role: 'system', content: grammar.system }]),
        { role: 'user', content: grammar.prompt },
      ],
      grammar: source,
      conversation: null,
      priority: 0,
      maxTokens: task.maxTokens,
      temperature: task.temperature,
      topP: 1,
      seed: task.seed,
      stop: [],
      timeoutSeconds: 3600,
    },
    {
      onText: () => undefined,
      onNotice: (text) => notices.push(text),
      ...(signal === undefined ? {} : { signal }),
    },
  );
  if (answer.stopped === 'user') return null;
  const schema = source.kind === 'json-schema' ? JSON.parse(source.text) : null;
  const why =
    answer.stopped === 'limit'
      ? answer.valid === false
        ? null
        : 'cut off, and not said to be invalid'
      : answer.valid
        ? fault(grammar, schema, readAnswer, answer.text)
        : 'finished, and not valid';
  const outcome = why !== null ? 'wrong' : answer.stopped === 'limit' ? 'cut' : 'valid';
  return {
    ...task,
    outcome,
    tokens: answer.tokens,
    ...(why === null ? {} : { why, text: answer.text.slice(0, 2000), notices }),
  };
}

// Those tasks with so many at once; `onRecord` gets each as it comes. Ends early when `place.signal` is given up: what
// runs then is left out.
export async function generateAll(tasks, { parallel, onRecord, ...place }) {
  let next = 0;
  const stopped = () => place.signal?.aborted === true;
  const worker = async () => {
    while (next < tasks.length && !stopped()) {
      const record = await generate(tasks[next++], place).catch((error) => {
        if (stopped()) return null; // the terminal's Ctrl-C ends the server too
        throw error;
      });
      if (record !== null) onRecord(record);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
}

// Counts by a field of the records, in the order in which its values first come.
export function countBy(records, field) {
  const counts = new Map();
  for (const record of records) {
    const count = counts.get(record[field]) ?? { asked: 0, valid: 0, cut: 0, wrong: 0, tokens: 0 };
    count.asked++;
    count[record.outcome]++;
    count.tokens += record.tokens;
    counts.set(record[field], count);
  }
  return counts;
}
