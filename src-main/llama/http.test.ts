import { describe, expect, it } from 'vitest';
import { EventParser } from './http.ts';

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
