/** `m run --json` on a model that a test serves itself, and what can be read of it afterwards. */
import {
  chunk,
  delta,
  DONE,
  finish,
  LAST_CHUNK,
  STREAM_HEAD,
  USAGE,
} from '../../daemon/agent/support/provider-server.ts';
import { expect } from 'vitest';
import { realHome, type Program, type RealHome } from '../../support/real-daemon.ts';

export const REPLY = 'The answer, word by word, as a server sends it.';
/** An HTTP response that holds this reply. */
export const WHOLE_REPLY = STREAM_HEAD + chunk(delta(REPLY) + finish() + USAGE + DONE) + LAST_CHUNK;

export interface TurnError {
  readonly kind: string;
  readonly message: string;
  readonly hint: string;
}

/** One line of `m run --json`. */
export interface Line extends Record<string, unknown> {
  readonly type: string;
  readonly error?: TurnError;
}

/** A home whose model is on this server, with short patience. */
export function homeOf(baseUrl: string): RealHome {
  return realHome({
    config: [
      'model = "local/some-model"',
      '[providers.local]',
      `base_url = "${baseUrl}"`,
      'api_key_env = "LOCAL_API_KEY"',
      'connect_timeout_seconds = 1',
      'first_byte_timeout_seconds = 0.5',
      'silence_timeout_seconds = 0.5',
      '',
    ].join('\n'),
    environment: { LOCAL_API_KEY: 'a-key-of-this-test' },
  });
}

export function linesOf(program: Program): Line[] {
  return program
    .stdout()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

export interface Ended {
  readonly code: number | null;
  readonly lines: Line[];
  readonly last: Line;
  readonly types: string[];
}

/** Waits for the end of `m run --json`. */
export async function ran(program: Program): Promise<Ended> {
  const { code } = await program.exit;
  const lines = linesOf(program);
  for (const line of program.stderr().trim().split('\n')) expect(line === '' || line.startsWith('m: ')).toBe(true);
  return { code, lines, last: lines.at(-1) ?? { type: 'none' }, types: lines.map(({ type }) => type) };
}

export async function run(home: RealHome, ...args: string[]): Promise<Ended> {
  return ran(home.m(['run', '--json', ...args]));
}

/** The first line of a type. */
export function firstOf(lines: readonly Line[], type: string): Line {
  const line = lines.find((one) => one.type === type);
  if (line === undefined) throw new Error(`there is no line ${type} in ${JSON.stringify(lines)}`);
  return line;
}

/** The text of the last step, put together as a program does it. */
export function textOf(lines: readonly Line[]): string {
  const step = Math.max(...lines.map((line) => Number(line['step'] ?? 0)));
  const pieces = lines.filter((line) => line.type === 'delta' && line['step'] === step);
  return pieces.map((line) => String(line['text'])).join('');
}

/** What `mctl sessions list --json` says of the only session. */
export async function onlySession(home: RealHome): Promise<Record<string, unknown>> {
  const list = home.mctl(['sessions', 'list', '--json']);
  expect(await list.exit).toEqual({ code: 0, signal: null });
  const sessions = JSON.parse(list.stdout()) as Record<string, unknown>[];
  expect(sessions).toHaveLength(1);
  return sessions[0] ?? {};
}

/** The roles and texts of what is stored of the only session. */
export async function stored(home: RealHome): Promise<string[]> {
  const show = home.mctl(['sessions', 'show', String((await onlySession(home))['id']), '--json']);
  expect(await show.exit).toEqual({ code: 0, signal: null });
  const { messages } = JSON.parse(show.stdout()) as { messages: { role: string; parts: { text: string }[] }[] };
  return messages.map(({ role, parts }) => `${role}: ${parts.map(({ text }) => text).join('')}`);
}
