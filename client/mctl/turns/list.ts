/** `mctl turns list` */
import { fitWidth } from '../../command-line/display-width.ts';
import { harmlessLine } from '../../command-line/harmless-text.ts';
import { localTime } from '../../command-line/wording.ts';
import type { Client } from '../../connection/api.ts';
import { turnSentence } from '../../files/change-words.ts';
import type { Message, Part } from '../../../protocol/message.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { ResultOf } from '../../../protocol/methods.ts';
import type { CatalogRow } from '../../../protocol/session.ts';
import type { SnapshotEntry } from '../../../protocol/snapshot.ts';
import { wholeNumber } from '../number-option.ts';
import { findRow } from '../sessions/find.ts';
import { messagesOf } from '../sessions/messages.ts';
import type { Verb } from '../verb.ts';

interface CallSummary {
  readonly callId: string;
  readonly name: string;
  /** Null while there is no result. */
  isError: boolean | null;
  exitCode: number | null;
}

interface ListedTurn {
  readonly turn: number;
  readonly at: string;
  readonly prompt: string;
  readonly calls: CallSummary[];
  /** What it did to the files; null when that is not known. */
  snapshot: SnapshotEntry | null;
}

const PAGE = 500;
/** Characters of a prompt. */
const LONGEST = 200;

export const list: Verb<{ readonly json?: boolean; readonly tail?: string }> = async ({ context, args, options }) => {
  const tail = wholeNumber('--tail', options.tail) ?? Number.POSITIVE_INFINITY;
  const client = await context.connectUnlocked();
  const row = await findRow(client, context, args[0] ?? '');
  const turns = new Map<number, ListedTurn>();
  for await (const page of messagesOf(client, row)) {
    for (const message of page) see(turns, message);
    for (const turn of turns.keys()) if (turns.size > tail) turns.delete(turn);
  }
  await addFilesOf(client, row, turns);
  if (context.isJson) {
    context.json([...turns.values()]);
    return;
  }
  if (turns.size === 0) context.say('no turn yet');
  for (const turn of turns.values()) {
    context.stdout.line(turnText(turn, context.stdout.columns));
    await context.stdout.drained();
  }
};

/** A save may outlive its session; what is known of the files does not. */
async function addFilesOf(client: Client, row: CatalogRow, turns: Map<number, ListedTurn>): Promise<void> {
  if (row.kind !== 'save') {
    await addFiles(client, row.session.id, turns);
    return;
  }
  try {
    await addFiles(client, row.save.sessionId, turns);
  } catch (error) {
    if (!(error instanceof ProtocolError) || error.kind !== 'NOT_FOUND') throw error;
  }
}

async function addFiles(client: Client, sessionId: string, turns: Map<number, ListedTurn>): Promise<void> {
  const oldest = Math.min(...turns.keys());
  let before = Math.max(...turns.keys()) + 1;
  while (before > oldest) {
    const limit = Math.min(PAGE, before - oldest);
    const page: ResultOf<'turn/list'> = await client.call('turn/list', { sessionId, limit, before });
    for (const { turn, snapshot } of page.turns) {
      const known = turns.get(turn);
      if (known !== undefined) known.snapshot = snapshot;
    }
    if (!page.more) return;
    before -= limit;
  }
}

function see(turns: Map<number, ListedTurn>, { turn, at, role, parts }: Message): void {
  const known = turns.get(turn);
  if (known === undefined) {
    const prompt = role === 'user' ? textOf(parts).slice(0, LONGEST).toWellFormed() : '';
    turns.set(turn, { turn, at, prompt, calls: [], snapshot: null });
  }
  const calls = turns.get(turn)?.calls ?? [];
  for (const part of parts) {
    if (part.type === 'tool-call') calls.push({ callId: part.callId, name: part.name, isError: null, exitCode: null });
    if (part.type !== 'tool-result') continue;
    const call = calls.find(({ callId }) => callId === part.callId);
    if (call !== undefined) {
      call.isError = part.isError;
      call.exitCode = part.details?.exitCode ?? null;
    }
  }
}

function textOf(parts: readonly Part[]): string {
  return parts.map((part) => (part.type === 'text' ? part.text : '')).join('');
}

function turnText({ turn, at, prompt, calls, snapshot }: ListedTurn, columns: number): string {
  const head = fitWidth(`${turn}  ${localTime(at)}  ${harmlessLine(prompt)}`, columns);
  const files = snapshot === null ? undefined : turnSentence(snapshot, []);
  return [head, ...calls.map(callText), ...(files === undefined ? [] : [`   ${harmlessLine(files)}`])].join('\n');
}

function callText({ callId, name, isError, exitCode }: CallSummary): string {
  const ended = exitCode === null ? (isError === true ? 'failed' : 'done') : `exit ${exitCode}`;
  return `   ${harmlessLine(callId)}  ${harmlessLine(name)}  ${isError === null ? 'no result' : ended}`;
}
