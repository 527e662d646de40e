/** Checks every stretch of output that a log has, and its length where the log says it. */
import type { ToolResultPart } from '../../protocol/message.ts';
import { TamperError } from './cipher.ts';
import type { Db } from './database.ts';
import { BEGINNING, type Holder, type OutputStore } from './outputs.ts';
import { SliceTimer, type SlicedJob } from './slices.ts';

/** Whose outputs are checked. */
export interface OutputHolder extends Holder {
  /** Last entry of its log. */
  readonly lastSeq: number;
}

/** Bytes of output that the results of calls say were kept, by call. */
export class KeptLengths extends Map<string, number> {
  /** @param body of an entry. */
  readonly add = (body: string): void => {
    for (const { callId, bytes } of lengthsInResults(body)) this.set(callId, bytes);
  };
}

export class OutputVerifier {
  readonly #outputs: OutputStore;
  readonly #endOf;

  constructor(db: Db, outputs: OutputStore) {
    this.#outputs = outputs;
    this.#endOf = db.prepare<[number], number>('SELECT last_seq FROM segment WHERE id = ?').pluck();
  }

  /**
   * What is wrong with the outputs of a session or a save, in sentences, one a call.
   * @param holder asked for anew for each slice: its segments may be moved to other keys meanwhile.
   */
  *problems(holder: () => OutputHolder, kept: KeptLengths): SlicedJob<string[]> {
    const problems = this.#misplaced(holder());
    for (const call of this.#callsOf(holder(), kept.keys())) {
      try {
        const length = yield* this.#measure(holder, call);
        const expected = kept.get(call) ?? length;
        if (length < expected) throw new TamperError(`it ends after ${length} bytes; its result says ${expected}`);
      } catch (error) {
        if (!(error instanceof TamperError)) throw error;
        problems.push(`the output of call ${call}: ${error.message}`);
      }
    }
    return problems;
  }

  #callsOf({ uses }: OutputHolder, known: Iterable<string>): Set<string> {
    return new Set([...known, ...uses.flatMap(({ segment }) => [...this.#outputs.callsOf(segment)])]);
  }

  /** A stretch that says it came behind the end is in no page, and so would not be missed. */
  #misplaced({ uses, lastSeq }: OutputHolder): string[] {
    return uses.flatMap(({ segment, upTo }) => {
      const end = upTo === null ? lastSeq : this.#endOf.get(segment);
      const behind = typeof end === 'number' ? this.#outputs.countBehind(segment, end) : 0;
      return behind === 0 ? [] : [`stretches of output say that they came after the end of the log (${behind})`];
    });
  }

  /** The bytes of an output, all of which verify. @throws TamperError */
  *#measure(holder: () => OutputHolder, call: string): SlicedJob<number> {
    const timer = new SliceTimer();
    let tail = BEGINNING;
    for (;;) {
      const next = this.#outputs.check(holder(), call, tail);
      if (next === undefined) {
        if (this.#outputs.count(holder(), call) === tail.stretch) return tail.offset;
        throw new TamperError('there are stretches that are not where they belong');
      }
      tail = next;
      if (timer.used()) yield;
    }
  }
}

/** Those of which an entry tells, if it holds results of calls. */
function lengthsInResults(body: string): { callId: string; bytes: number }[] {
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
