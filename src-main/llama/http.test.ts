import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { call, EventParser } from './http.ts';

const text = ': ping\r\n\r\ndata: {"a":1}\n\ndata: two\ndata:lines\n\nevent: x\ndata: [DONE]\n\n';

describe('server-sent events', () => {
  it('are the same wherever the text is cut', () => {
    const expected = ['{"a":1}', 'two\nlines', '[DONE]'];
    for (let size = 1; size <= text.length; size++) {
      const parser = new EventParser();
      const events: string[] = [];
      for (let at = 0; at < text.length; at += size) events.push(...parser.push(text.slice(at, at + size)));
      expect(events).toEqual(expected);
    }
  });

  it('that are not ended are not events', () => {
    expect(new EventParser().push('data: half\n')).toEqual([]);
  });
});

it('a request on a connection that the server has closed goes out again on a new one', async () => {
  const used = new WeakSet();
  let closed = 0;
  const server = createServer(({ socket }, response) => {
    if (used.has(socket)) {
      closed++;
      socket.destroy();
      return;
    }
    used.add(socket);
    setTimeout(() => response.end('{}'), 20);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, key: null };
  const ask = () => call(endpoint, { method: 'GET', path: '/' });
  await Promise.all([ask(), ask(), ask()]); // three connections are kept now
  expect((await ask()).status).toBe(200);
  expect(closed).toBe(1);
  server.closeAllConnections();
  server.close();
});
