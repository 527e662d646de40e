/** Gives the daemon an answer to a question about a call. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from '../connection/api.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Answer } from './answers.ts';

export interface AnswerPlace {
  readonly sessionId: string;
  readonly callId: string;
  /** Whether the question stands here still: nobody has told that it was answered, or that its turn has ended. */
  readonly isAsked: () => boolean;
}

/** A daemon that has just started asks again what its log leaves open, but not at once. */
const PATIENCE_MS = 10_000;
const PAUSE_MS = 100;

/** @throws ProtocolError CONFLICT when it was answered before, and what calls throw. */
export async function giveAnswer(client: Client, place: AnswerPlace, answer: Answer): Promise<void> {
  const { sessionId, callId, isAsked } = place;
  const params = { opId: client.newOpId(), sessionId, callId, ...answer };
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      await client.call('approval/answer', params);
      return;
    } catch (error) {
      const isEarly = error instanceof ProtocolError && error.kind === 'CONFLICT' && isAsked();
      if (!isEarly || performance.now() > deadline) throw error;
    }
    await pause(PAUSE_MS);
  }
}
