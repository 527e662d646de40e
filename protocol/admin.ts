/** The daemon itself: handshake, status, shutdown. The first three methods are frozen for ever. */
import * as z from 'zod/mini';
import { KeyProvider, KeyState, KeyWish } from './key.ts';
import { Line, SessionId, Timestamp } from './primitives.ts';

export const BuildShape = z.object({ version: z.string(), id: z.string(), builtAt: z.number() });

/** Fields of later versions are ignored, so that any client can greet any daemon. */
export const InitializeParams = z.object({
  protocol: z.object({ min: z.int(), max: z.int() }),
  client: z.object({
    name: z.string().check(z.maxLength(100)),
    kind: z.enum(['tui', 'chat', 'run', 'mctl', 'daemon', 'other']),
    build: BuildShape,
    pid: z.int(),
  }),
  /** IANA name; save ids are made in it. */
  timeZone: z.string().check(z.maxLength(100)),
  key: z.optional(KeyWish),
});
export type InitializeParams = z.infer<typeof InitializeParams>;

export const InitializeResult = z.object({
  /** The version both sides use from here on. */
  protocol: z.int(),
  daemon: z.object({ build: BuildShape, pid: z.int(), startedAt: Timestamp }),
  /** Null until the store has been opened. */
  store: z.nullable(z.object({ id: z.string(), generation: z.string() })),
  key: KeyState,
  /** True when the daemon finishes its work and takes no more. */
  draining: z.boolean(),
  limits: z.object({ bodyBytes: z.int(), requestsInFlight: z.int() }),
  /** Variables of the client's environment that hold provider keys; see `provider/offer-keys`. */
  keyVariables: z.array(z.string()),
});
export type InitializeResult = z.infer<typeof InitializeResult>;

export const DaemonStatusParams = z.object({});
export const DaemonStatusResult = z.object({
  running: z.literal(true),
  pid: z.int(),
  version: z.string(),
  build: z.string(),
  protocol: z.int(),
  dataDir: z.string(),
  socket: z.string(),
  startedAt: Timestamp,
  keyProvider: z.nullable(KeyProvider),
  keyState: KeyState,
  clients: z.int(),
  sessions: z.nullable(z.int()),
  runningTurns: z.int(),
  waitingTurns: z.int(),
  draining: z.boolean(),
  /** What is wrong with the configuration; empty when nothing is. */
  configProblems: z.array(z.string()),
  storage: z.object({ state: z.enum(['saved', 'unsaved']), reason: z.string() }),
  rssBytes: z.int(),
  /** When old snapshots will be removed for the first time; missing when that is not ahead. */
  snapshotsGoAt: z.optional(Timestamp),
});
export type DaemonStatus = z.infer<typeof DaemonStatusResult>;

export const DaemonShutdownParams = z.object({
  /** `drain` lets running turns reach their next durable step; `now` does not wait for the model. */
  mode: z.optional(z.enum(['drain', 'now'])),
  /** Only when nothing runs; otherwise CONFLICT. */
  onlyIfIdle: z.optional(z.boolean()),
  /** True for a stop that a person asked for: running turns end as interrupted and are not continued by themselves. */
  deliberate: z.optional(z.boolean()),
});
export const DaemonShutdownResult = z.object({ stopping: z.literal(true) });

/** Asks the daemon to hand the data directory over to a newer one that has already published its socket. */
export const DaemonReleaseParams = z.strictObject({ build: BuildShape });
export const DaemonReleaseResult = z.object({ released: z.literal(true) });

export const ConfigReloadResult = z.object({ problems: z.array(z.string()) });
export const ConfigGetResult = z.object({
  path: z.string(),
  /** Effective settings by dotted key, as text. */
  values: z.record(z.string(), z.string()),
  /** Keys that the file sets itself. */
  set: z.array(z.string()),
  problems: z.array(z.string()),
});
export const ConfigSetParams = z.strictObject({
  key: z.string().check(z.maxLength(200)),
  /** Null removes the key. */
  value: z.nullable(Line),
});

export const ProviderSetKeyParams = z.strictObject({
  provider: z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/)),
  /** Null removes the stored key. */
  key: z.nullable(z.string().check(z.minLength(1), z.maxLength(8192))),
});
export const ProviderOfferKeysParams = z.strictObject({
  /** By variable name; kept in memory only. */
  keys: z.record(z.string().check(z.maxLength(200)), z.string().check(z.maxLength(8192))),
});

export const ModelInfo = z.object({
  id: z.string(),
  provider: z.string(),
  /** Where it comes from: configured, offered by the server, or built in. */
  source: z.enum(['built-in', 'configured', 'server']),
});
export const ModelListResult = z.object({
  models: z.array(ModelInfo),
  /** The model that a new session gets. */
  default: z.string(),
  /** Providers whose server could not be asked, with the reason. */
  problems: z.array(z.object({ provider: z.string(), message: z.string() })),
});

export const HistoryAddParams = z.strictObject({
  line: z.string().check(z.maxLength(100_000)),
  /** Where it was typed. Deleting that session forgets the line; deleting any session forgets those that name none. */
  sessionId: z.optional(SessionId),
});
export const HistoryListParams = z.strictObject({ limit: z.optional(z.int().check(z.gte(1), z.lte(1000))) });
export const HistoryListResult = z.object({ lines: z.array(z.string()) });

export const Nothing = z.strictObject({});
export const Done = z.object({});
