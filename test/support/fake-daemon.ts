/** A daemon in memory behind the client interface: enough of its rules for frontends, with turns that a test drives. */
import type {
  AttachHandlers,
  Attachment,
  Client,
  ConnectionStatus,
  PendingApproval,
} from '../../client/connection/api.ts';
import { FakeLock } from './fake-lock.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { DurableEventType, EventData, EventType, ListNotice, SessionEvent } from '../../protocol/event.ts';
import type { PromptPart } from '../../protocol/message.ts';
import type { MethodName, ParamsOf, ResultOf } from '../../protocol/methods.ts';
import type { CatalogRow, Save, Session } from '../../protocol/session.ts';
import type { TurnSummary } from '../../protocol/turn-summary.ts';
import type { ApprovalChange, ApprovalQuestion } from '../../protocol/tool.ts';
import type { TurnChange } from '../../protocol/turn.ts';

const GENERATION = 'g1';
const AT = '2025-07-04T12:30:00.000Z';

interface StoredSession {
  session: Session;
  events: SessionEvent[];
  queue: { turn: number; parts: PromptPart[] }[];
  live: { turn: number; step: number; text: string; reasoning: string } | null;
  approvals: PendingApproval[];
}

type Handler = (params: never) => unknown;

const DURABLE: ReadonlySet<string> = new Set<DurableEventType>([
  'message',
  'turn',
  'cutoff',
  'settings',
  'title',
  'origin',
  'call',
  'approval',
  'summary',
  'retry',
  'snapshot',
]);

/** Methods that the real daemon refuses while the store is locked. */
const NEEDS_KEY = ['session/', 'save/', 'turn/', 'history/', 'key/lock', 'key/move', 'provider/set-key'];

/** Ids that look like real ones: 26 characters, ordered. */
function ulid(number: number): string {
  return `01K${String(number).padStart(23, '0')}`;
}

export class FakeDaemon {
  readonly sessions = new Map<string, StoredSession>();
  readonly saves: Save[] = [];
  readonly calls: { method: MethodName; params: unknown }[] = [];
  readonly history: string[] = [];
  /** The sessions that were named with the lines of `history/add`, newest first. */
  readonly typedIn: (string | undefined)[] = [];
  defaultModel = 'demo/offline';
  /** Where the key is, and what opens the store. */
  readonly lock = new FakeLock();
  /** Answers of a turn; null leaves the turn to the test. */
  answer: ((prompt: string) => string) | null = (prompt) => `You said: ${prompt}`;
  /** Replaces the answer of a method, or throws for it. */
  readonly overrides: Partial<Record<MethodName, Handler>> = {};
  #attached = new Map<string, Set<AttachHandlers>>();
  #listeners = new Set<(status: ConnectionStatus) => void>();
  #watchers = new Set<(notice: ListNotice) => void>();
  #count = 0;

  connect(): Client {
    const followed = new Set<string>();
    const { lock } = this;
    return {
      daemon: {
        protocol: 1,
        daemon: { build: { version: '0.1.0', id: 'test', builtAt: 0 }, pid: 4711, startedAt: AT },
        store: { id: ulid(0), generation: GENERATION },
        get key() {
          return lock.status.state;
        },
        draining: false,
        limits: { bodyBytes: 1, requestsInFlight: 64 },
        keyVariables: [],
      },
      call: async (method, params) => this.#call(method, params),
      newOpId: () => ulid((this.#count += 1)),
      attach: async (sessionId, handlers, options) => {
        if (followed.has(sessionId)) throw new ProtocolError('CONFLICT', 'this client is attached already');
        followed.add(sessionId);
        return this.#attach(sessionId, handlers, options?.tail ?? 50, () => followed.delete(sessionId));
      },
      onList: (listener) => {
        this.#watchers.add(listener);
        return () => this.#watchers.delete(listener);
      },
      onStatus: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      close: async () => {},
    };
  }

  /** Tells a change of the list of sessions. */
  list(notice: ListNotice): void {
    for (const watcher of this.#watchers) watcher(notice);
  }

  status(status: ConnectionStatus): void {
    for (const listener of this.#listeners) listener(status);
  }

  newSession(workspace = '/work', model = this.defaultModel): string {
    const id = ulid((this.#count += 1));
    const session: Session = {
      id,
      title: '',
      workspace,
      status: 'idle',
      model,
      mode: 'ask',
      agent: '',
      turns: 0,
      messages: 0,
      inputTokens: 0,
      outputTokens: 0,
      createdAt: AT,
      updatedAt: AT,
      archived: false,
      pinned: false,
      lastSeq: 0,
      parent: null,
      attached: 0,
    };
    this.sessions.set(id, { session, events: [], queue: [], live: null, approvals: [] });
    return id;
  }

  /** Appends a durable event, or tells an ephemeral one. */
  emit<T extends EventType>(sessionId: string, type: T, turn: number, data: EventData<T>): void {
    const stored = this.#stored(sessionId);
    const isDurable = DURABLE.has(type);
    const seq = stored.session.lastSeq + (isDurable ? 1 : 0);
    const event = { sessionId, generation: GENERATION, seq, type, turn, at: AT, data } as unknown as SessionEvent;
    if (isDurable) {
      stored.session = { ...stored.session, lastSeq: seq };
      stored.events.push(event);
    }
    if (event.type === 'message') stored.session.messages += 1;
    if (event.type === 'delta') {
      const before =
        stored.live?.turn === turn ? stored.live : { turn, step: event.data.step, text: '', reasoning: '' };
      stored.live = { ...before, [event.data.channel]: before[event.data.channel] + event.data.text };
    }
    if (event.type === 'queue' && event.data.state === 'cancelled') {
      stored.queue = stored.queue.filter((waiting) => waiting.turn !== turn);
    }
    if (event.type === 'cutoff' || (event.type === 'message' && event.data.role === 'assistant')) stored.live = null;
    for (const handlers of this.#attached.get(sessionId) ?? []) handlers.event(event);
  }

  /** Begins the turn of a prompt. */
  begin(sessionId: string, turn: number, text: string): void {
    this.#stored(sessionId).session.turns = Math.max(turn, this.#stored(sessionId).session.turns);
    this.emit(sessionId, 'message', turn, { role: 'user', parts: [{ type: 'text', text }] });
    this.turn(sessionId, turn, { state: 'running' });
  }

  delta(sessionId: string, turn: number, text: string, step = 1): void {
    const live = this.#stored(sessionId).live;
    this.emit(sessionId, 'delta', turn, { step, channel: 'text', offset: live?.text.length ?? 0, text });
  }

  reply(sessionId: string, turn: number, text: string): void {
    this.emit(sessionId, 'message', turn, { role: 'assistant', parts: [{ type: 'text', text }] });
  }

  turn(sessionId: string, turn: number, change: TurnChange): void {
    const stored = this.#stored(sessionId);
    const isOpen = change.state === 'running' || change.state === 'waiting';
    stored.session.status = isOpen ? (change.state as 'running') : change.state === 'failed' ? 'failed' : 'idle';
    this.emit(sessionId, 'turn', turn, change);
    if (isOpen || change.state === 'queued') return;
    const next = stored.queue.shift();
    if (next !== undefined) this.#start(sessionId, next.turn, textOf(next.parts));
  }

  complete(sessionId: string, turn: number, text: string): void {
    this.reply(sessionId, turn, text);
    this.turn(sessionId, turn, { state: 'completed', reason: 'stop', usage: { inputTokens: 3, outputTokens: 5 } });
  }

  /** Asks whether a call may take effect. */
  ask(sessionId: string, turn: number, question: ApprovalQuestion): void {
    this.#stored(sessionId).approvals.push({ turn, question });
    this.emit(sessionId, 'approval', turn, { state: 'asked', ...question });
    this.turn(sessionId, turn, { state: 'waiting', waitingFor: 'approval' });
  }

  /** Somebody has answered, or nobody can any more. */
  settle(sessionId: string, turn: number, change: Exclude<ApprovalChange, { state: 'asked' }>): void {
    const stored = this.#stored(sessionId);
    stored.approvals = stored.approvals.filter(({ question }) => question.callId !== change.callId);
    this.emit(sessionId, 'approval', turn, change);
    this.turn(sessionId, turn, { state: 'running' });
  }

  /** A client that was away is back; it is told the live text. */
  resume(sessionId: string, live: NonNullable<StoredSession['live']>): void {
    const stored = this.#stored(sessionId);
    stored.live = live;
    const cursor = { generation: GENERATION, seq: stored.session.lastSeq };
    for (const handlers of this.#attached.get(sessionId) ?? []) {
      handlers.resumed({ cursor, live, queue: stored.queue, approvals: [], unsaved: null });
    }
  }

  /** How many frontends watch a session. */
  watching(sessionId: string): number {
    return this.#attached.get(sessionId)?.size ?? 0;
  }

  /** Gives a prompt as another frontend would. */
  submitElsewhere(sessionId: string, text: string): void {
    this.#submit({ opId: ulid(0), target: { kind: 'session', sessionId }, prompt: [{ type: 'text', text }] });
  }

  #start(sessionId: string, turn: number, text: string): void {
    this.begin(sessionId, turn, text);
    const { answer } = this;
    if (answer === null) return;
    setImmediate(() => {
      const reply = answer(text);
      const half = Math.ceil(reply.length / 2);
      this.delta(sessionId, turn, reply.slice(0, half));
      this.delta(sessionId, turn, reply.slice(half));
      this.complete(sessionId, turn, reply);
    });
  }

  #call<M extends MethodName>(method: M, params: ParamsOf<M>): ResultOf<M> {
    this.calls.push({ method, params });
    if (NEEDS_KEY.some((prefix) => method.startsWith(prefix))) this.lock.require();
    const handler = this.overrides[method] ?? this.#methods[method];
    if (handler === undefined) throw new ProtocolError('METHOD_NOT_FOUND', `the fake daemon has no ${method}`);
    return handler(params as never) as ResultOf<M>;
  }

  readonly #methods: { [M in MethodName]?: (params: ParamsOf<M>) => ResultOf<M> } = {
    'key/status': () => this.lock.status,
    'key/unlock': ({ provider, passphrase }) => this.lock.unlock(provider, passphrase),
    'key/lock': () => this.lock.close(),
    'key/move': ({ to, passphrase }) => this.lock.move(to, passphrase),
    'daemon/status': () => ({
      running: true,
      pid: 4711,
      version: '0.1.0',
      build: 'test',
      protocol: 1,
      dataDir: '/data',
      socket: '/data/run/d.sock',
      startedAt: AT,
      keyProvider: 'keyfile',
      keyState: 'unlocked',
      clients: 1,
      sessions: this.sessions.size,
      runningTurns: 0,
      waitingTurns: 0,
      draining: false,
      configProblems: [],
      storage: { state: 'saved', reason: '' },
      rssBytes: 1,
    }),
    'config/get': () => ({ path: '/data/config.toml', values: { model: this.defaultModel }, set: [], problems: [] }),
    'session/watch': () => ({}),
    'history/list': () => ({ lines: [...this.history] }),
    'history/add': ({ line, sessionId }) => {
      this.history.unshift(line);
      this.typedIn.unshift(sessionId);
      return {};
    },
    'model/list': () => ({
      models: [{ id: 'demo/offline', provider: 'demo', source: 'built-in' }],
      default: this.defaultModel,
      problems: [],
    }),
    'session/list': ({ workspace, filter, limit = 50, cursor }) => {
      const all = [...this.sessions.values()]
        .map(({ session }) => session)
        .filter((session) => workspace === undefined || session.workspace === workspace)
        .filter((session) => session.title.includes(filter ?? ''))
        .reverse();
      const from = Number(cursor ?? 0);
      const end = from + limit;
      return {
        sessions: all.slice(from, end),
        nextCursor: end < all.length ? String(end) : null,
        total: filter === undefined ? all.length : null,
      };
    },
    'session/catalog': ({ left }) => ({ rows: this.#catalog(left), more: 0 }),
    'store/verify': () => ({ entries: 0, problems: [] }),
    'session/resolve': ({ reference, left }) => {
      const found = [...this.#catalog(left), ...this.#everySession()].filter((row) => row.id.startsWith(reference));
      const row = found.find(({ id }) => id === reference) ?? found[0];
      if (row === undefined) throw new ProtocolError('NOT_FOUND', 'no such session');
      return row;
    },
    'session/get': ({ sessionId }) => ({ session: this.#stored(sessionId).session }),
    'session/configure': ({ opId: _opId, sessionId, ...settings }) => {
      const { session } = this.#stored(sessionId);
      for (const [name, value] of Object.entries(settings))
        if (value !== undefined) Object.assign(session, { [name]: value });
      this.emit(sessionId, 'settings', 0, settings);
      return { session };
    },
    'session/fork': ({ sessionId, turn }) => ({ session: this.#fork(sessionId, turn) }),
    'save/create': ({ sessionId, name }) => {
      const { session } = this.#stored(sessionId);
      const save: Save = {
        id: `2025-07-04_12-30${name === undefined ? '' : `_${name}`}`,
        sessionId,
        turn: session.turns,
        seq: session.lastSeq,
        messages: session.messages,
        model: session.model,
        workspace: session.workspace,
        title: session.title,
        createdAt: AT,
      };
      this.saves.unshift(save);
      return { save };
    },
    'save/messages': ({ saveId }) => {
      const save = this.saves.find(({ id }) => id === saveId);
      const messages = this.#messages(save?.sessionId ?? '').filter(({ seq }) => seq <= (save?.seq ?? 0));
      return { messages, more: false };
    },
    'turn/list': ({ sessionId, limit = 50, before = Number.POSITIVE_INFINITY }) => {
      const turns = this.#turnsOf(sessionId).filter(({ turn }) => turn < before);
      return { turns: turns.slice(0, limit), more: turns.length > limit };
    },
    'session/messages': ({ sessionId, after = -1, limit = 100 }) => {
      const messages = this.#messages(sessionId).filter(({ seq }) => seq > after);
      return { messages: messages.slice(0, limit), more: messages.length > limit };
    },
    'approval/answer': ({ sessionId, callId, decision, scope = 'once', reason = '' }) => {
      const { turn } = this.#pending(sessionId, callId);
      const state = decision === 'allow' ? 'allowed' : 'rejected';
      this.settle(sessionId, turn, state === 'allowed' ? { state, callId, scope } : { state, callId, reason });
      return { state };
    },
    'approval/list': ({ sessionId }) => ({
      approvals: [...this.sessions].flatMap(([id, { approvals }]) =>
        sessionId === undefined || sessionId === id ? approvals.map((one) => ({ sessionId: id, ...one })) : [],
      ),
    }),
    'turn/submit': (params) => this.#submit(params),
    'turn/cancel': ({ sessionId }) => {
      const stored = this.#stored(sessionId);
      const turn = stored.events.findLast((event) => event.type === 'turn')?.turn ?? 0;
      setImmediate(() => {
        if (stored.live !== null) this.emit(sessionId, 'cutoff', turn, { step: 1, parts: [], reason: 'cancelled' });
        this.turn(sessionId, turn, { state: 'cancelled' });
      });
      return { cancelled: turn };
    },
  };

  #pending(sessionId: string, callId: string): PendingApproval {
    const pending = this.#stored(sessionId).approvals.find(({ question }) => question.callId === callId);
    if (pending === undefined) throw new ProtocolError('CONFLICT', 'this call was allowed already');
    return pending;
  }

  #submit({ target, prompt, model }: ParamsOf<'turn/submit'>): ResultOf<'turn/submit'> {
    let sessionId: string;
    let forked = false;
    if (target.kind === 'new') sessionId = this.newSession(target.workspace);
    else if (target.kind === 'session') sessionId = target.sessionId;
    else ({ sessionId, forked } = this.#atSave(target.saveId));
    const stored = this.#stored(sessionId);
    if (model !== undefined) stored.session.model = model;
    const turn = stored.session.turns + 1;
    stored.session.turns = turn;
    const isBusy = stored.session.status === 'running' || stored.session.status === 'waiting';
    const ahead = isBusy ? 1 + stored.queue.length : 0;
    if (isBusy) {
      stored.queue.push({ turn, parts: prompt });
      this.emit(sessionId, 'queue', turn, { state: 'queued', ahead, parts: prompt });
    } else {
      this.#start(sessionId, turn, textOf(prompt));
    }
    return { sessionId, turn, ahead, forked };
  }

  #atSave(saveId: string): { sessionId: string; forked: boolean } {
    const save = this.saves.find(({ id }) => id === saveId);
    if (save === undefined) throw new ProtocolError('NOT_FOUND', 'no such save');
    if (this.#stored(save.sessionId).session.lastSeq === save.seq) return { sessionId: save.sessionId, forked: false };
    const session = this.#fork(save.sessionId, save.turn);
    return { sessionId: session.id, forked: true };
  }

  #fork(sessionId: string, turn: number | undefined): Session {
    const source = this.#stored(sessionId);
    const id = this.newSession(source.session.workspace, source.session.model);
    const kept = turn ?? source.session.turns;
    for (const event of source.events) {
      if (event.turn <= kept) this.emit(id, event.type, event.turn, event.data as never);
    }
    this.#stored(id).session.turns = kept;
    return this.#stored(id).session;
  }

  async #attach(sessionId: string, handlers: AttachHandlers, tail: number, left: () => void): Promise<Attachment> {
    const stored = this.#stored(sessionId);
    const attached = this.#attached.get(sessionId) ?? new Set();
    this.#attached.set(sessionId, attached.add(handlers));
    const { session, events, live, queue, approvals } = stored;
    handlers.opened({ session: { ...session }, events: events.slice(-tail), live, queue, approvals, unsaved: null });
    return {
      sessionId,
      cursor: { generation: GENERATION, seq: session.lastSeq },
      detach: async () => {
        attached.delete(handlers);
        left();
      },
    };
  }

  #catalog(left: string | undefined): CatalogRow[] {
    const sessions = [...this.sessions.values()].map(({ session }) => session).filter(({ messages }) => messages > 0);
    const autosave = sessions.find(({ id }) => id === left) ?? sessions.at(-1);
    return [
      ...(autosave === undefined ? [] : [{ kind: 'autosave' as const, id: '_autosave' as const, session: autosave }]),
      ...this.saves.map((save) => ({ kind: 'save' as const, id: save.id, save })),
      ...sessions.filter((session) => session !== autosave).map((session) => rowOf(session)),
    ];
  }

  #everySession(): CatalogRow[] {
    return [...this.sessions.values()].map(({ session }) => rowOf(session));
  }

  #messages(sessionId: string) {
    return this.#stored(sessionId).events.flatMap((event) =>
      event.type === 'message' ? [{ seq: event.seq, turn: event.turn, at: event.at, ...event.data }] : [],
    );
  }

  /** Newest first. */
  #turnsOf(sessionId: string): TurnSummary[] {
    const { events } = this.#stored(sessionId);
    const prompts = events.flatMap((event) => (event.type === 'message' && event.data.role === 'user' ? [event] : []));
    return prompts.reverse().map(({ turn, at, data }) => {
      const own = events.filter((event) => event.turn === turn);
      const snapshot = own.findLast((event) => event.type === 'snapshot')?.data ?? null;
      const state = own.findLast((event) => event.type === 'turn')?.data.state ?? 'running';
      return {
        turn,
        at,
        prompt: data.parts.map((part) => (part.type === 'text' ? part.text : '')).join(''),
        state,
        snapshot,
      };
    });
  }

  #stored(sessionId: string): StoredSession {
    const stored = this.sessions.get(sessionId);
    if (stored === undefined) throw new ProtocolError('NOT_FOUND', 'no such session');
    return stored;
  }
}

function rowOf(session: Session): CatalogRow {
  return { kind: 'session', id: session.id, session };
}

function textOf(parts: readonly PromptPart[]): string {
  return parts.map((part) => (part.type === 'text' ? part.text : '')).join('');
}
