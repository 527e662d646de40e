/** Checks every stretch of output that a session shares, and its length where the log says it. */
import type { ToolResultPart } from '../../protocol/message.ts';
import { TamperError } from './cipher.ts';
import { BEGINNING, type OutputStore } from './outputs.ts';
import type { SessionStore } from './sessions.ts';
import { SliceTimer, type SlicedJob } from './slices.ts';

export class OutputVerifier {
  readonly #outputs: OutputStore;
  readonly #sessions: SessionStore;

  constructor(outputs: OutputStore, sessions: SessionStore) {
    this.#outputs = outputs;
    this.#sessions = sessions;
  }

  /**
   * What is wrong with the outputs of a session, in sentences, one a call.
   * @param kept bytes that the results of calls say were kept.
   */
  *problems(sessionId: string, kept: ReadonlyMap<string, number>): SlicedJob<string[]> {
    const problems: string[] = [];
    const calls = new Set(kept.keys());
    for (const { segment } of this.#sessions.load(sessionId).uses) {
      let call = this.#outputs.callAfter(segment, '');
      for (; call !== undefined; call = this.#outputs.callAfter(segment, call)) calls.add(call);
    }
    for (const call of calls) {
      try {
        const length = yield* this.#measure(sessionId, call);
        const expected = kept.get(call) ?? length;
        if (length < expected) throw new TamperError(`it ends after ${length} bytes; its result says ${expected}`);
      } catch (error) {
        if (!(error instanceof TamperError)) throw error;
        problems.push(`the output of call ${call}: ${error.message}`);
      }
    }
    return problems;
  }

  /** The bytes of an output, all of which verify. @throws TamperError */
  *#measure(sessionId: string, call: string): SlicedJob<number> {
    const timer = new SliceTimer();
    let tail = BEGINNING;
    for (;;) {
      // Asked for anew each time: its segments may be moved to other keys between two slices.
      const next = this.#outputs.check(this.#sessions.load(sessionId), call, tail);
      if (next === undefined) return tail.offset;
      tail = next;
      if (timer.used()) yield;
    }
  }
}

/** Bytes of kept output of which an entry tells, if it holds results of calls. */
export function lengthsInResults(body: string): { callId: string; bytes: number }[] {
  // Nearly every entry says nothing of it, and to parse each would cost more than to check it.
  if (!body.includes('"keptBytes":')) return [];
  const { role, parts = [] } = JSON.parse(body) as { role?: string; parts?: readonly Partial<ToolResultPart>[] };
  if (role !== 'tool') return [];
  return parts.flatMap(({ type, callId, details }) =>
    type === 'tool-result' && callId !== undefined && details?.keptBytes !== undefined
      ? [{ callId, bytes: details.keptBytes }]
      : [],
  );
}
