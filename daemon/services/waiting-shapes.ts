/** What waits beside the log of a session: prompts for their turn, and the reply that is being written. */

/** A prompt that waits for its turn. */
export interface QueuedPrompt {
  readonly opId: string;
  readonly turn: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** JSON text of the prompt, as it was given to `enqueue`; null when it does not verify any more. */
  readonly body: string | null;
  /** Its place in the order is kept until the turns before it have ended. */
  readonly cancelled: boolean;
}

export interface EnqueueRequest {
  readonly opId: string;
  readonly sessionId: string;
  readonly at: number;
  readonly body: string;
  readonly fingerprint: string;
  /** As in AppendRequest. */
  readonly environment?: string;
}

export interface EnqueueResult {
  readonly sessionId: string;
  readonly turn: number;
  readonly repeated: boolean;
}

/** A part of a reply that is being written; outside the log until the final message replaces it. */
export interface Draft {
  readonly turn: number;
  readonly step: number;
  readonly text: string;
  readonly reasoning: string;
}

/** A stretch of a draft; the same one written twice is there once. */
export interface DraftChunk extends Draft {
  /** Counts the stretches of one step, from 1. */
  readonly chunk: number;
}
