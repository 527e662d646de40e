/** The messages that are written: of many lengths, as in real conversations, and the same in every run. */
import { monotonicFactory } from 'ulid';
import type { AppendRequest, NewEntry } from '../../../daemon/services/ports.ts';

const IDS_AT_ONCE = 512;
const nextId = monotonicFactory();
let ids: string[] = [];

/** Ids are ordered by time, as those of clients are. Made ahead: the first of a millisecond costs a tenth of a step. */
export function newId(): string {
  if (ids.length === 0) ids = Array.from({ length: IDS_AT_ONCE }, () => nextId()).toReversed();
  return ids.pop() ?? nextId();
}

const COUNT = 1024;
const MEDIAN_BYTES = 1_250;
const LONGEST_BYTES = 16_000;

/** Bodies of messages, log-normal in length around 1.25 KB, 2 KB in the mean. */
const BODIES: readonly string[] = makeBodies();

let next = 0;

/** The body of one more message. */
export function nextBody(): string {
  next += 1;
  return BODIES[next % COUNT] ?? '';
}

/** One more message as a step of a session: one entry. */
export function nextStep(sessionId: string, turn: number): AppendRequest {
  return { opId: newId(), sessionId, entries: [message(turn, nextBody())], patch: {} };
}

/** A finished turn: two messages and what the turn says of itself. */
export function wholeTurn(sessionId: string, turn: number, create?: AppendRequest['create']): AppendRequest {
  return {
    opId: newId(),
    sessionId,
    entries: [message(turn, nextBody()), change(turn, 'running'), message(turn, nextBody()), change(turn, 'completed')],
    patch: { turns: turn, usage: { inputTokens: 300, outputTokens: 200 } },
    ...(create === undefined ? {} : { create }),
  };
}

function message(turn: number, body: string): NewEntry {
  return { type: 'message', turn, at: Date.now(), body, isMessage: true };
}

function change(turn: number, state: string): NewEntry {
  return { type: 'turn', turn, at: Date.now(), body: JSON.stringify({ state }), isMessage: false };
}

function makeBodies(): string[] {
  const random = randomNumbers(7);
  const words = Array.from({ length: 500 }, () => Math.floor(random() * 36 ** 6).toString(36));
  return Array.from({ length: COUNT }, (_, index) => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const length = Math.min(LONGEST_BYTES, Math.round(MEDIAN_BYTES * Math.exp(normal)));
    let text = '';
    while (text.length < length) text += `${words[Math.floor(random() * words.length)] ?? ''} `;
    const role = index % 2 === 0 ? 'user' : 'assistant';
    return JSON.stringify({ role, parts: [{ type: 'text', text: text.slice(0, length) }] });
  });
}

/** Numbers from 0 to 1 that are the same in every run (a linear congruential generator). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
