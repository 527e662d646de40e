/** Which service answers which method. */
import { ProtocolError } from '../protocol/errors.ts';
import type { ConfigurationStore } from './config/store.ts';
import type { AgentRegistry } from './agent/registry.ts';
import type { EventHub } from './services/event-hub.ts';
import type { ListStream } from './services/list-stream.ts';
import type { KeyRing } from './services/provider-keys.ts';
import type { VaultPort } from './services/ports.ts';
import type { SaveService } from './services/save-service.ts';
import type { SessionService } from './services/session-service.ts';
import type { StoreAccess } from './services/store-access.ts';
import type { TurnService } from './services/turn-service.ts';
import { snapshotRoutes, type SnapshotMethod, type SnapshotServices } from './snapshot-routes.ts';
import { toolRoutes, type ToolMethod, type ToolServices } from './tool-routes.ts';
import type { RequestContext, ServiceRoutes } from './transport/routes.ts';

export interface Services extends ToolServices, SnapshotServices {
  readonly vault: VaultPort;
  readonly access: StoreAccess;
  readonly configuration: ConfigurationStore;
  /** Told when the configuration may be another one than before. */
  readonly configurationRead: () => void;
  readonly registry: AgentRegistry;
  readonly keys: KeyRing;
  readonly hub: EventHub;
  readonly lists: ListStream;
  readonly turns: TurnService;
  readonly sessions: SessionService;
  readonly saves: SaveService;
}

const DEFAULT_HISTORY = 500;

export function serviceRoutes(services: Services): ServiceRoutes {
  return {
    ...processRoutes(services),
    ...sessionRoutes(services),
    ...turnRoutes(services),
    ...toolRoutes(services),
    ...snapshotRoutes(services),
  };
}

type ProcessMethod =
  | 'key/status'
  | 'key/unlock'
  | 'key/lock'
  | 'key/move'
  | 'config/get'
  | 'config/set'
  | 'config/reload'
  | 'provider/set-key'
  | 'provider/offer-keys'
  | 'model/list';

function processRoutes({
  access,
  configuration,
  registry,
  keys,
  turns,
  workspaces,
  configurationRead,
}: Services): Pick<ServiceRoutes, ProcessMethod> {
  const effective = () => ({
    path: configuration.path,
    ...configuration.effective(),
    problems: [...configuration.problems],
  });
  return {
    'key/status': async (_params, { connection }) => await access.open(connection.keyWish),
    'key/unlock': ({ passphrase, provider }, { connection }) =>
      access.unlock(provider === undefined ? connection.keyWish : { ...connection.keyWish, provider }, passphrase),
    'key/lock': async () => {
      if (!turns.idle) {
        throw new ProtocolError('CONFLICT', 'the store cannot be locked while a turn runs or waits', {
          hint: 'Cancel it first, or wait for its end.',
          retryable: true,
        });
      }
      const status = await access.lock();
      // Their threads have keys too, and get none any more.
      await workspaces.putAway();
      return status;
    },
    'key/move': ({ to, passphrase }, { connection }) => access.move(to, connection.keyWish, passphrase),
    'config/get': async () => {
      if (await configuration.reloadIfChanged()) configurationRead();
      return effective();
    },
    'config/set': async ({ key, value }) => {
      await configuration.set(key, value);
      configurationRead();
      return effective();
    },
    'config/reload': async () => {
      await configuration.reload();
      configurationRead();
      return { problems: [...configuration.problems] };
    },
    'provider/set-key': async ({ provider, key }) => {
      await keys.store(provider, key);
      return {};
    },
    'provider/offer-keys': ({ keys: lent }) => {
      keys.lend(lent);
      return Promise.resolve({});
    },
    'model/list': async () => {
      if (await configuration.reloadIfChanged()) configurationRead();
      const { models, problems } = await registry.list(keys);
      return { models, problems, default: registry.defaultModel() };
    },
  };
}

type SessionMethod = Exclude<
  Extract<keyof ServiceRoutes, `session/${string}` | `save/${string}` | 'store/verify'>,
  ToolMethod
>;

function sessionRoutes({
  sessions,
  saves,
  hub,
  lists,
  access,
  approvals,
}: Services): Pick<ServiceRoutes, SessionMethod> {
  const checked = ({ connection }: RequestContext): void => {
    access.refuseOtherProvider(connection.keyWish);
  };
  return {
    'session/list': (params, context) => {
      checked(context);
      return sessions.list(params);
    },
    'session/catalog': (params, context) => {
      checked(context);
      return saves.catalog(params, context.connection);
    },
    'session/resolve': (params, context) => {
      checked(context);
      return saves.resolve(params, context.connection);
    },
    'session/watch': (_params, { connection }) => {
      lists.watch(connection);
      return Promise.resolve({});
    },
    'session/unwatch': (_params, { connection }) => {
      lists.unwatch(connection);
      return Promise.resolve({});
    },
    'session/get': ({ sessionId }) => sessions.get(sessionId),
    'session/messages': (params) => sessions.messages(params),
    'session/attach': ({ sessionId, after, tail }, { connection }) =>
      hub.attach(connection, sessionId, { after, tail }),
    'session/detach': ({ sessionId }, { connection }) => {
      hub.detach(connection, sessionId);
      return Promise.resolve({});
    },
    'session/fork': (params) => sessions.fork(params),
    'session/rename': (params) => sessions.rename(params),
    'session/configure': async (params) => {
      const result = await sessions.configure(params);
      if (params.mode !== undefined) await approvals.modeChanged(params.sessionId);
      return result;
    },
    'session/pin': (params) => sessions.flag(params, 'pinned'),
    'session/archive': (params) => sessions.flag(params, 'archived'),
    'session/delete': (params) => sessions.delete(params),
    'session/verify': ({ sessionId }) => sessions.verify(sessionId),
    'store/verify': () => sessions.verifyRest(),
    'save/create': (params, { connection }) => saves.create(params, connection),
    'save/messages': (params) => saves.messages(params),
    'save/delete': (params) => saves.delete(params),
  };
}

type TurnMethod = Exclude<
  Extract<keyof ServiceRoutes, `turn/${string}` | `history/${string}`>,
  ToolMethod | SnapshotMethod
>;

function turnRoutes({
  vault,
  turns,
  configuration,
  configurationRead,
  access,
  environments,
}: Services): Pick<ServiceRoutes, TurnMethod> {
  return {
    'turn/submit': async (params, { connection }) => {
      access.refuseOtherProvider(connection.keyWish);
      if (await configuration.reloadIfChanged()) configurationRead();
      return await turns.submit(params, environments.of(connection));
    },
    'turn/cancel': async ({ sessionId, turn }) => ({ cancelled: await turns.cancel(sessionId, turn) }),
    'history/add': async ({ line, sessionId }) => {
      await vault.addHistory(line, sessionId ?? null);
      return {};
    },
    'history/list': async ({ limit }) => ({ lines: await vault.history(limit ?? DEFAULT_HISTORY) }),
  };
}
