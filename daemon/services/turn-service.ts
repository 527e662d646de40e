/** Accepts prompts, and keeps a runner for every session that works. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { ParamsOf, ResultOf } from '../../protocol/methods.ts';
import type { ApprovalMode } from '../../protocol/tool.ts';
import { titleOf } from '../domain/title.ts';
import type { SessionHead } from './ports.ts';
import { missingKey } from './runner-refusals.ts';
import type { SessionFiles } from './session-files.ts';
import { SessionRunner } from './session-runner.ts';
import type { NewPrompt } from './turn-beginning.ts';
import type { TurnPlace } from './turn-place.ts';
import type { TurnParts } from './turn-run.ts';
import { withAgent } from './agent-settings.ts';
import type { AgentsPort } from './agent-port.ts';
import { requireWorkspace, startEntries } from './turn-start.ts';
import { SessionRecovery, type RecoveryParts } from './session-recovery.ts';
import type { TurnStop } from './turn-stop.ts';

type SubmitParams = ParamsOf<'turn/submit'>;
type SubmitResult = ResultOf<'turn/submit'>;

export interface TurnServiceParts extends TurnParts, RecoveryParts {
  readonly agents: AgentsPort;
  readonly files: SessionFiles;
  /** Told when there are more sessions than before. */
  readonly sessionsChanged: () => void;
  /** The mode of a session that begins without one. */
  readonly defaultMode: () => ApprovalMode;
}

export class TurnService {
  readonly #parts: TurnServiceParts;
  readonly #runners = new Map<string, SessionRunner>();
  readonly #leaving = new AbortController();
  readonly #recovery: SessionRecovery;

  constructor(parts: TurnServiceParts) {
    this.#parts = parts;
    this.#recovery = new SessionRecovery(parts, (head) => this.runnerOf(head), this.#leaving.signal);
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

  /** The turn of a session that runs or waits. */
  current(sessionId: string): { readonly turn: number; readonly state: 'running' | 'waiting' } | undefined {
    const runner = this.#runners.get(sessionId);
    if (runner?.place === undefined) return undefined;
    return { turn: runner.place.turn, state: runner.waiting ? 'waiting' : 'running' };
  }

  /** Turns that run; those that wait for something are left out. */
  running(): TurnPlace[] {
    return [...this.#runners.values()].flatMap((runner) => (runner.running ? (runner.place ?? []) : []));
  }

  headChanged(head: SessionHead): void {
    this.#runners.get(head.id)?.refresh(head);
  }

  /** @throws ProtocolError; the prompt was not accepted then. */
  async submit(params: SubmitParams, environment?: string): Promise<SubmitResult> {
    if (this.#leaving.signal.aborted)
      throw new ProtocolError('DRAINING', 'the daemon is stopping', { retryable: true });
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
    await this.#recovery.run();
  }

  /** Stops every turn. Resolves when what they leave is durable. */
  async leave(why: TurnStop['why']): Promise<void> {
    this.#leaving.abort();
    // What is being brought back is stopped too, and needs the store until then.
    await this.#recovery.rest();
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
    void this.#parts.files.forked(save, result.head);
    if (result.repeated) this.runnerOf(result.head).beginAgain(result.head, result.turn, prompt.unattended === true);
    else this.runnerOf(result.head).begin(turn, prompt.unattended === true);
    return { sessionId: result.sessionId, turn, ahead: 0, forked: result.sessionId !== save.sessionId };
  }

  /** Bad news about the model comes before the prompt is taken, so that it stays where the person can change it. */
  async #requireUsable(modelId: string): Promise<void> {
    const { registry, keys } = this.#parts;
    const { provider, keyVariable } = registry.resolve(modelId);
    if (keyVariable === undefined || (await keys.keyFor(provider, keyVariable)) !== undefined) return;
    throw missingKey(provider, keyVariable);
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
}
