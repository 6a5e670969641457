// A conversation as its model's own template writes it. The server writes conversations out, which costs a round trip
// before each answer; so it is asked once for each sequence of roles, with marks in place of the messages, and later
// conversations are filled in here. What a template might look into is left to the server.
import { z } from 'zod';
import type { ChatMessage } from '../../src-preload/contract/language.ts';
import { refused } from './completion.ts';
import { call, type Endpoint } from './http.ts';

// What stands before, between and after the messages.
export type Frame = readonly string[];

// Nobody's words, and nothing that a template looks for.
export const mark = (index: number): string => `quoth${index}raven`;

// The frame that a text with the marks shows, or null when it does not have each message once, in turn.
export function frameOf(text: string, messages: number): Frame | null {
  const frame: string[] = [];
  let rest = text;
  for (let index = 0; index < messages; index++) {
    const parts = rest.split(mark(index));
    const [before, after] = parts;
    if (parts.length !== 2 || before === undefined || after === undefined) return null;
    frame.push(before);
    rest = after;
  }
  return [...frame, rest];
}

// Templates cut white space, take thoughts and calls out of earlier answers, and leave empty messages out: only words
// that none of this can concern are filled in.
const isPlain = ({ content }: ChatMessage): boolean =>
  content !== '' && content === content.trim() && !/[<>[\]{}|]/.test(content);

const fill = (frame: Frame, messages: readonly ChatMessage[]): string =>
  frame.map((piece, index) => piece + (messages[index]?.content ?? '')).join('');

const written = z.looseObject({ prompt: z.string() });

async function writeOut(
  endpoint: Endpoint,
  messages: readonly ChatMessage[],
  signal?: AbortSignal,
): Promise<string> {
  const reply = await call(endpoint, {
    method: 'POST',
    path: '/apply-template',
    body: { messages },
    ...(signal === undefined ? {} : { signal }),
  });
  const parsed = written.safeParse(reply.body);
  if (reply.status !== 200 || !parsed.success) throw refused(reply.status, reply.body);
  return parsed.data.prompt;
}

const FRAMES_KEPT = 64;

// The frames of the servers that were asked lately: a process's key is its own, and some templates write the day.
export class Templates {
  #frames = new Map<string, Frame | null>();

  // Throws what the server refuses with.
  async apply(endpoint: Endpoint, messages: readonly ChatMessage[], signal: AbortSignal): Promise<string> {
    if (!messages.every(isPlain)) return writeOut(endpoint, messages, signal);
    const roles = messages.map(({ role }) => role);
    const known = this.#known(endpoint, roles);
    const frame = known === undefined ? await this.#learn(endpoint, roles, signal) : known;
    return frame === null ? writeOut(endpoint, messages, signal) : fill(frame, messages);
  }

  // Learns, beside what goes on, how the next turn of a conversation will be written.
  prepareTurnAfter(endpoint: Endpoint, messages: readonly ChatMessage[]): void {
    const roles = [...messages.map(({ role }) => role), 'assistant', 'user'] as const;
    if (this.#known(endpoint, roles) !== undefined) return;
    this.#learn(endpoint, roles).catch(() => undefined); // the turn itself will say what is wrong
  }

  #key(endpoint: Endpoint, roles: readonly ChatMessage['role'][]): string {
    return [endpoint.url, endpoint.key ?? '', new Date().toDateString(), ...roles].join('\n');
  }

  #known(endpoint: Endpoint, roles: readonly ChatMessage['role'][]): Frame | null | undefined {
    return this.#frames.get(this.#key(endpoint, roles));
  }

  async #learn(
    endpoint: Endpoint,
    roles: readonly ChatMessage['role'][],
    signal?: AbortSignal,
  ): Promise<Frame | null> {
    const marked = roles.map((role, index) => ({ role, content: mark(index) }));
    const frame = frameOf(await writeOut(endpoint, marked, signal), roles.length);
    this.#frames.set(this.#key(endpoint, roles), frame);
    const [oldest] = this.#frames.keys();
    if (this.#frames.size > FRAMES_KEPT && oldest !== undefined) this.#frames.delete(oldest);
    return frame;
  }
}
