/** Saves and the catalog: what a person named, and how it is found again. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { ParamsOf, ResultOf } from '../../protocol/methods.ts';
import type { CatalogRow, Save } from '../../protocol/session.ts';
import { chooseAutosave } from '../domain/catalog.ts';
import { saveId } from '../domain/save-name.ts';
import type { ClientPort } from './client-port.ts';
import type { EventHub } from './event-hub.ts';
import type { ClockPort, SessionHead, VaultPort } from './ports.ts';
import { presentMessage, presentSave, saveRow } from './present.ts';
import type { SessionService } from './session-service.ts';
import type { TurnService } from './turn-service.ts';

const DEFAULT_PAGE = 50;
const PAGE_BYTES = 2 * 1024 * 1024;
const DEFAULT_ROWS = 50;
/** Newest sessions among which `_autosave` is looked for. */
const CANDIDATES = 100;
/** Matches of a prefix that are named in an error. */
const NAMED_MATCHES = 5;

export interface SaveServiceParts {
  readonly vault: VaultPort;
  readonly hub: EventHub;
  readonly turns: TurnService;
  readonly sessions: SessionService;
  readonly clock: ClockPort;
}

/** Who asks for a catalog: his workspace, and the session he left by `/reset`. */
interface Viewer {
  readonly workspace: string;
  readonly left?: string | undefined;
}

export class SaveService {
  readonly #parts: SaveServiceParts;

  constructor(parts: SaveServiceParts) {
    this.#parts = parts;
  }

  async create(params: ParamsOf<'save/create'>, client: ClientPort): Promise<{ save: Save }> {
    const { vault, turns, clock } = this.#parts;
    const head = await vault.head(params.sessionId);
    const turn = turns.finishedTurns(head);
    if (turn === 0) {
      throw new ProtocolError('EMPTY', 'there is nothing to save yet: no turn has ended', {
        hint: 'Send a prompt first.',
      });
    }
    const { seq, messages } = await vault.endOfTurn(head.id, turn);
    const at = clock.now();
    const save = await vault.createSave({
      opId: params.opId,
      sessionId: head.id,
      wantedId: saveId(at, client.timeZone, params.name),
      seq,
      turn,
      messages,
      model: head.model,
      mode: head.mode,
      agent: head.agent,
      fingerprint: JSON.stringify([head.id, params.name ?? null]),
      at,
    });
    return { save: presentSave(save) };
  }

  async messages(params: ParamsOf<'save/messages'>): Promise<ResultOf<'save/messages'>> {
    const { saveId: id, before, limit } = params;
    const { entries, more } = await this.#parts.vault.readSave(id, before, limit ?? DEFAULT_PAGE, PAGE_BYTES);
    return { messages: entries.map((entry) => presentMessage(entry)), more };
  }

  async delete(params: ParamsOf<'save/delete'>): Promise<{ deleted: string }> {
    await this.#parts.vault.deleteSave(params.opId, params.saveId);
    return { deleted: params.saveId };
  }

  async catalog(params: ParamsOf<'session/catalog'>, client: ClientPort): Promise<ResultOf<'session/catalog'>> {
    const { vault, sessions } = this.#parts;
    const limit = params.limit ?? DEFAULT_ROWS;
    const autosave = await this.#autosave(params, client);
    const saves = await vault.listSaves(limit, 0);
    const others = await vault.list({ archived: 'exclude', limit: limit + 1, nonEmpty: true });
    const rows: CatalogRow[] = [];
    if (autosave !== undefined) rows.push(autosave);
    rows.push(...saves.saves.map((save) => saveRow(save)));
    for (const head of others.heads) {
      if (head.id !== autosave?.session.id)
        rows.push({ kind: 'session', id: head.id, session: sessions.present(head) });
    }
    const listed = (autosave === undefined ? 0 : 1) + saves.total;
    const hidden = (others.total ?? 0) - (autosave === undefined ? 0 : 1);
    return { rows: rows.slice(0, limit), more: Math.max(0, listed + hidden - Math.min(rows.length, limit)) };
  }

  /** @throws ProtocolError NOT_FOUND, AMBIGUOUS */
  async resolve(params: ParamsOf<'session/resolve'>, client: ClientPort): Promise<CatalogRow> {
    const reference = params.reference.trim();
    if (reference === '_autosave') {
      const autosave = await this.#autosave(params, client);
      if (autosave !== undefined) return autosave;
    }
    if (reference === '') throw notFound(params.reference);
    const upper = reference.toUpperCase();
    const { vault, sessions } = this.#parts;
    const bySave = await vault.findByPrefix(reference, NAMED_MATCHES + 1);
    const bySession = upper === reference ? bySave : await vault.findByPrefix(upper, NAMED_MATCHES + 1);
    const saves = bySave.saves.includes(reference) ? [reference] : bySave.saves;
    const found = bySession.sessions.includes(upper) ? [upper] : bySession.sessions;
    const matches = saves.includes(reference) ? [reference] : [...saves, ...found];
    if (matches.length > 1) throw ambiguous(reference, matches);
    const [match] = matches;
    if (match === undefined) throw notFound(reference);
    if (saves.includes(match)) return saveRow(await vault.save(match));
    return { kind: 'session', id: match, session: sessions.present(await vault.listed(match)) };
  }

  async #autosave(viewer: Viewer, client: ClientPort): Promise<Extract<CatalogRow, { kind: 'autosave' }> | undefined> {
    const { vault, sessions } = this.#parts;
    const here = await vault.list({
      workspace: viewer.workspace,
      archived: 'exclude',
      limit: CANDIDATES,
      nonEmpty: true,
    });
    const anywhere = await vault.list({ archived: 'exclude', limit: CANDIDATES, nonEmpty: true });
    const left = viewer.left === undefined ? [] : await this.#headIfThere(viewer.left);
    const candidates = [...left, ...here.heads, ...anywhere.heads].map((head) => ({
      id: head.id,
      workspace: head.workspace,
      turns: head.turns,
      elsewhere: this.#parts.hub.existing(head.id)?.attachedElsewhere(client) === true,
      head,
    }));
    const chosen = chooseAutosave(candidates, viewer.workspace, viewer.left);
    return chosen === undefined
      ? undefined
      : { kind: 'autosave', id: '_autosave', session: sessions.present(chosen.head) };
  }

  async #headIfThere(sessionId: string): Promise<SessionHead[]> {
    try {
      return [await this.#parts.vault.head(sessionId)];
    } catch (error) {
      if (error instanceof ProtocolError && error.kind === 'NOT_FOUND') return [];
      throw error;
    }
  }
}

function notFound(reference: string): ProtocolError {
  return new ProtocolError('NOT_FOUND', `session not found: ${reference}`, {
    hint: 'List what there is with /sessions or `mctl sessions list`.',
  });
}

function ambiguous(reference: string, matches: readonly string[]): ProtocolError {
  const named = matches.slice(0, NAMED_MATCHES).join(', ');
  const rest = matches.length > NAMED_MATCHES ? ', …' : '';
  return new ProtocolError('AMBIGUOUS', `${reference} is the beginning of more than one id: ${named}${rest}`, {
    hint: 'Give more of the id.',
  });
}
