/** Takes up what the daemon before this one left: ends what still runs, writes down how far turns came, and has them go on. */
import type { ApprovalService } from './approval-service.ts';
import { readOpenStep } from './open-step.ts';
import type { ClockPort, SessionHead, VaultPort } from './ports.ts';
import type { SessionRunner } from './session-runner.ts';
import type { SessionWriter } from './session-writer.ts';
import type { ProcessRecord, ToolPort } from './tool-port.ts';
import { isUnfinished, readAftermath, readProgress, type TurnProgress } from './turn-recovery.ts';

/** Sessions that are brought back at the same time. */
const AT_ONCE = 16;

export interface RecoveryParts {
  readonly vault: VaultPort;
  readonly writer: SessionWriter;
  readonly clock: ClockPort;
  readonly approvals: ApprovalService;
  readonly tools: Pick<ToolPort, 'background' | 'endSurvivors'>;
  /** What becomes of a turn that a crash interrupted. */
  readonly recovery: () => 'safe' | 'ask' | 'never';
  /** Puts what nobody expected into the log. */
  readonly report: (error: unknown) => string;
}

/** What a daemon before this one left running. */
interface LeftBehind {
  /** Calls of which a process group was recorded. */
  readonly ran: ReadonlySet<string>;
  /** All of it is ended. */
  readonly isClean: boolean;
}

export class SessionRecovery {
  readonly #parts: RecoveryParts;
  readonly #runnerOf: (head: SessionHead) => SessionRunner;
  readonly #leaving: AbortSignal;
  /** Never rejects. */
  #batch: Promise<void> = Promise.resolve();

  constructor(parts: RecoveryParts, runnerOf: (head: SessionHead) => SessionRunner, leaving: AbortSignal) {
    this.#parts = parts;
    this.#runnerOf = runnerOf;
    this.#leaving = leaving;
  }

  /** Resolves when every session is on its way again. */
  async run(): Promise<void> {
    const { vault, tools } = this.#parts;
    // A store that was locked is opened again by the daemon whose commands still run.
    const own = new Set(tools.background().map(({ callId }) => callId));
    const records = (await vault.processes()).filter(({ callId }) => !own.has(callId));
    // What a daemon before this one left running must not write into what goes on now.
    const isClean = await this.#endSurvivors(records);
    const left = { ran: new Set(records.map(({ callId }) => callId)), isClean };
    const heads = await vault.unfinished();
    for (let index = 0; index < heads.length && !this.#leaving.aborted; index += AT_ONCE) {
      const some = heads.slice(index, index + AT_ONCE);
      this.#batch = Promise.all(some.map((head) => this.#recoverOrReport(head, left))).then(() => undefined);
      await this.#batch;
    }
    // Only now: how far the calls of these processes came has been written down.
    for (const { callId } of isClean ? records : []) await vault.forgetProcess(callId);
  }

  /** Resolves when nothing is being brought back any more. */
  async rest(): Promise<void> {
    await this.#batch;
  }

  /** @returns whether none is alive. What cannot be ended may write anywhere: then no turn goes on by itself. */
  async #endSurvivors(records: readonly ProcessRecord[]): Promise<boolean> {
    try {
      await this.#parts.tools.endSurvivors(records);
      return true;
    } catch (error) {
      this.#parts.report(error);
      return false;
    }
  }

  /** One session that cannot be brought back keeps no other from it. */
  async #recoverOrReport(head: SessionHead, left: LeftBehind): Promise<void> {
    try {
      await this.#recover(head, left);
    } catch (error) {
      this.#parts.report(error);
    }
  }

  async #recover(head: SessionHead, { ran, isClean }: LeftBehind): Promise<void> {
    const { vault, recovery } = this.#parts;
    const queue = await vault.readQueue(head.id);
    const progress = await readProgress(vault, head);
    const runner = this.#runnerOf(head);
    const isSafe = recovery() === 'safe' && isClean;
    if (progress === undefined || !isUnfinished(progress)) {
      const isGivenUp = progress?.state === 'interrupted' && progress.reason === 'crash';
      if (isGivenUp) runner.hold(queue);
      else runner.resume(queue, undefined);
      return;
    }
    const proceed = await this.#settleCrash(head.id, progress, isSafe, ran);
    const { turn, step, stepsBefore, unattended, mayHaveChanged } = progress;
    const state = progress.state === 'waiting' ? 'waiting' : 'running';
    if (proceed && state === 'waiting') await this.#expectQuestion(head.id, turn);
    if (!proceed) runner.hold(queue);
    else runner.resume(queue, { turn, step, stepsBefore, unattended, state, mayHaveChanged });
  }

  /** Who looks for it right now is not to be told that nothing is asked. */
  async #expectQuestion(sessionId: string, turn: number): Promise<void> {
    const { vault, approvals } = this.#parts;
    const { untouched, asked } = await readOpenStep(vault, sessionId, turn);
    for (const { callId } of untouched) {
      if (asked.get(callId)?.at(-1)?.state === 'asked') approvals.expected.expect(sessionId, callId);
    }
  }

  /**
   * Writes down what a crash has left: a reply that broke off, calls that had begun, and, when the turn does not go on by
   * itself, that it was interrupted.
   * @returns whether it goes on.
   */
  async #settleCrash(
    sessionId: string,
    { turn, draft }: TurnProgress,
    isSafe: boolean,
    ran: ReadonlySet<string>,
  ): Promise<boolean> {
    const { vault, writer, clock } = this.#parts;
    const { results, uncertain } = await readAftermath(vault, sessionId, turn, ran);
    const proceed = isSafe && uncertain.length === 0;
    const entries = draft === undefined ? [] : [writer.entry('cutoff', turn, { ...draft, reason: 'crash' as const })];
    entries.push(...results.map((part) => writer.entry('message', turn, { role: 'tool', parts: [part] })));
    if (!proceed) {
      const known = uncertain.length === 0 ? {} : { uncertain: [...uncertain] };
      entries.push(writer.entry('turn', turn, { state: 'interrupted', reason: 'crash', ...known }));
    }
    if (entries.length > 0) {
      const patch = proceed ? {} : { status: 'interrupted' as const };
      await writer.append({ opId: clock.id(), sessionId, entries, patch, dropDrafts: true });
    }
    return proceed;
  }
}
