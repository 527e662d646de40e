/** What chat says when it starts: what this is, which model, where, which session, where the key is, what is wrong. */
import { harmlessLine } from '../command-line/harmless-text.ts';
import type { Client } from '../connection/api.ts';
import { BUILD } from '../../protocol/version.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { KeyStatus } from '../../protocol/key.ts';

const DEMO = 'demo/offline';

export interface GreetingLine {
  readonly text: string;
  readonly isProblem: boolean;
}

/**
 * Opens the store.
 * @throws ProtocolError KEY_LOCKED, KEY_DENIED or KEY_UNAVAILABLE when it cannot be read, with the remedy.
 */
export async function unlockedKey(client: Client): Promise<KeyStatus> {
  const key = await client.call('key/status', {});
  if (key.state === 'unlocked') return key;
  const kinds = { locked: 'KEY_LOCKED', denied: 'KEY_DENIED', none: 'KEY_UNAVAILABLE' } as const;
  throw new ProtocolError(kinds[key.state], key.reason === '' ? 'the store cannot be read' : key.reason, {
    hint: key.hint,
  });
}

/** The first line: version, model and place. */
export function titleLine(model: string, workspace: string, session: string): string {
  const label = model === DEMO ? `${model} (built-in demo, no network)` : model;
  return `m ${BUILD.version} · ${harmlessLine(label)} · ${harmlessLine(workspace)} · ${session}`;
}

/** Where the key is, when that is a file, and what is wrong with the configuration. */
export async function startNotes(client: Client, key: KeyStatus): Promise<GreetingLine[]> {
  const { configProblems } = await client.call('daemon/status', {});
  const notes: GreetingLine[] = [];
  if (key.provider === 'keyfile') {
    const made = key.created ? 'a key file was made, since no keychain could be reached' : 'a key file is in use';
    notes.push({ text: `key: ${made}: ${key.keyFile ?? 'path unknown'}`, isProblem: false });
  }
  for (const problem of configProblems) notes.push({ text: `configuration: ${problem}`, isProblem: true });
  return notes;
}
