/** Turns as the daemon runs them, with a real store, a backend that the test plays, and workspaces that do what it says. */
import { ulid } from 'ulid';
import { onTestFinished } from 'vitest';
import type { AgentBackend, ChangingKeys, TurnJournal } from '../../../../daemon/services/agent-port.ts';
import { ApprovalService } from '../../../../daemon/services/approval-service.ts';
import { systemClock } from '../../../../daemon/services/clock.ts';
import { EventHub } from '../../../../daemon/services/event-hub.ts';
import { ListStream } from '../../../../daemon/services/list-stream.ts';
import type { StoredEntry, VaultPort } from '../../../../daemon/services/ports.ts';
import { RestoreService } from '../../../../daemon/services/restore-service.ts';
import { SessionFiles } from '../../../../daemon/services/session-files.ts';
import { SessionService } from '../../../../daemon/services/session-service.ts';
import { SessionWriter } from '../../../../daemon/services/session-writer.ts';
import type { PreparedCall } from '../../../../daemon/services/tool-port.ts';
import { SnapshotService } from '../../../../daemon/services/snapshot-service.ts';
import { SnapshotKeeper } from '../../../../daemon/services/snapshot-keeper.ts';
import { TurnService } from '../../../../daemon/services/turn-service.ts';
import { WorkspaceHolds } from '../../../../daemon/services/workspace-holds.ts';
import type { SnapshotEntry } from '../../../../protocol/snapshot.ts';
import type { ApprovalMode, ToolEffect } from '../../../../protocol/tool.ts';
import { openedVault, temporaryDirectory } from '../../../support/direct-vault.ts';
import { waitUntil } from '../../../support/real-daemon.ts';
import { FakeWorkspaces } from './fake-workspaces.ts';

/** What a turn does; it answers with what this resolves to. */
export type Play = (turn: Actor) => Promise<string>;

const SETTINGS = { enabled: true, encrypt: true, watch: 'auto', maxFileBytes: 1, maxFiles: 1, maxBytes: 1 } as const;
const NO_USAGE = { inputTokens: 0, outputTokens: 0 };

function prepared(effect: ToolEffect, title: string): PreparedCall {
  const command = effect === 'command' ? title : '';
  const paths = effect === 'edit' ? [`/w/${title}`] : [];
  return { name: effect, effect, title, detail: '', paths, outside: [], command, dangers: [], ticket: null };
}

/** The backend's side of one turn. */
export class Actor {
  readonly journal: TurnJournal;
  readonly signal: AbortSignal;
  readonly #calls: string[] = [];

  constructor(journal: TurnJournal, signal: AbortSignal) {
    this.journal = journal;
    this.signal = signal;
  }

  /** A whole call, in a step of its own. @returns why it was not done, or `done`. */
  async call(effect: ToolEffect, title: string, during: () => Promise<void> = () => Promise.resolve()) {
    const callId = `${effect}-${this.#calls.push(title)}-${ulid()}`;
    await this.journal.step([{ type: 'tool-call', callId, name: effect, arguments: '{}' }], NO_USAGE);
    const call = prepared(effect, title);
    const verdict = await this.journal.approve(call, callId);
    let output = 'done';
    if (verdict.allowed) {
      await this.journal.begin(call, callId);
      await during();
    } else output = verdict.reason;
    await this.journal.result({ type: 'tool-result', callId, name: effect, output, isError: !verdict.allowed });
    return output;
  }
}

export interface StageOptions {
  readonly waitMs?: number;
  readonly enabled?: boolean;
  /** Where the key of the model comes from; it needs none without. */
  readonly keys?: ChangingKeys;
}

const NO_KEYS: ChangingKeys = {
  changes: 0,
  keyFor: () => Promise.resolve(undefined),
  changedSince: () => Promise.resolve(),
};

export class Stage {
  readonly vault: VaultPort;
  readonly workspaces = new FakeWorkspaces();
  readonly keeper: SnapshotKeeper;
  readonly turns: TurnService;
  readonly sessions: SessionService;
  readonly restores: RestoreService;
  readonly snapshots: SnapshotService;
  readonly approvals: ApprovalService;
  readonly reported: unknown[] = [];
  readonly #plays = new Map<string, Play>();

  static async open(options: StageOptions = {}): Promise<Stage> {
    const { path, remove } = temporaryDirectory();
    const vault = await openedVault(path);
    const stage = new Stage(vault, options);
    onTestFinished(async () => {
      await stage.turns.leave('paused');
      await vault.close();
      remove();
    });
    return stage;
  }

  private constructor(vault: VaultPort, { waitMs, enabled = true, keys }: StageOptions) {
    this.vault = vault;
    const clock = systemClock();
    const report = (error: unknown): string => `trace-${this.reported.push(error)}`;
    const { workspaces } = this;
    const approvals = new ApprovalService(vault, clock);
    const hub = new EventHub({ vault, clock, approvals, onFailure: (_id, error) => void report(error) });
    const onHead: ConstructorParameters<typeof SessionWriter>[0]['onHead'] = (head) => turns.headChanged(head);
    const writer = new SessionWriter({ vault, hub, clock, onHead });
    const holds = new WorkspaceHolds();
    const settings = () => ({ ...SETTINGS, enabled });
    const keeper = new SnapshotKeeper({
      workspaces,
      holds,
      settings,
      report,
      ...(waitMs === undefined ? {} : { waitMs }),
    });
    const files = new SessionFiles(workspaces, report);
    const backend: AgentBackend = {
      runTurn: async ({ messages }, journal, signal) => {
        const prompt = messages.findLast(({ role }) => role === 'user')?.parts[0];
        const play = this.#plays.get(prompt?.type === 'text' ? prompt.text : '');
        const text = (await play?.(new Actor(journal, signal))) ?? 'nothing to do';
        return { parts: [{ type: 'text', text }], usage: NO_USAGE, reason: 'stop' };
      },
      summarise: () => Promise.resolve(undefined),
    };
    const registry = {
      resolve: () => ({ backend, provider: 'test', model: 'test', keyVariable: keys && 'A_KEY' }),
      defaultModel: () => 'test/test',
      list: () => Promise.resolve({ models: [], problems: [] }),
    };
    const tools = {
      background: () => [],
      endSurvivors: () => Promise.resolve(),
      endBackground: () => Promise.resolve(),
    };
    const agents = { choose: () => Promise.resolve({ model: undefined, mode: undefined, isTrusted: true }) };
    const sessionsChanged = (): void => undefined;
    const common = { vault, hub, writer, clock, registry, agents, tools, files, sessionsChanged };
    const turns: TurnService = new TurnService({
      ...common,
      approvals,
      snapshots: keeper,
      keys: keys ?? NO_KEYS,
      defaultMode: () => 'full',
      recovery: () => 'safe',
      report,
    });
    this.keeper = keeper;
    this.turns = turns;
    this.approvals = approvals;
    this.sessions = new SessionService({ ...common, turns, lists: new ListStream() });
    this.snapshots = new SnapshotService({ vault, clock, workspaces, settings });
    this.restores = new RestoreService({ vault, turns, workspaces, holds });
  }

  /** A new session whose first turn does this. */
  async begin(play: Play, mode: ApprovalMode = 'full', workspace = '/w'): Promise<string> {
    return await this.#submit(play, { kind: 'new', workspace }, mode);
  }

  /** The next turn of a session does this. */
  async next(sessionId: string, play: Play): Promise<void> {
    await this.#submit(play, { kind: 'session', sessionId }, undefined);
  }

  async #submit(
    play: Play,
    target: { kind: 'new'; workspace: string } | { kind: 'session'; sessionId: string },
    mode: ApprovalMode | undefined,
  ): Promise<string> {
    const text = ulid();
    this.#plays.set(text, play);
    const prompt = [{ type: 'text' as const, text }];
    const wish = mode === undefined ? {} : { mode };
    return (await this.turns.submit({ opId: ulid(), target, prompt, ...wish })).sessionId;
  }

  /** Resolves when nothing of the session runs or waits. */
  async rest(sessionId: string, limitMs?: number): Promise<void> {
    await waitUntil('the session is at rest', () => !this.turns.isBusy(sessionId), limitMs);
  }

  /** The question that is open. */
  async question(sessionId: string) {
    await waitUntil('a question', () => this.approvals.pending(sessionId).length > 0);
    const [pending] = this.approvals.pending(sessionId);
    if (pending === undefined) throw new Error('no question');
    return pending.question;
  }

  async answer(sessionId: string, decision: 'allow' | 'reject', scope?: 'session'): Promise<void> {
    const { callId } = await this.question(sessionId);
    const wish = scope === undefined ? {} : { scope };
    await this.approvals.answer({ opId: ulid(), sessionId, callId, decision, ...wish });
  }

  async entries(sessionId: string): Promise<readonly StoredEntry[]> {
    return (await this.vault.read({ sessionId, limit: 500, maxBytes: 1_000_000 })).entries;
  }

  /** What the turns of a session say of the files, in order, and the entry after each. */
  async said(sessionId: string): Promise<{ turn: number; entry: SnapshotEntry; next: unknown }[]> {
    const entries = await this.entries(sessionId);
    return entries.flatMap(({ type, turn, body }, index) => {
      if (type !== 'snapshot') return [];
      const after: unknown = JSON.parse(entries[index + 1]?.body ?? '{}');
      return [{ turn, entry: JSON.parse(body) as SnapshotEntry, next: after }];
    });
  }
}
