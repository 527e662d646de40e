/** The only facts that may stand in a log line. Everything else is dropped, so that no prompt, title, path or secret gets there. */

/** `word`: an identifier of our own making; never text of a person, of a provider or of the operating system. */
const FIELDS = {
  attempt: 'number',
  build: 'word',
  bytes: 'number',
  code: 'word',
  component: 'word',
  connection: 'number',
  count: 'number',
  deliberate: 'boolean',
  durationMs: 'number',
  errorClass: 'word',
  frames: 'frames',
  gapMs: 'number',
  httpStatus: 'number',
  kept: 'number',
  key: 'word',
  keyProvider: 'word',
  kind: 'word',
  leftBytes: 'number',
  method: 'word',
  mode: 'word',
  opId: 'word',
  otherBuild: 'word',
  otherPid: 'number',
  queued: 'number',
  reason: 'word',
  running: 'number',
  seq: 'number',
  sessionId: 'word',
  signal: 'word',
  state: 'word',
  step: 'number',
  traceId: 'word',
  turn: 'number',
  version: 'word',
  waiting: 'number',
} as const;

type Kinds = { number: number; word: string; boolean: boolean; frames: readonly string[] };

/** Fields of one log line. */
export type LogFields = { readonly [K in keyof typeof FIELDS]?: Kinds[(typeof FIELDS)[K]] | undefined };

/** Starts with a letter or digit, and has at most one slash, between two words: method names pass, paths do not. */
const WORD = /^[A-Za-z0-9][A-Za-z0-9_.:+-]{0,79}(?:\/[a-z-]{1,40})?$/;
const FRAME = /^[\w$.<>[\]# -]{1,120}(?: \([\w.-]{1,100}:\d{1,7}:\d{1,7}\))?$/;
const EVENT = /^[a-z][a-z0-9 -]{0,79}$/;

/** A log line says what happened in fixed lower-case words; anything else is replaced. */
export function safeEvent(event: string): string {
  return EVENT.test(event) ? event : 'unnamed event';
}

/** The fields that are on the list and have the form they should have. */
export function safeFields(fields: LogFields): Record<string, unknown> {
  const safe: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && Object.hasOwn(FIELDS, name) && isSafe(FIELDS[name as keyof typeof FIELDS], value)) {
      safe[name] = value;
    }
  }
  return safe;
}

function isSafe(kind: keyof Kinds, value: unknown): boolean {
  switch (kind) {
    case 'number':
      return typeof value === 'number' && Number.isFinite(value);
    case 'boolean':
      return typeof value === 'boolean';
    case 'word':
      return typeof value === 'string' && WORD.test(value);
    case 'frames':
      return Array.isArray(value) && value.length <= 50 && value.every((frame) => FRAME.test(String(frame)));
  }
}
