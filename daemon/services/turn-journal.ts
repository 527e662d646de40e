/** What a backend tells of its turn, made durable: replies, calls and their results, questions, output. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { Message, Part, ToolResultPart } from '../../protocol/message.ts';
import type { ApprovalChange, CallStart } from '../../protocol/tool.ts';
import type { Usage } from '../../protocol/turn.ts';
import type { Summary, TurnJournal, Verdict } from './agent-port.ts';
import type { ApprovalService } from './approval-service.ts';
import type { EventHub } from './event-hub.ts';
import type { LiveChannel } from './live-reply.ts';
import type { HeadPatch, NewEntry, VaultPort } from './ports.ts';
import type { SessionWriter } from './session-writer.ts';
import { isStorageTrouble, pause } from './session-writer.ts';
import type { PreparedCall, ToolSink } from './tool-port.ts';
import type { TurnLog } from './turn-log.ts';
import type { TurnPlace } from './turn-place.ts';
import type { Mutation } from './snapshot-port.ts';
import type { TurnSnapshots } from './turn-snapshots.ts';

/** Delay before a stretch of output is given to the store again, in milliseconds. */
const STORAGE_RETRY_MS = 2_000;

export interface JournalParts {
  readonly vault: VaultPort;
  readonly hub: EventHub;
  readonly writer: SessionWriter;
  readonly approvals: ApprovalService;
  /** Puts what nobody expected into the log. */
  readonly report: (error: unknown) => string;
}

/** What the journal does not decide: when a turn that waited runs again, and what a reply counts for. */
export interface JournalHost {
  readonly signal: AbortSignal;
  readonly snapshots: TurnSnapshots;
  /** More of the reply has come. */
  wrote(channel: LiveChannel, delta: string): void;
  /** A reply has come whole. */
  finishedStep(): void;
}

export class Journal implements TurnJournal {
  readonly #place: TurnPlace;
  readonly #log: TurnLog;
  readonly #parts: JournalParts;
  readonly #host: JournalHost;
  /** What the log says of questions about open calls, from before this turn was taken up. */
  readonly #asked: ReadonlyMap<string, readonly ApprovalChange[]>;
  /** One question at a time: a person reads them in order, and a turn waits for one thing. */
  #asking: Promise<unknown> = Promise.resolve();
  /** The call that a person is asked about, as the log says. */
  #waitsFor: string | undefined;
  /** Calls that have begun and have no result yet. */
  readonly #begun = new Map<string, Mutation | undefined>();
  /** Process groups that are gone before the result of their call is durable. */
  readonly #gone = new Set<string>();

  constructor(
    place: TurnPlace,
    log: TurnLog,
    parts: JournalParts,
    host: JournalHost,
    asked: ReadonlyMap<string, readonly ApprovalChange[]>,
  ) {
    this.#place = place;
    this.#log = log;
    this.#parts = parts;
    this.#host = host;
    this.#asked = asked;
  }

  text(delta: string): void {
    this.#host.wrote('text', delta);
  }

  reasoning(delta: string): void {
    this.#host.wrote('reasoning', delta);
  }

  async step(parts: readonly Part[], usage: Usage): Promise<Message> {
    const log = this.#log;
    log.count(usage);
    const entries = [log.entry('message', { role: 'assistant', parts: [...parts] })];
    const result = await log.appendReply(this.#running(entries), { ...this.#runningPatch(), usage }, this.#host.signal);
    log.moved('running');
    log.nextStep();
    this.#host.finishedStep();
    log.begin();
    return log.message(result, 'assistant', parts);
  }

  approve(call: PreparedCall, callId: string): Promise<Verdict> {
    const verdict = this.#asking.then(async () => {
      try {
        return await this.#decide(call, callId);
      } finally {
        this.#parts.approvals.expected.come(callId);
      }
    });
    this.#asking = verdict.catch(() => undefined);
    return verdict;
  }

  /** Who decides about a change is told first when there is no way back from it. */
  async #decide(call: PreparedCall, callId: string): Promise<Verdict> {
    const { signal, snapshots } = this.#host;
    signal.throwIfAborted();
    const before = this.#asked.get(callId) ?? [];
    if (before.at(-1)?.state === 'asked') this.#waitsFor = callId;
    const changes = call.effect !== 'read';
    if (changes) await snapshots.ready(signal);
    const warning = changes && this.#place.mode() === 'ask' ? snapshots.warning : undefined;
    const write = (change: ApprovalChange, opId: string | undefined) => this.#writeApproval(change, opId);
    const judged = { place: this.#place, callId, call, warning };
    const verdict = await this.#parts.approvals.decide(judged, { write }, before, signal);
    if (warning !== undefined && verdict.allowed) snapshots.accept();
    return verdict;
  }

  async begin(call: PreparedCall, callId: string): Promise<void> {
    const { signal, snapshots } = this.#host;
    const mutation = mutationOf(call, callId);
    if (mutation !== undefined) await snapshots.begin(mutation, signal);
    const { name, effect, title, paths } = call;
    const start: CallStart = { callId, name, effect, title, paths: [...paths] };
    try {
      await this.#log.append([this.#log.entry('call', start)], {}, signal);
    } catch (error) {
      if (mutation !== undefined) await snapshots.end(mutation);
      throw error;
    }
    this.#begun.set(callId, mutation);
  }

  sink(callId: string): ToolSink {
    const { vault, hub } = this.#parts;
    const { sessionId, turn } = this.#place;
    let offset = 0;
    let index = 0;
    return {
      live: (text) => {
        hub.existing(sessionId)?.notify('output', turn, { callId, offset, text });
        offset += text.length;
      },
      keep: async (text) => {
        const stretch = { callId, index, text };
        index += 1;
        await this.#patiently(() => vault.appendOutput(sessionId, stretch));
      },
      started: (record) => vault.recordProcess(record),
      ended: (gone) => {
        if (this.#begun.has(gone)) this.#gone.add(gone);
        else this.#forgetProcess(gone);
      },
    };
  }

  async result(part: ToolResultPart): Promise<Message> {
    const { callId } = part;
    const mutation = this.#begun.get(callId);
    if (mutation !== undefined) await this.#host.snapshots.end(mutation);
    const entries = [this.#log.entry('message', { role: 'tool', parts: [part] })];
    const result = await this.#log.append(entries, {});
    this.#begun.delete(callId);
    if (this.#gone.delete(callId)) this.#forgetProcess(callId);
    return this.#log.message(result, 'tool', [part]);
  }

  async summary({ upTo, text, usage, automatic }: Summary): Promise<void> {
    const log = this.#log;
    log.count(usage);
    const entries = [log.entry('summary', { upTo, text, model: this.#place.model, automatic })];
    await log.append(this.#running(entries), { ...this.#runningPatch(), usage }, this.#host.signal);
    log.moved('running');
  }

  /** The question that nobody can answer any more, as an entry for the end of the turn. */
  withdrawn(): NewEntry[] {
    const callId = this.#waitsFor;
    return callId === undefined ? [] : [this.#log.entry('approval', { state: 'withdrawn', callId })];
  }

  async #writeApproval(change: ApprovalChange, opId: string | undefined): Promise<void> {
    const log = this.#log;
    const entries = [log.entry('approval', change)];
    if (change.state === 'asked') {
      entries.push(log.change({ state: 'waiting', waitingFor: 'approval' }));
      await log.append(entries, { status: 'waiting' }, this.#host.signal);
      log.moved('waiting');
      this.#waitsFor = change.callId;
      return;
    }
    const answered = this.#running(entries);
    if (opId === undefined) await log.append(answered, this.#runningPatch(), this.#host.signal);
    else await this.#appendAnswer(answered, change, opId);
    log.moved('running');
    this.#waitsFor = undefined;
  }

  /** Under the operation of whoever answered, so that the same answer sent twice is one. */
  async #appendAnswer(entries: readonly NewEntry[], change: ApprovalChange, opId: string): Promise<void> {
    await this.#parts.writer.append({
      opId,
      sessionId: this.#place.sessionId,
      entries,
      patch: this.#runningPatch(),
      fingerprint: JSON.stringify(['approval', change]),
    });
  }

  /** With what says that the turn runs again, when it waited. */
  #running(entries: readonly NewEntry[]): NewEntry[] {
    return this.#log.state === 'waiting' ? [...entries, this.#log.change({ state: 'running' })] : [...entries];
  }

  #runningPatch(): HeadPatch {
    return this.#log.state === 'waiting' ? { status: 'running' } : {};
  }

  /**
   * What a command has written is kept, also when the disk refuses it for a while; meanwhile the command waits.
   * @throws ProtocolError LIMIT_REACHED when there is no room: the next reply needs it more than output does.
   */
  async #patiently(write: () => Promise<void>): Promise<void> {
    const { sessionId } = this.#place;
    for (let waited = false; ; waited = true) {
      try {
        await write();
        this.#parts.writer.saved(sessionId);
        return;
      } catch (error) {
        const full = error instanceof ProtocolError && error.kind === 'STORAGE_FULL';
        if (full || !isStorageTrouble(error)) {
          // What is given up does not wait to be saved.
          if (waited) this.#parts.writer.saved(sessionId);
          throw full ? new ProtocolError('LIMIT_REACHED', 'the disk is full', { cause: error }) : error;
        }
        this.#parts.writer.notSaved(sessionId, error);
      }
      await pause(STORAGE_RETRY_MS, this.#host.signal);
    }
  }

  /** A record that stays is looked at, at the next start, and found to be of no process that is alive. */
  #forgetProcess(callId: string): void {
    this.#parts.vault.forgetProcess(callId).catch((error: unknown) => {
      if (!isStorageTrouble(error)) this.#parts.report(error);
    });
  }
}

function mutationOf(call: PreparedCall, callId: string): Mutation | undefined {
  switch (call.effect) {
    case 'read':
      return undefined;
    case 'edit':
      return { kind: 'files', callId, paths: call.paths };
    case 'command':
      return { kind: 'command', callId };
  }
}
