/** Writes to sessions and tells whoever listens, in that order. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { DurableEventType, EventData } from '../../protocol/event.ts';
import type { EventHub } from './event-hub.ts';
import type { AppendRequest, AppendResult, ClockPort, NewEntry, SessionHead, VaultPort } from './ports.ts';

/** Delays between attempts at saving what is on screen already, in milliseconds. */
const RETRY_MS = [500, 1_000, 2_000, 5_000, 10_000];

export interface WriterParts {
  readonly vault: VaultPort;
  readonly hub: EventHub;
  readonly clock: ClockPort;
  /** Told of every head that an append has changed. */
  readonly onHead: (head: SessionHead) => void;
}

export class SessionWriter {
  readonly #parts: WriterParts;
  /** Sessions whose newest step is in memory only, with the reason. */
  readonly #unsaved = new Map<string, string>();

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  /** Why something is not saved; undefined while everything is. */
  get unsavedReason(): string | undefined {
    return this.#unsaved.values().next().value;
  }

  get unsavedSessions(): number {
    return this.#unsaved.size;
  }

  entry<T extends DurableEventType>(type: T, turn: number, data: EventData<T>): NewEntry {
    return { type, turn, at: this.#parts.clock.now(), body: JSON.stringify(data), isMessage: type === 'message' };
  }

  /** Once; for what a client waits for and can send again. */
  async append(request: AppendRequest): Promise<AppendResult> {
    const result = await this.#parts.vault.append(request);
    this.#publish(request, result);
    this.#parts.onHead(result.head);
    return result;
  }

  /**
   * Until it is durable, for what cannot be asked for again: a model's reply. Meanwhile the session is not saved, which
   * everybody who looks at it is told with the reason.
   * @throws the signal's reason; ProtocolError for what saving again cannot mend.
   */
  async appendUntilSaved(request: AppendRequest, signal: AbortSignal): Promise<AppendResult> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const result = await this.append(attempt === 0 ? request : { ...request, retried: true });
        this.saved(request.sessionId);
        return result;
      } catch (error) {
        if (!isStorageTrouble(error)) throw error;
        this.notSaved(request.sessionId, error);
      }
      await pause(RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)] ?? 0, signal);
    }
  }

  /**
   * As `append`, again and again while the disk refuses it; for what is durable elsewhere until it succeeds.
   * @throws the signal's reason; ProtocolError for what saving again cannot mend.
   */
  async appendPatiently(request: AppendRequest, retryMs: number, signal: AbortSignal): Promise<AppendResult> {
    for (;;) {
      try {
        return await this.append(request);
      } catch (error) {
        if (!isStorageTrouble(error)) throw error;
      }
      await pause(retryMs, signal);
    }
  }

  /** Also what had been written before: its answer may have been lost, and who knows it already does not hear it again. */
  #publish(request: AppendRequest, result: AppendResult): void {
    const stored = request.entries.map(({ type, turn, at, body }, index) => ({
      seq: result.firstSeq + index,
      type,
      turn: request.inNewestTurn === true ? result.turn : turn,
      at,
      body,
    }));
    this.#parts.hub.publish(result.sessionId, stored);
  }

  /** What is on screen is in memory only. */
  notSaved(sessionId: string, error: ProtocolError): void {
    // Whoever shows the reason says first that something is not saved.
    const reason = error.message.replace(/^not saved: /, '');
    this.#unsaved.set(sessionId, reason);
    this.#parts.hub.setUnsaved(sessionId, reason);
  }

  /** What is on screen is durable again. */
  saved(sessionId: string): void {
    if (!this.#unsaved.delete(sessionId)) return;
    this.#parts.hub.setUnsaved(sessionId, null);
  }
}

/** Trouble with the disk that may pass. */
export function isStorageTrouble(error: unknown): error is ProtocolError {
  return (
    error instanceof ProtocolError &&
    (error.kind === 'STORAGE_FULL' || error.kind === 'STORAGE_FAILED' || error.kind === 'DEADLINE')
  );
}

/** Resolves after a while; rejects with the signal's reason when that comes first. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(reasonOf(signal));
      return;
    }
    const timer = setTimeout(done, ms);
    function done(): void {
      signal.removeEventListener('abort', aborted);
      resolve();
    }
    function aborted(): void {
      clearTimeout(timer);
      reject(reasonOf(signal));
    }
    signal.addEventListener('abort', aborted, { once: true });
  });
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('aborted');
}
