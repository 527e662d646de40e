/** The entries and head changes with which a turn begins. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { Part, PromptPart } from '../../protocol/message.ts';
import { titleOf } from '../domain/title.ts';
import type { TurnChange, TurnError } from '../../protocol/turn.ts';
import type { HeadPatch, NewEntry, QueuedPrompt, SessionHead } from './ports.ts';
import { promptOf } from './prompt-body.ts';
import type { SessionWriter } from './session-writer.ts';

/** Why a prompt is not sent that was changed since it was accepted. */
const DAMAGED: TurnError = {
  kind: 'TAMPERED',
  message: 'the stored prompt does not verify, so it was not sent',
  hint: 'Send it again.',
};

/**
 * A turn works in a folder; which one it is must not be a guess.
 * @throws ProtocolError TAMPERED
 */
export function requireWorkspace(path: string): void {
  if (path !== '') return;
  throw new ProtocolError('TAMPERED', 'the stored path of this session’s workspace does not verify', {
    hint: 'The conversation can still be read and exported. Begin a new session to go on.',
  });
}

/** What begins a turn: the prompt, the model when it changes, and that the turn runs. */
export function startEntries(
  parts: { readonly writer: SessionWriter },
  turn: number,
  prompt: readonly PromptPart[],
  model: string,
  before: Pick<SessionHead, 'model' | 'title' | 'turns'>,
): NewEntry[] {
  const { writer } = parts;
  const entries = [userMessage(parts, turn, prompt)];
  if (before.title === '') entries.push(writer.entry('title', turn, { title: titleOf(prompt), automatic: true }));
  if (model !== before.model) entries.push(writer.entry('settings', turn, { model }));
  return [...entries, writer.entry('turn', turn, { state: 'running', model })];
}

/**
 * What a prompt becomes when it leaves the queue: the beginning of its turn, or, when it was cancelled or does not verify
 * any more, its end.
 */
export function leaveQueue(
  parts: { readonly writer: SessionWriter },
  prompt: QueuedPrompt,
  before: Pick<SessionHead, 'model' | 'title' | 'turns'>,
): { readonly entries: NewEntry[]; readonly patch: HeadPatch; readonly runs: boolean } {
  const { turn, body, cancelled } = prompt;
  const { parts: said, model } = promptOf(body);
  if (!cancelled && body !== null) {
    const entries = startEntries(parts, turn, said, model ?? before.model, before);
    return { entries, patch: { ...modelPatch(model), ...titlePatch(before, said) }, runs: true };
  }
  const end: TurnChange = body === null ? { state: 'failed', error: DAMAGED } : { state: 'cancelled' };
  const entries = [userMessage(parts, turn, said), parts.writer.entry('turn', turn, end)];
  return { entries, patch: {}, runs: false };
}

export function titlePatch(before: Pick<SessionHead, 'title'>, prompt: readonly PromptPart[]): { title?: string } {
  return before.title === '' ? { title: titleOf(prompt) } : {};
}

export function modelPatch(model: string | undefined): { model?: string } {
  return model === undefined ? {} : { model };
}

export function userMessage(
  parts: { readonly writer: SessionWriter },
  turn: number,
  prompt: readonly Part[],
): NewEntry {
  return parts.writer.entry('message', turn, { role: 'user', parts: [...prompt] });
}
