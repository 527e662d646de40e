/** What chat says when it starts: what this is, which model, where, which session, where the key is, what is wrong. */
import { harmlessLine } from '../command-line/harmless-text.ts';
import { keyNote } from '../keys/key-note.ts';
import { removalNotice } from '../files/status-text.ts';
import type { Client } from '../connection/api.ts';
import { BUILD } from '../../protocol/version.ts';
import type { KeyStatus } from '../../protocol/key.ts';

const DEMO = 'demo/offline';

export interface GreetingLine {
  readonly text: string;
  readonly isProblem: boolean;
}

/** The first line: version, model and place. */
export function titleLine(model: string, workspace: string, session: string): string {
  const label = model === DEMO ? `${model} (built-in demo, no network)` : model;
  return `m ${BUILD.version} · ${harmlessLine(label)} · ${harmlessLine(workspace)} · ${session}`;
}

/** Where the key is, when that is a file, what is wrong with the configuration, and whether snapshots will go. */
export async function startNotes(
  client: Client,
  key: KeyStatus,
  environment: NodeJS.ProcessEnv,
): Promise<GreetingLine[]> {
  const { configProblems, snapshotsGoAt } = await client.call('daemon/status', {});
  const notes: GreetingLine[] = [];
  const note = keyNote(key, environment);
  if (note !== undefined) notes.push({ text: note, isProblem: false });
  for (const problem of configProblems) notes.push({ text: `configuration: ${problem}`, isProblem: true });
  if (snapshotsGoAt !== undefined) notes.push({ text: removalNotice(snapshotsGoAt), isProblem: false });
  return notes;
}
