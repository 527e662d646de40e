/** The entries and head changes with which a turn begins. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { PromptPart } from '../../protocol/message.ts';
import type { ApprovalMode } from '../../protocol/tool.ts';
import { titleOf } from '../domain/title.ts';
import type { TurnChange, TurnError } from '../../protocol/turn.ts';
import type { HeadPatch, NewEntry, SessionHead } from './ports.ts';
import type { QueuedPrompt } from './waiting-shapes.ts';
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

/** A prompt that begins a turn. */
export interface Beginning extends SettingsChange {
  readonly parts: readonly PromptPart[];
  /** Nobody who could be asked is behind it. */
  readonly unattended?: boolean | undefined;
}

/** What of a session decides how a turn begins. */
export type Before = Pick<SessionHead, 'model' | 'mode' | 'agent' | 'title'>;

/** What begins a turn: the prompt, the settings that change, and that the turn runs. */
export function startEntries(
  { writer }: { readonly writer: SessionWriter },
  turn: number,
  prompt: Beginning,
  before: Before,
): NewEntry[] {
  const said = prompt.parts;
  const entries = [writer.entry('message', turn, { role: 'user', parts: [...said] })];
  if (before.title === '') entries.push(writer.entry('title', turn, { title: titleOf(said), automatic: true }));
  const changed = settingsPatch({
    model: prompt.model === before.model ? undefined : prompt.model,
    mode: prompt.mode === before.mode ? undefined : prompt.mode,
    agent: prompt.agent === before.agent ? undefined : prompt.agent,
  });
  if (Object.keys(changed).length > 0) entries.push(writer.entry('settings', turn, changed));
  const running: TurnChange = { state: 'running', model: prompt.model ?? before.model };
  return [
    ...entries,
    writer.entry('turn', turn, prompt.unattended === true ? { ...running, unattended: true } : running),
  ];
}

/**
 * What a prompt becomes when it leaves the queue: the beginning of its turn, or, when it was cancelled or does not verify
 * any more, its end.
 */
export function leaveQueue(
  parts: { readonly writer: SessionWriter },
  prompt: QueuedPrompt,
  before: Before,
): { readonly entries: NewEntry[]; readonly patch: HeadPatch; readonly runs: boolean } {
  const { turn, body, cancelled } = prompt;
  const said = promptOf(body);
  if (!cancelled && body !== null) {
    const entries = startEntries(parts, turn, said, before);
    return { entries, patch: { ...settingsPatch(said), ...titlePatch(before, said.parts) }, runs: true };
  }
  const end: TurnChange = body === null ? { state: 'failed', error: DAMAGED } : { state: 'cancelled' };
  const message = parts.writer.entry('message', turn, { role: 'user', parts: said.parts });
  const entries = [message, parts.writer.entry('turn', turn, end)];
  return { entries, patch: {}, runs: false };
}

export function titlePatch(before: Pick<SessionHead, 'title'>, prompt: readonly PromptPart[]): { title?: string } {
  return before.title === '' ? { title: titleOf(prompt) } : {};
}

/** What a prompt, or a person, changes of a session's settings; what is not given stays. */
export interface SettingsChange {
  readonly model?: string | undefined;
  readonly mode?: ApprovalMode | undefined;
  readonly agent?: string | undefined;
}

/** Only what is given. */
export function settingsPatch({ model, mode, agent }: SettingsChange): {
  model?: string;
  mode?: ApprovalMode;
  agent?: string;
} {
  return {
    ...(model === undefined ? {} : { model }),
    ...(mode === undefined ? {} : { mode }),
    ...(agent === undefined ? {} : { agent }),
  };
}
