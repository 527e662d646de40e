/** The entries and head changes with which a turn begins. */
import type { Part, PromptPart } from '../../protocol/message.ts';
import { titleOf } from '../domain/title.ts';
import type { NewEntry, SessionHead } from './ports.ts';
import type { SessionWriter } from './session-writer.ts';

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
