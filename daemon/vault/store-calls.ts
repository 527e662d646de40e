/** What the vault does for each call of its port: reads, writes, and jobs in slices. */
import { encodeTime } from 'ulid';
import { ProtocolError } from '../../protocol/errors.ts';
import type { ReadRequest, VaultPort } from '../services/ports.ts';
import { TamperError } from './cipher.ts';
import { listBackups } from './migrations.ts';
import { requireRoomForOutput } from './output-room.ts';
import type { OpenStore } from './open-store.ts';
import { REMEMBER_OPERATIONS_MS } from './operations.ts';
import { closed } from './log.ts';
import { UNFINISHED_STATUSES } from './session-head.ts';
import { kindOf, MESSAGE_KIND } from './segments.ts';
import type { SlicedJob } from './slices.ts';
import { usesUpTo } from './segment-uses.ts';

/** Calls that work on an open store. */
export type StoreCall = Exclude<keyof VaultPort, 'open' | 'unlock' | 'lock' | 'moveKey' | 'close'>;
type Args<M extends StoreCall> = Parameters<VaultPort[M]>;
type Value<M extends StoreCall> = Awaited<ReturnType<VaultPort[M]>>;

export type Handler<M extends StoreCall> =
  | { readonly kind: 'read' | 'write'; run(store: OpenStore, ...args: Args<M>): Value<M> }
  | {
      /** `erase` jobs change the store and run one at a time. */
      readonly kind: 'scan' | 'erase';
      run(store: OpenStore, ...args: Args<M>): SlicedJob<Value<M>>;
    };

const MESSAGES: ReadonlySet<number> = new Set([MESSAGE_KIND]);

export const STORE_CALLS: { readonly [M in StoreCall]: Handler<M> } = {
  append: { kind: 'write', run: (store, request) => store.log.append(request) },
  enqueue: { kind: 'write', run: (store, request) => store.log.enqueue(request) },
  fork: { kind: 'write', run: (store, request) => store.log.fork(request) },
  cancelQueued: { kind: 'write', run: (store, id, turn) => store.log.cancelQueued(id, turn) },
  readQueue: { kind: 'read', run: (store, id) => store.log.queueOf(id) },
  lastOfTurn: { kind: 'read', run: (store, id, turn) => store.log.lastOfTurn(id, turn) },
  endOfTurn: { kind: 'read', run: (store, id, turn) => store.log.endOfTurn(id, turn) },
  appendDraft: {
    kind: 'write',
    run: (store, id, draft) => {
      store.drafts.append(store.sessions.load(id), draft);
    },
  },
  readDrafts: { kind: 'read', run: (store, id) => store.drafts.read(store.sessions.load(id)) },
  read: { kind: 'read', run: readLog },
  readSave: {
    kind: 'read',
    run: (store, id, before, limit, maxBytes) => {
      const save = store.saves.load(id);
      const from = before ?? save.seq + 1;
      return store.reader.read(save.uses, { direction: 'before', from, limit, maxBytes, only: MESSAGES });
    },
  },
  head: { kind: 'read', run: (store, id) => store.sessions.headOf(store.sessions.load(id)) },
  listed: { kind: 'read', run: (store, id) => store.lister.one(id) },
  list: { kind: 'scan', run: (store, request) => store.lister.list(request) },
  unfinished: { kind: 'read', run: unfinished },
  countSessions: { kind: 'read', run: (store) => store.recency.size },
  findByPrefix: {
    kind: 'read',
    run: (store, prefix, limit) => ({
      sessions: store.recency.idsWith(prefix, limit),
      saves: store.saves.withPrefix(prefix, limit),
    }),
  },
  setFlag: {
    kind: 'write',
    run: (store, op, id, flag, value) => {
      store.operations.once(op, `set ${id} ${flag} ${value}`, () => {
        const state = store.sessions.load(id);
        state[flag] = value;
        store.sessions.write(state);
        return null;
      });
      return store.sessions.headOf(store.sessions.load(id));
    },
  },
  createSave: {
    kind: 'write',
    run: (store, request) => {
      const made = store.operations.once(request.opId, `save ${request.fingerprint}`, () =>
        store.log.createSave(request),
      );
      const save = store.saves.byNumber(made.number);
      if (save?.createdAt !== made.createdAt) throw new ProtocolError('NOT_FOUND', 'the save was deleted since');
      const { number: _number, uses: _uses, ...stored } = save;
      return stored;
    },
  },
  listSaves: {
    kind: 'read',
    run: (store, limit, offset) => {
      const { saves, total } = store.saves.page(limit, offset);
      return { saves: saves.map(({ number: _number, uses: _uses, ...save }) => save), total };
    },
  },
  save: {
    kind: 'read',
    run: (store, id) => {
      const { number: _number, uses: _uses, ...save } = store.saves.load(id);
      return save;
    },
  },
  countSaves: { kind: 'read', run: (store, id) => store.saves.ofSession(id).length },
  deleteSave: { kind: 'erase', run: deleteSave },
  deleteSession: { kind: 'erase', run: deleteSession },
  verify: {
    kind: 'scan',
    run: (store, id) => {
      store.sessions.forget(id);
      return store.verifier.verify(id);
    },
  },
  verifyRest: { kind: 'scan', run: (store) => store.restVerifier.verify() },
  setSecret: {
    kind: 'write',
    run: (store, name, value) => {
      store.secrets.set(name, value);
    },
  },
  secret: { kind: 'read', run: (store, name) => store.secrets.get(name) },
  environment: { kind: 'read', run: (store, id) => store.environments.of(store.sessions.load(id)) },
  appendOutput: {
    kind: 'write',
    run: (store, id, stretch) => {
      requireRoomForOutput(store.db);
      store.outputs.append(store.sessions.load(id), stretch);
    },
  },
  readOutput: {
    kind: 'read',
    run: (store, id, callId, offset, maxBytes) => store.outputs.read(store.sessions.load(id), callId, offset, maxBytes),
  },
  recordProcess: {
    kind: 'write',
    run: (store, record) => {
      if (!store.sessions.exists(record.sessionId)) throw new ProtocolError('NOT_FOUND', 'session not found');
      store.processes.record(record);
    },
  },
  forgetProcess: {
    kind: 'write',
    run: (store, callId) => {
      store.processes.forget(callId);
    },
  },
  processes: { kind: 'read', run: (store) => store.processes.all() },
  addRule: { kind: 'write', run: (store, rule) => store.rules.add(rule) },
  rules: { kind: 'scan', run: (store, workspace) => store.rules.list(workspace) },
  removeRule: {
    kind: 'write',
    run: (store, id) => {
      store.rules.remove(id);
    },
  },
  workspaceKey: { kind: 'write', run: (store, path) => store.workspaceKeys.of(path) },
  removeWorkspaceKey: { kind: 'write', run: (store, path) => store.workspaceKeys.remove(path) },
  workspaceKeys: { kind: 'read', run: (store) => store.workspaceKeys.all() },
  relinkWorkspace: { kind: 'write', run: (store, from, to) => store.relinker.relink(from, to) },
  workspaceDirectories: { kind: 'read', run: (store) => store.workspaceKeys.directories() },
  addHistory: {
    kind: 'write',
    run: (store, line, sessionId) => {
      store.typedLines.add(line, sessionId);
    },
  },
  history: { kind: 'read', run: (store, limit) => store.typedLines.newest(limit) },
};

/**
 * What is due at each start: remains of deletions that a crash cut short, operations that nobody retries any more, and a
 * look at every head.
 */
export function* maintenance(store: OpenStore): SlicedJob<void> {
  yield* store.eraser.collect();
  const oldest = `${encodeTime(Date.now() - REMEMBER_OPERATIONS_MS, 10)}${'0'.repeat(16)}`;
  while (store.operations.forgetBefore(oldest)) yield;
  yield* store.headCheck.run();
}

function readLog(store: OpenStore, request: ReadRequest): Value<'read'> {
  const state = store.sessions.load(request.sessionId);
  const uses = request.upTo === undefined ? closed(state) : usesUpTo(closed(state), request.upTo);
  const { after, before, limit, maxBytes, only } = request;
  const direction = after === undefined ? 'before' : 'after';
  const from = after ?? before ?? state.lastSeq + 1;
  return store.reader.read(uses, { direction, from, limit, maxBytes, only: only && new Set(only.map(kindOf)) });
}

function unfinished(store: OpenStore): Value<'unfinished'> {
  const places = UNFINISHED_STATUSES.map(() => '?').join(', ');
  return store.db
    .prepare<number[], string>(
      `SELECT id FROM session WHERE status IN (${places}) OR number IN (SELECT session FROM queued)`,
    )
    .pluck()
    .all(...UNFINISHED_STATUSES)
    .flatMap((id) => {
      try {
        return [store.sessions.headOf(store.sessions.load(id))];
      } catch (error) {
        // A session that does not verify is not continued; opening it says why.
        if (error instanceof TamperError) return [];
        throw error;
      }
    });
}

function* deleteSession(
  store: OpenStore,
  op: string,
  id: string,
  saves: 'keep' | 'delete',
): SlicedJob<Value<'deleteSession'>> {
  const receipt = store.operations.once(op, `delete ${id} ${saves}`, () => store.eraser.deleteSession(id, saves));
  yield;
  yield* store.eraser.collect();
  const backups = listBackups(store.backupDirectory).filter((backup) => backup.at >= receipt.createdAt);
  return {
    savesKept: receipt.savesKept,
    savesDeleted: receipt.savesDeleted,
    backups: backups.map((backup) => backup.file),
  };
}

function* deleteSave(store: OpenStore, op: string, id: string): SlicedJob<void> {
  store.operations.once(op, `delete save ${id}`, () => {
    store.eraser.deleteSave(id);
    return null;
  });
  yield;
  yield* store.eraser.collect();
}
