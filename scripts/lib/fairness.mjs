// Conversations that talk at once: how many tokens each had when all together have had `total`, and how long any of them
// waited for its next one. Answers are of different lengths, so that who asks for more would get more where turns are
// counted instead of tokens.
export async function talkAtOnce({ service, model, conversations, total }) {
  const tokens = new Array(conversations).fill(0);
  const last = new Array(conversations).fill(performance.now());
  let longestWait = 0;
  let done = false;
  const began = performance.now();
  const talk = async (who) => {
    const messages = [{ role: 'user', content: `Tell me about the number ${who}.` }];
    for (let turn = 0; !done; turn++) {
      const request = {
        model,
        messages,
        grammar: null,
        conversation: `talk-${who}`,
        priority: 0,
        maxTokens: 4 + 2 * (who % 4),
        temperature: 1,
        topP: 1,
        seed: 100 * who + turn,
        stop: [],
        timeoutSeconds: 600,
      };
      const onText = () => {
        const now = performance.now();
        longestWait = Math.max(longestWait, now - last[who]);
        last[who] = now;
        if (!done) tokens[who]++;
        if (tokens.reduce((sum, count) => sum + count, 0) >= total) done = true;
      };
      await service.ask(request, { onText, onNotice: () => undefined });
    }
  };
  await Promise.all(tokens.map((_, who) => talk(who)));
  const seconds = (performance.now() - began) / 1000;
  return {
    tokens,
    ratio: Math.min(...tokens) / Math.max(...tokens),
    longestWaitSeconds: longestWait / 1000,
    seconds,
  };
}
