/** One session's turns: one runs, the others wait, in the order in which they were accepted. */
import type { PromptPart } from '../../protocol/message.ts';
import type { SessionStatus } from '../../protocol/session.ts';
import type { ApprovalMode } from '../../protocol/tool.ts';
import { promptOf, promptText, type PromptBody } from './prompt-body.ts';
import type { AppendRequest, SessionHead } from './ports.ts';
import type { QueuedPrompt } from './waiting-shapes.ts';
import { leaving, occupied, running } from './runner-refusals.ts';
import { PromptLine } from './prompt-line.ts';
import { TurnRun, type TurnParts } from './turn-run.ts';
import type { Accepted, NewPrompt, TurnBeginning } from './turn-beginning.ts';
import { leaveQueue, settingsPatch, startEntries, titlePatch } from './turn-start.ts';
import type { TurnPlace } from './turn-place.ts';
import type { TurnStop } from './turn-stop.ts';

/** Delay before the next prompt is taken again when the disk refused it, in milliseconds. */
const STORAGE_RETRY_MS = 5_000;

export class SessionRunner {
  readonly sessionId: string;
  readonly #parts: TurnParts;
  readonly #onIdle: () => void;
  readonly #leaving = new AbortController();
  #head: SessionHead;
  /** Accepted and not started, in order. */
  readonly #queue = new PromptLine();
  #run: TurnRun | undefined;
  #work: Promise<void> | undefined;
  /** Submissions one after the other: each must see what the one before it left. */
  #gate: Promise<unknown> = Promise.resolve();
  #entering = 0;

  constructor(head: SessionHead, parts: TurnParts, onIdle: () => void) {
    this.sessionId = head.id;
    this.#head = head;
    this.#parts = parts;
    this.#onIdle = onIdle;
  }

  get running(): boolean {
    return this.#run !== undefined && !this.#run.waiting;
  }

  get waiting(): boolean {
    return this.#run?.waiting === true;
  }

  get queued(): number {
    return this.#queue.waiting;
  }

  /** True when nothing runs, waits or is being accepted. */
  get idle(): boolean {
    return this.#work === undefined && this.#entering === 0 && this.#queue.length === 0;
  }

  /** The turn that runs or waits. */
  get place(): TurnPlace | undefined {
    return this.#run?.place;
  }

  /** Accepts a prompt durably. @throws ProtocolError of the store; nothing was accepted then. */
  submit(prompt: NewPrompt): Promise<Accepted> {
    return this.#inTurn(async () => {
      const busy = this.#work !== undefined || this.#queue.length > 0;
      return await (busy ? this.#enqueue(prompt) : this.#startNow(prompt));
    });
  }

  /** The newest turn that has ended; 0 when none has. */
  get finishedTurns(): number {
    const next = this.#run?.place.turn ?? this.#queue.first?.turn;
    return next === undefined ? this.#head.turns : next - 1;
  }

  /** The head was changed by whoever wrote to the session. */
  refresh(head: SessionHead): void {
    this.#head = { ...head, turns: Math.max(head.turns, this.#head.turns) };
  }

  /** A session that begins with its first prompt, or a fork that goes on with one: what was appended has started it. */
  begin(turn: number, unattended: boolean): void {
    this.#start({ turn, unattended });
  }

  /** A turn whose beginning was stored although its answer was lost: it runs now, unless it does or did already. */
  beginAgain(head: SessionHead, turn: number, unattended: boolean): void {
    const stuck = head.status === 'running' && head.turns === turn && this.#work === undefined;
    if (stuck) this.#start({ turn, unattended });
  }

  /** Goes on where the daemon before this one stopped. */
  resume(queue: readonly QueuedPrompt[], interrupted: TurnBeginning | undefined): void {
    this.#queue.begin(queue);
    if (interrupted === undefined) this.#continue();
    else this.#start(interrupted);
  }

  /**
   * Does something with the newest turn of a session in which nothing runs, as a person asked.
   * @param act makes it durable. @returns how the turn goes on, or nothing when what waits behind it goes on instead.
   * @throws ProtocolError CONFLICT while a turn runs.
   */
  takeUp(act: (head: SessionHead) => Promise<TurnBeginning | undefined>): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#work !== undefined) throw running();
      const beginning = await act(this.#head);
      if (beginning === undefined) this.#continue();
      else this.#start(beginning);
    });
  }

  /** Does something that takes the place of a turn for as long as it lasts. @throws ProtocolError CONFLICT while one runs. */
  async occupy<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const outcome = Promise.withResolvers<T>();
    await this.#inTurn(() => {
      if (this.#work !== undefined) throw this.#run === undefined ? occupied() : running();
      const done = work(this.#leaving.signal);
      this.#work = done.then(ignore, ignore).then(() => {
        this.#work = undefined;
        this.#continue();
      });
      done.then(outcome.resolve, outcome.reject);
      return Promise.resolve();
    });
    return await outcome.promise;
  }

  /** Keeps prompts that wait without starting one by itself; the next prompt starts them in order. */
  hold(queue: readonly QueuedPrompt[]): void {
    this.#queue.begin(queue);
    if (this.idle) this.#onIdle();
  }

  /** @returns the turn that is cancelled now, which is durable, or null when there was none. */
  async cancel(turn: number | undefined): Promise<number | null> {
    const run = this.#run;
    if (run !== undefined && (turn === undefined || turn === run.place.turn)) {
      run.stop('cancelled');
      await this.#work;
      if (run.cancelled) return run.place.turn;
      // It ended by itself, or the daemon was leaving already: then the next one is to cancel it.
      if (this.#leaving.signal.aborted) throw leaving();
      return null;
    }
    const prompt = this.#queue.find(turn);
    if (prompt === undefined) return null;
    if (!(await this.#parts.vault.cancelQueued(this.sessionId, prompt.turn))) return null;
    this.#queue.cancel(prompt.turn);
    this.#tellQueue(prompt.turn, 'cancelled', 0, promptOf(prompt.body).parts);
    return prompt.turn;
  }

  /** Stops what runs; what waits stays queued. Resolves when everything is at rest. */
  async leave(why: TurnStop['why']): Promise<void> {
    this.#leaving.abort(new Error('the daemon is leaving'));
    this.#run?.stop(why);
    await this.#work;
  }

  async #startNow(prompt: NewPrompt): Promise<Accepted> {
    const turn = this.#head.turns + 1;
    const request: AppendRequest = {
      opId: prompt.opId,
      sessionId: this.sessionId,
      entries: startEntries(this.#parts, turn, prompt, this.#head),
      patch: { status: 'running', turns: turn, ...settingsPatch(prompt), ...titlePatch(this.#head, prompt.parts) },
      fingerprint: prompt.fingerprint,
      ...(prompt.environment === undefined ? {} : { environment: prompt.environment }),
    };
    const result = await this.#parts.writer.append(request);
    const unattended = prompt.unattended === true;
    if (result.repeated) this.beginAgain(result.head, result.turn, unattended);
    else this.#start({ turn, unattended });
    return { sessionId: result.sessionId, turn: result.turn, ahead: 0 };
  }

  async #enqueue(prompt: NewPrompt): Promise<Accepted> {
    const unattended = prompt.unattended === true ? { unattended: true as const } : {};
    const body: PromptBody = { parts: prompt.parts, ...settingsPatch(prompt), ...unattended };
    const at = this.#parts.clock.now();
    const text = promptText(body);
    const { sessionId } = this;
    const result = await this.#parts.vault.enqueue({
      opId: prompt.opId,
      sessionId,
      at,
      body: text,
      fingerprint: prompt.fingerprint,
      ...(prompt.environment === undefined ? {} : { environment: prompt.environment }),
    });
    const ahead = (this.#run === undefined ? 0 : 1) + this.queued;
    if (!result.repeated) {
      this.#head = { ...this.#head, turns: result.turn };
      this.#queue.add({ opId: prompt.opId, turn: result.turn, at, body: text, cancelled: false });
      this.#tellQueue(result.turn, 'queued', ahead, prompt.parts);
      // The turn before may have ended while this was written.
      this.#continue();
    }
    return {
      sessionId: result.sessionId,
      turn: result.turn,
      ahead: result.repeated ? this.#aheadOf(result.turn) : ahead,
    };
  }

  #aheadOf(turn: number): number {
    return (this.#run !== undefined && this.#run.place.turn < turn ? 1 : 0) + this.#queue.before(turn);
  }

  #start(beginning: TurnBeginning): void {
    const { id: sessionId, model, agent, workspace } = this.#head;
    const { turn, unattended, step: firstStep = 1, stepsBefore = 0, state = 'running' } = beginning;
    const mode = (): ApprovalMode => this.#head.mode;
    const progress = { firstStep, stepsBefore, state, mayHaveChanged: beginning.mayHaveChanged ?? false };
    const place = { sessionId, turn, model, mode, agent, workspace, unattended, ...progress };
    const run = new TurnRun(place, this.#parts, () => this.#statusAfter());
    this.#run = run;
    this.#work = run
      .run()
      .catch((error: unknown) => {
        this.#parts.report(error);
      })
      .then(() => {
        this.#run = undefined;
        this.#work = undefined;
        this.#continue();
      });
  }

  /** Takes the next prompt, when nothing runs and the daemon stays. */
  #continue(): void {
    if (this.#work !== undefined || this.#leaving.signal.aborted) return;
    const next = this.#queue.first;
    if (next === undefined) {
      if (this.idle) this.#onIdle();
      return;
    }
    this.#work = this.#take(next)
      .catch((error: unknown) => {
        if (!this.#leaving.signal.aborted) this.#parts.report(error);
        return 'held' as const;
      })
      .then((outcome) => {
        this.#work = undefined;
        // Cancelled while it was on its way into the log: the vault may have let go of it before.
        const cancelled = !next.cancelled && this.#queue.first?.cancelled === true;
        if (outcome !== 'held') this.#queue.removeFirst();
        if (outcome === 'started') {
          this.#start({ turn: next.turn, unattended: promptOf(next.body).unattended === true });
          if (cancelled) this.#run?.stop('cancelled');
        }
        // A queue whose first prompt cannot be taken stays as it is; the next prompt or start tries it again.
        else if (outcome === 'skipped') this.#continue();
      });
  }

  /** Moves a prompt from the queue into the log. */
  async #take(prompt: QueuedPrompt): Promise<'started' | 'skipped'> {
    const { entries, patch, runs } = leaveQueue(this.#parts, prompt, this.#head);
    // A prompt that waits has time: it is tried until the disk takes it or the daemon leaves.
    const request: AppendRequest = {
      // Of what does not verify the operation is not believed either.
      opId: prompt.body === null ? this.#parts.clock.id() : prompt.opId,
      sessionId: this.sessionId,
      entries,
      patch: { ...patch, status: runs ? 'running' : this.#statusAfter(1) },
      fromQueue: prompt.turn,
    };
    await this.#parts.writer.appendPatiently(request, STORAGE_RETRY_MS, this.#leaving.signal);
    return runs ? 'started' : 'skipped';
  }

  /** @param taken prompts at the front that are being dealt with. */
  #statusAfter(taken = 0): SessionStatus {
    return this.#queue.length > taken ? 'queued' : 'idle';
  }

  #tellQueue(turn: number, state: 'queued' | 'cancelled', ahead: number, parts: readonly PromptPart[]): void {
    this.#parts.hub.existing(this.sessionId)?.notify('queue', turn, { state, ahead, parts: [...parts] });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#leaving.signal.aborted) {
      return Promise.reject(leaving());
    }
    this.#entering += 1;
    const result = this.#gate.then(work).finally(() => {
      this.#entering -= 1;
      if (this.idle) this.#onIdle();
    });
    this.#gate = result.catch(() => undefined);
    return result;
  }
}

function ignore(): void {
  // Whoever asked for the work is told how it ended.
}
