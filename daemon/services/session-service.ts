/** Sessions as a person handles them: list, look into, fork, name, pin, put away, delete. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { ParamsOf, ResultOf } from '../../protocol/methods.ts';
import type { EventData } from '../../protocol/event.ts';
import type { Session } from '../../protocol/session.ts';
import { withAgent } from './agent-settings.ts';
import type { AgentRegistryPort, AgentsPort } from './agent-port.ts';
import type { EventHub } from './event-hub.ts';
import type { SessionFiles } from './session-files.ts';
import type { ClockPort, SessionHead, VaultPort } from './ports.ts';
import { presentMessage, presentSession } from './present.ts';
import type { ListStream } from './list-stream.ts';
import type { ToolPort } from './tool-port.ts';
import type { SessionWriter } from './session-writer.ts';
import type { TurnService } from './turn-service.ts';
import { settingsPatch } from './turn-start.ts';

const DEFAULT_PAGE = 50;
/** Bytes of stored messages in one answer. */
const PAGE_BYTES = 2 * 1024 * 1024;

export interface SessionServiceParts {
  readonly vault: VaultPort;
  readonly hub: EventHub;
  readonly writer: SessionWriter;
  readonly turns: TurnService;
  readonly registry: AgentRegistryPort;
  readonly agents: AgentsPort;
  readonly tools: Pick<ToolPort, 'endBackground'>;
  readonly clock: ClockPort;
  readonly lists: ListStream;
  readonly files: SessionFiles;
  /** Told when there are more or fewer sessions than before. */
  readonly sessionsChanged: () => void;
}

export class SessionService {
  readonly #parts: SessionServiceParts;

  constructor(parts: SessionServiceParts) {
    this.#parts = parts;
  }

  async list(params: ParamsOf<'session/list'>): Promise<ResultOf<'session/list'>> {
    const { workspace, filter, cursor } = params;
    const { heads, nextCursor, total } = await this.#parts.vault.list({
      archived: params.archived ?? 'exclude',
      limit: params.limit ?? DEFAULT_PAGE,
      ...(workspace === undefined ? {} : { workspace }),
      ...(filter === undefined ? {} : { filter }),
      ...(cursor === undefined ? {} : { cursor }),
    });
    return { sessions: heads.map((head) => this.present(head)), nextCursor, total };
  }

  async get(sessionId: string): Promise<{ session: Session }> {
    return { session: this.present(await this.#parts.vault.head(sessionId)) };
  }

  async messages(params: ParamsOf<'session/messages'>): Promise<ResultOf<'session/messages'>> {
    const { sessionId, before, after } = params;
    if (before !== undefined && after !== undefined) {
      throw new ProtocolError('INVALID_PARAMS', 'give either `before` or `after`');
    }
    const { entries, more } = await this.#parts.vault.read({
      sessionId,
      limit: params.limit ?? DEFAULT_PAGE,
      maxBytes: PAGE_BYTES,
      only: ['message'],
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
    });
    return { messages: entries.map((entry) => presentMessage(entry)), more };
  }

  async fork(params: ParamsOf<'session/fork'>): Promise<{ session: Session }> {
    const { vault, writer, clock } = this.#parts;
    const { workspace } = params;
    const head = await vault.head(params.sessionId);
    const turn = this.#forkTurn(head, params.turn);
    const { seq, messages } = await vault.endOfTurn(head.id, turn);
    const parent = { sessionId: head.id, turn };
    const result = await vault.fork({
      opId: params.opId,
      source: { sessionId: head.id },
      seq,
      messages,
      newId: clock.id(),
      ...(workspace === undefined ? {} : { workspace }),
      parent,
      turns: turn,
      title: `Fork of ${head.title}`,
      model: head.model,
      mode: head.mode,
      agent: head.agent,
      entries: [
        writer.entry('origin', turn, parent),
        writer.entry('title', turn, { title: `Fork of ${head.title}`, automatic: true }),
        writer.entry('settings', turn, { model: head.model, mode: head.mode, agent: head.agent }),
      ],
      patch: {},
      fingerprint: JSON.stringify([
        'fork',
        params.sessionId,
        params.turn ?? null,
        ...(workspace === undefined ? [] : [workspace]),
      ]),
    });
    this.#parts.sessionsChanged();
    await this.#parts.files.forked({ sessionId: head.id, workspace: head.workspace }, result.head);
    this.changed(result.head);
    return { session: this.present(result.head) };
  }

  async rename(params: ParamsOf<'session/rename'>): Promise<{ session: Session }> {
    const title = params.title.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
    if (title === '') throw new ProtocolError('INVALID_PARAMS', 'a title needs at least one visible character');
    return await this.#note(params, 'title', title, { title, automatic: false });
  }

  async configure(params: ParamsOf<'session/configure'>): Promise<{ session: Session }> {
    const { opId: _opId, sessionId, ...wish } = params;
    const settings = settingsPatch(await withAgent(this.#parts.agents, await this.#parts.vault.head(sessionId), wish));
    if (settings.model !== undefined) this.#parts.registry.resolve(settings.model);
    return await this.#note(params, 'settings', JSON.stringify(wish), settings);
  }

  async flag(params: ParamsOf<'session/pin'>, flag: 'archived' | 'pinned'): Promise<{ session: Session }> {
    const { opId, sessionId, value } = params;
    if (flag === 'archived' && value && this.#parts.turns.isBusy(sessionId)) throw busy('archived');
    const head = await this.#parts.vault.setFlag(opId, sessionId, flag, value);
    const { archived, pinned } = head;
    this.#parts.hub.existing(sessionId)?.notify('session', 0, { archived, pinned });
    this.changed(head);
    return { session: this.present(head) };
  }

  async delete(params: ParamsOf<'session/delete'>): Promise<ResultOf<'session/delete'>> {
    const { vault, hub, turns } = this.#parts;
    const { opId, sessionId, saves } = params;
    if (turns.isBusy(sessionId)) throw busy('deleted');
    if (saves === 'refuse') {
      const count = await vault.countSaves(sessionId);
      if (count > 0) {
        throw new ProtocolError('CONFLICT', `this session has ${count} save${count === 1 ? '' : 's'}`, {
          hint: 'Say what becomes of them: keep or delete.',
        });
      }
    }
    // A command that goes on would write into files whose conversation nobody can read any more.
    await this.#parts.tools.endBackground(sessionId);
    await this.#forgetFiles(sessionId);
    const receipt = await vault.deleteSession(opId, sessionId, saves === 'delete' ? 'delete' : 'keep');
    hub.deleted(sessionId);
    this.#parts.lists.removed(sessionId);
    this.#parts.sessionsChanged();
    return { deleted: sessionId, ...receipt, backups: [...receipt.backups] };
  }

  /** What does not verify, or is gone already, is deleted all the same. */
  async #forgetFiles(sessionId: string): Promise<void> {
    const head = await this.#parts.vault.head(sessionId).catch(() => undefined);
    if (head !== undefined) await this.#parts.files.forget(head);
  }

  async verify(sessionId: string): Promise<ResultOf<'session/verify'>> {
    return await this.#parts.vault.verify(sessionId);
  }

  async verifyRest(): Promise<ResultOf<'store/verify'>> {
    return await this.#parts.vault.verifyRest();
  }

  /** Tells whoever watches the list. */
  changed(head: SessionHead): void {
    this.#parts.lists.changed(head.id, () => this.present(head));
  }

  present(head: SessionHead): Session {
    const { hub } = this.#parts;
    return presentSession(head, hub.attached(head.id), hub.isUnsaved(head.id));
  }

  /** A change that is an entry of the log and part of the head. */
  async #note(
    params: { readonly opId: string; readonly sessionId: string },
    type: 'title' | 'settings',
    asked: string,
    data: EventData<'title'> | EventData<'settings'>,
  ): Promise<{ session: Session }> {
    const { writer, clock } = this.#parts;
    const result = await writer.append({
      opId: params.opId,
      sessionId: params.sessionId,
      entries: [{ type, turn: 0, at: clock.now(), body: JSON.stringify(data), isMessage: false }],
      // The number of the turn never decreases along a log, so that the end of a turn can be found by halving.
      inNewestTurn: true,
      patch: 'title' in data ? { title: data.title } : settingsPatch(data),
      fingerprint: JSON.stringify([type, params.sessionId, asked]),
    });
    return { session: this.present(result.head) };
  }

  #forkTurn(head: SessionHead, wanted: number | undefined): number {
    const finished = this.#parts.turns.finishedTurns(head);
    const turn = wanted ?? finished;
    if (turn > head.turns) {
      throw new ProtocolError('NOT_FOUND', `turn ${turn} does not exist; the session has ${head.turns}`);
    }
    if (turn > finished || turn === 0) {
      throw new ProtocolError('CONFLICT', turn === 0 ? 'no turn has ended yet' : `turn ${turn} has not ended yet`, {
        hint: 'Wait for it, or cancel it.',
        retryable: true,
      });
    }
    return turn;
  }
}

function busy(what: string): ProtocolError {
  return new ProtocolError('CONFLICT', `the session cannot be ${what} while a turn runs or waits`, {
    hint: 'Cancel it first, or wait for its end.',
  });
}
