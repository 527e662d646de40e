/** What a session's settings become when an agent is chosen. */
import { stricter } from '../domain/approval-policy.ts';
import type { ApprovalMode } from '../../protocol/tool.ts';
import type { AgentsPort } from './agent-port.ts';
import type { SettingsChange } from './turn-start.ts';

/**
 * An agent brings its model and its mode along, unless the same request names others. One that lies in the workspace can
 * make the mode stricter only: whoever wrote a repository must not decide what it may do here.
 * @throws ProtocolError NOT_FOUND
 */
export async function withAgent<T extends SettingsChange>(
  agents: AgentsPort,
  place: { readonly workspace: string; readonly mode: ApprovalMode },
  wish: T,
): Promise<T> {
  if (wish.agent === undefined || wish.agent === '') return wish;
  const { model, mode, isTrusted } = await agents.choose(place.workspace, wish.agent);
  const allowed = mode === undefined || isTrusted ? mode : stricter(mode, place.mode);
  return { ...wish, model: wish.model ?? model, mode: wish.mode ?? allowed };
}
