/** What a person has become of a turn that was interrupted, has failed or was cancelled: go on, begin again, leave it. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { ParamsOf, ResultOf } from '../../protocol/methods.ts';
import type { TurnChange } from '../../protocol/turn.ts';
import type { HeadPatch, NewEntry, SessionHead, VaultPort } from './ports.ts';
import type { SessionRunner } from './session-runner.ts';
import type { TurnBeginning } from './turn-beginning.ts';
import type { SessionWriter } from './session-writer.ts';
import { readProgress, type TurnProgress } from './turn-recovery.ts';

type Ask = ParamsOf<'turn/leave'> & Pick<ParamsOf<'turn/continue'>, 'unattended'>;
type Place = ResultOf<'turn/continue'>;

/** Requests that are remembered, so that one that is sent again is not a second one. */
const REMEMBERED = 1_000;

export interface TurnRevivalParts {
  readonly vault: VaultPort;
  readonly writer: SessionWriter;
  readonly runnerOf: (head: SessionHead) => SessionRunner;
}

interface Revived {
  readonly entries: readonly NewEntry[];
  readonly patch: HeadPatch;
  /** Undefined when the turn stays as it is. */
  readonly beginning: TurnBeginning | undefined;
}

export class TurnRevival {
  readonly #parts: TurnRevivalParts;
  readonly #done = new Map<string, Place>();

  constructor(parts: TurnRevivalParts) {
    this.#parts = parts;
  }

  /** From its last finished step. @throws ProtocolError NOT_FOUND, CONFLICT */
  async continue(ask: Ask): Promise<Place> {
    return await this.#revive('continue', ask, (head, progress) => {
      requireState(progress, ['interrupted', 'failed', 'cancelled'], 'continued');
      const { turn, step, mayHaveChanged } = progress;
      const unattended = ask.unattended === true;
      return Promise.resolve({
        entries: [this.#running(head, turn, unattended)],
        patch: { status: 'running' },
        // Its time and steps begin anew: what used them up may be why it ended.
        beginning: { turn, step, stepsBefore: step - 1, unattended, mayHaveChanged },
      });
    });
  }

  /** From its prompt; what came of it before is no longer sent to a model. @throws ProtocolError NOT_FOUND, CONFLICT */
  async retry(ask: Ask): Promise<Place> {
    return await this.#revive('retry', ask, async (head, progress) => {
      requireState(progress, ['interrupted', 'failed', 'cancelled', 'completed'], 'retried');
      const { turn, step, mayHaveChanged } = progress;
      const unattended = ask.unattended === true;
      const after = await this.#promptOf(head.id, turn);
      return {
        entries: [this.#parts.writer.entry('retry', turn, { after }), this.#running(head, turn, unattended)],
        patch: { status: 'running' },
        beginning: { turn, step, stepsBefore: step - 1, unattended, mayHaveChanged },
      };
    });
  }

  /** @throws ProtocolError NOT_FOUND, CONFLICT */
  async leave(ask: Ask): Promise<Place> {
    return await this.#revive('leave', ask, (_head, progress) => {
      requireState(progress, ['interrupted'], 'left');
      const left: TurnChange = { state: 'cancelled', reason: 'left' };
      return Promise.resolve({
        entries: [this.#parts.writer.entry('turn', progress.turn, left)],
        patch: { status: 'idle' },
        beginning: undefined,
      });
    });
  }

  async #revive(
    verb: string,
    { opId, sessionId }: Ask,
    plan: (head: SessionHead, progress: TurnProgress) => Promise<Revived>,
  ): Promise<Place> {
    const earlier = this.#done.get(opId);
    if (earlier !== undefined) return earlier;
    const { vault, writer, runnerOf } = this.#parts;
    const known = await vault.head(sessionId);
    let place: Place = { sessionId, turn: 1 };
    await runnerOf(known).takeUp(async () => {
      const head = await vault.head(sessionId);
      const progress = await readProgress(vault, head);
      if (progress === undefined) throw new ProtocolError('CONFLICT', 'no turn of this session has begun yet');
      const { entries, patch, beginning } = await plan(head, progress);
      const fingerprint = JSON.stringify([verb, sessionId]);
      const result = await writer.append({ opId, sessionId, entries, patch, fingerprint });
      place = { sessionId, turn: result.turn };
      return result.repeated ? undefined : beginning;
    });
    this.#remember(opId, place);
    return place;
  }

  #running({ model }: SessionHead, turn: number, unattended: boolean): NewEntry {
    const running: TurnChange = { state: 'running', model };
    return this.#parts.writer.entry('turn', turn, unattended ? { ...running, unattended } : running);
  }

  /** Sequence of the prompt of a turn. */
  async #promptOf(sessionId: string, turn: number): Promise<number> {
    const { vault } = this.#parts;
    const seq = await vault.lastOfTurn(sessionId, turn - 1);
    const { entries } = await vault.read({ sessionId, after: seq, limit: 1, maxBytes: 1, only: ['message'] });
    return entries[0]?.seq ?? seq;
  }

  #remember(opId: string, place: Place): void {
    this.#done.set(opId, place);
    const [oldest] = this.#done.keys();
    if (this.#done.size > REMEMBERED && oldest !== undefined) this.#done.delete(oldest);
  }
}

function requireState({ turn, state }: TurnProgress, wanted: readonly TurnProgress['state'][], done: string): void {
  if (wanted.includes(state)) return;
  throw new ProtocolError('CONFLICT', `turn ${turn} is ${state} and cannot be ${done}`);
}
