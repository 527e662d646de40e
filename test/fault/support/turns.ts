/** Short ways to give prompts and to look at turns. */
import type { Client } from '../../../client/connection/api.ts';
import { textOf } from '../../../client/conversation/reply-text.ts';
import { waitUntil, type RealHome } from '../../support/real-daemon.ts';

/** Where a prompt goes: a session, or a new one in a home's workspace. */
export type Place = RealHome | string;

export async function submit(client: Client, place: Place, text: string): Promise<{ sessionId: string; turn: number }> {
  const target =
    typeof place === 'string'
      ? ({ kind: 'session', sessionId: place } as const)
      : ({ kind: 'new', workspace: place.workspace } as const);
  return client.call('turn/submit', { opId: client.newOpId(), target, prompt: [{ type: 'text', text }] });
}

export async function statusOf(client: Client, sessionId: string): Promise<string> {
  return (await client.call('session/get', { sessionId })).session.status;
}

export async function untilStatus(client: Client, sessionId: string, status: string, limitMs?: number): Promise<void> {
  await waitUntil(`the session is ${status}`, async () => (await statusOf(client, sessionId)) === status, limitMs);
}

/** The texts of a session's messages, oldest first. */
export async function textsOf(client: Client, sessionId: string): Promise<string[]> {
  const { messages } = await client.call('session/messages', { sessionId, limit: 500 });
  return messages.map(({ parts }) => textOf(parts));
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
