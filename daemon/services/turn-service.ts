/** Accepts prompts, keeps a runner for every session that works, and brings them back after a restart. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { ParamsOf, ResultOf } from '../../protocol/methods.ts';
import type { ApprovalMode } from '../../protocol/tool.ts';
import { titleOf } from '../domain/title.ts';
import type { SessionHead } from './ports.ts';
import { SessionRunner } from './session-runner.ts';
import type { NewPrompt } from './turn-beginning.ts';
import type { TurnParts } from './turn-run.ts';
import { withAgent } from './agent-settings.ts';
import type { AgentsPort } from './agent-port.ts';
import { requireWorkspace, startEntries } from './turn-start.ts';
import { isUnfinished, readAftermath, readProgress, type TurnProgress } from './turn-recovery.ts';
import type { ProcessRecord, ToolPort } from './tool-port.ts';
import type { TurnStop } from './turn-stop.ts';

type SubmitParams = ParamsOf<'turn/submit'>;
type SubmitResult = ResultOf<'turn/submit'>;

/** Sessions that are brought back at the same time at a start. */
const RECOVER_AT_ONCE = 16;

/** What a daemon before this one left running. */
interface LeftBehind {
  /** Calls of which a process group was recorded. */
  readonly ran: ReadonlySet<string>;
  /** All of it is ended. */
  readonly isClean: boolean;
}

export interface TurnServiceParts extends TurnParts {
  readonly tools: ToolPort;
  readonly agents: AgentsPort;
  /** Told when there are more sessions than before. */
  readonly sessionsChanged: () => void;
  /** The mode of a session that begins without one. */
  readonly defaultMode: () => ApprovalMode;
  /** What becomes of a turn that a crash interrupted. */
  readonly recovery: () => 'safe' | 'ask' | 'never';
}

export class TurnService {
  readonly #parts: TurnServiceParts;
  readonly #runners = new Map<string, SessionRunner>();
  #leaving = false;
  /** Never rejects. */
  #recovering: Promise<void> = Promise.resolve();

  constructor(parts: TurnServiceParts) {
    this.#parts = parts;
  }

  activity(): { running: number; waiting: number; queued: number } {
    const runners = [...this.#runners.values()];
    return {
      running: runners.filter((runner) => runner.running).length,
      waiting: runners.filter((runner) => runner.waiting).length,
      queued: runners.reduce((sum, runner) => sum + runner.queued, 0),
    };
  }

  /** True when no runner has anything to do. */
  get idle(): boolean {
    return [...this.#runners.values()].every((runner) => runner.idle);
  }

  /** Whether a turn of this session runs, waits or is queued. */
  isBusy(sessionId: string): boolean {
    return this.#runners.get(sessionId)?.idle === false;
  }

  /** The newest turn of a session that has ended; 0 when none has. */
  finishedTurns(head: SessionHead): number {
    return this.#runners.get(head.id)?.finishedTurns ?? head.turns;
  }

  headChanged(head: SessionHead): void {
    this.#runners.get(head.id)?.refresh(head);
  }

  /** @throws ProtocolError; the prompt was not accepted then. */
  async submit(params: SubmitParams, environment?: string): Promise<SubmitResult> {
    if (this.#leaving) throw new ProtocolError('DRAINING', 'the daemon is stopping', { retryable: true });
    const { target } = params;
    const { opId, prompt: parts, model, mode, agent, unattended } = params;
    const wishes = [mode ?? null, agent ?? null, unattended ?? false];
    const fingerprint = JSON.stringify([target, parts, model ?? null, ...wishes]);
    const prompt: NewPrompt = { opId, parts, model, mode, agent, unattended, fingerprint, environment };
    switch (target.kind) {
      case 'new':
        return await this.#submitNew(prompt, target.workspace);
      case 'session':
        return await this.#submitTo(target.sessionId, prompt);
      case 'save':
        return await this.#submitAtSave(target.saveId, prompt);
    }
  }

  async cancel(sessionId: string, turn: number | undefined): Promise<number | null> {
    return (await this.#runners.get(sessionId)?.cancel(turn)) ?? null;
  }

  /** As SessionRunner's. */
  async occupy<T>(sessionId: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return await this.runnerOf(await this.#parts.vault.head(sessionId)).occupy(work);
  }

  /** Takes up what the daemon before this one left. Resolves when every session is on its way again. */
  async recover(): Promise<void> {
    const { vault } = this.#parts;
    const records = await vault.processes();
    // What a daemon before this one left running must not write into what goes on now.
    const isClean = await this.#endSurvivors(records);
    const left: LeftBehind = { ran: new Set(records.map(({ callId }) => callId)), isClean };
    const heads = await vault.unfinished();
    for (let index = 0; index < heads.length && !this.#leaving; index += RECOVER_AT_ONCE) {
      const some = heads.slice(index, index + RECOVER_AT_ONCE);
      this.#recovering = Promise.all(some.map((head) => this.#recoverOrReport(head, left))).then(() => undefined);
      await this.#recovering;
    }
    // Only now: how far the calls of these processes came has been written down.
    for (const { callId } of isClean ? records : []) await vault.forgetProcess(callId);
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

  /** Stops every turn. Resolves when what they leave is durable. */
  async leave(why: TurnStop['why']): Promise<void> {
    this.#leaving = true;
    // What is being brought back is stopped too, and needs the store until then.
    await this.#recovering;
    await Promise.all([...this.#runners.values()].map((runner) => runner.leave(why)));
  }

  async #submitNew(given: NewPrompt, workspace: string): Promise<SubmitResult> {
    const { registry, clock, writer, agents } = this.#parts;
    const prompt = await withAgent(agents, { workspace, mode: this.#parts.defaultMode() }, given);
    const model = prompt.model ?? registry.defaultModel();
    await this.#requireUsable(model);
    const title = titleOf(prompt.parts);
    const { mode = this.#parts.defaultMode(), agent = '' } = prompt;
    const fresh = { model, mode, agent, title: '' };
    const result = await writer.append({
      opId: prompt.opId,
      sessionId: clock.id(),
      entries: startEntries(this.#parts, 1, prompt, fresh),
      patch: { status: 'running', turns: 1 },
      create: { workspace, model, mode, agent, title },
      fingerprint: prompt.fingerprint,
      ...(prompt.environment === undefined ? {} : { environment: prompt.environment }),
    });
    this.#parts.sessionsChanged();
    if (result.repeated) this.runnerOf(result.head).beginAgain(result.head, result.turn, prompt.unattended === true);
    else this.runnerOf(result.head).begin(1, prompt.unattended === true);
    return { sessionId: result.sessionId, turn: result.turn, ahead: 0, forked: false };
  }

  async #submitTo(sessionId: string, given: NewPrompt): Promise<SubmitResult> {
    const head = await this.#parts.vault.head(sessionId);
    requireWorkspace(head.workspace);
    const prompt = await withAgent(this.#parts.agents, head, given);
    await this.#requireUsable(prompt.model ?? head.model);
    return { ...(await this.runnerOf(head).submit(prompt)), forked: false };
  }

  async #submitAtSave(saveId: string, given: NewPrompt): Promise<SubmitResult> {
    const { vault, clock, writer } = this.#parts;
    const save = await vault.save(saveId);
    requireWorkspace(save.workspace);
    const prompt = await withAgent(this.#parts.agents, save, given);
    const model = prompt.model ?? save.model;
    await this.#requireUsable(model);
    const head = await this.#headIfThere(save.sessionId);
    if (head?.turns === save.turn && !this.isBusy(head.id)) {
      return await this.#submitTo(head.id, { ...prompt, model });
    }
    const turn = save.turn + 1;
    const parent = { sessionId: save.sessionId, turn: save.turn };
    const { mode = save.mode, agent = save.agent } = prompt;
    const before = { model: save.model, mode: save.mode, agent: save.agent, title: save.title };
    const origin = writer.entry('origin', save.turn, parent);
    const result = await vault.fork({
      opId: prompt.opId,
      source: { saveId },
      seq: save.seq,
      messages: save.messages,
      newId: clock.id(),
      parent,
      turns: save.turn,
      title: save.title,
      model,
      mode,
      agent,
      ...(prompt.environment === undefined ? {} : { environment: prompt.environment }),
      entries: [origin, ...startEntries(this.#parts, turn, { ...prompt, model }, before)],
      patch: { status: 'running', turns: turn },
      fingerprint: prompt.fingerprint,
    });
    this.#parts.sessionsChanged();
    if (result.repeated) this.runnerOf(result.head).beginAgain(result.head, result.turn, prompt.unattended === true);
    else this.runnerOf(result.head).begin(turn, prompt.unattended === true);
    return { sessionId: result.sessionId, turn, ahead: 0, forked: result.sessionId !== save.sessionId };
  }

  /** Bad news about the model comes before the prompt is taken, so that it stays where the person can change it. */
  async #requireUsable(modelId: string): Promise<void> {
    const { registry, keys } = this.#parts;
    const { provider, keyVariable } = registry.resolve(modelId);
    if (keyVariable === undefined || (await keys.keyFor(provider, keyVariable)) !== undefined) return;
    throw new ProtocolError('PROVIDER_KEY_MISSING', `there is no API key for the provider ${provider}`, {
      hint: `Set ${keyVariable} in the environment of m, or store the key: mctl config set-key ${provider}`,
    });
  }

  async #headIfThere(sessionId: string): Promise<SessionHead | undefined> {
    try {
      return await this.#parts.vault.head(sessionId);
    } catch (error) {
      if (error instanceof ProtocolError && error.kind === 'NOT_FOUND') return undefined;
      throw error;
    }
  }

  /** Made when it is needed; it goes when its session is at rest. */
  runnerOf(head: SessionHead): SessionRunner {
    let runner = this.#runners.get(head.id);
    if (runner === undefined) {
      runner = new SessionRunner(head, this.#parts, () => {
        this.#runners.delete(head.id);
      });
      this.#runners.set(head.id, runner);
    }
    return runner;
  }

  /** One session that cannot be brought back keeps no other from it. */
  async #recoverOrReport(head: SessionHead, left: LeftBehind): Promise<void> {
    try {
      await this.#recoverSession(head, left);
    } catch (error) {
      this.#parts.report(error);
    }
  }

  async #recoverSession(head: SessionHead, { ran, isClean }: LeftBehind): Promise<void> {
    const { vault, recovery } = this.#parts;
    const queue = await vault.readQueue(head.id);
    const progress = await readProgress(vault, head);
    const runner = this.runnerOf(head);
    const isSafe = recovery() === 'safe' && isClean;
    if (progress === undefined || !isUnfinished(progress)) {
      const isGivenUp = progress?.state === 'interrupted' && progress.reason === 'crash';
      if (isGivenUp) runner.hold(queue);
      else runner.resume(queue, undefined);
      return;
    }
    const proceed = await this.#settleCrash(head.id, progress, isSafe, ran);
    const { turn, step, stepsBefore, unattended } = progress;
    const state = progress.state === 'waiting' ? 'waiting' : 'running';
    if (!proceed) runner.hold(queue);
    else runner.resume(queue, { turn, step, stepsBefore, unattended, state });
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
