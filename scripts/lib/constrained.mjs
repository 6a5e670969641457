// Constrained generations over every grammar of the library: other seeds, temperatures from 0 to 1.5, limits that cut
// answers off. What each came to is counted by grammar; nothing is retried.
const temperatures = [0, 0.3, 0.7, 1, 1.5];
const limits = [8, 48, 300, 900];

// Whether the text is what its notation says, found without the grammar's own machinery.
function parses(kind, text) {
  if (kind !== 'json-schema') return text.length > 0;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

// `onAnswer` sees each. Returns { [grammar]: { valid, truncated, failures: [{…}] } }.
export async function constrained({
  service,
  library,
  grammarText,
  model,
  count,
  slots,
  onAnswer = () => undefined,
}) {
  const results = Object.fromEntries(
    library.map(({ name }) => [name, { valid: 0, truncated: 0, tokens: 0, failures: [] }]),
  );
  const one = async (index) => {
    const grammar = library[index % library.length];
    const round = Math.floor(index / library.length);
    const temperature = temperatures[round % temperatures.length];
    const maxTokens = limits[(round + index) % limits.length];
    const seed = 1000 + index;
    const notices = [];
    const messages = [
      ...(grammar.system === '' ? [] : [{ role: 'system', content: grammar.system }]),
      { role: 'user', content: grammar.prompt },
    ];
    const answer = await service.ask(
      {
        model,
        messages,
        grammar: { kind: grammar.kind, text: grammarText(grammar), lenient: false, marker: null },
        conversation: null,
        priority: 0,
        maxTokens,
        temperature,
        topP: 1,
        seed,
        stop: [],
        timeoutSeconds: 1200,
      },
      { onText: () => undefined, onNotice: (text) => notices.push(text) },
    );
    const result = results[grammar.name];
    result.tokens += answer.tokens;
    const fail = (why) =>
      result.failures.push({ why, seed, temperature, maxTokens, text: answer.text.slice(0, 2000), notices });
    if (answer.stopped === 'limit') {
      if (answer.valid === false) result.truncated++;
      else fail('cut off, and not said to be invalid');
    } else if (!answer.valid) fail('finished, and not valid');
    else if (!parses(grammar.kind, answer.text)) fail('said to be valid, and does not parse');
    else result.valid++;
    onAnswer(grammar.name, answer);
  };
  let next = 0;
  const worker = async () => {
    while (next < count) await one(next++);
  };
  await Promise.all(Array.from({ length: slots }, worker));
  return results;
}
