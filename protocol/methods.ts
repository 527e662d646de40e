/** THE table of methods: everything a client can ask of the daemon. */
import type * as z from 'zod/mini';
import {
  ConfigGetResult,
  ConfigReloadResult,
  ConfigSetParams,
  DaemonReleaseParams,
  DaemonReleaseResult,
  DaemonShutdownParams,
  DaemonShutdownResult,
  DaemonStatusParams,
  DaemonStatusResult,
  Done,
  HistoryAddParams,
  HistoryListParams,
  HistoryListResult,
  InitializeParams,
  InitializeResult,
  ModelListResult,
  Nothing,
  ProviderOfferKeysParams,
  ProviderSetKeyParams,
} from './admin.ts';
import { SessionAttachParams, SessionAttachResult } from './event.ts';
import { KeyMoveParams, KeyStatus, KeyUnlockParams } from './key.ts';
import {
  CatalogRow,
  SaveCreateParams,
  SaveDeleteParams,
  SaveDeleteResult,
  SaveMessagesParams,
  SaveResult,
  SessionCatalogParams,
  SessionCatalogResult,
  SessionConfigureParams,
  SessionDeleteParams,
  SessionDeleteResult,
  SessionFlagParams,
  SessionForkParams,
  SessionListParams,
  SessionListResult,
  SessionMessagesParams,
  SessionMessagesResult,
  SessionRef,
  SessionRenameParams,
  SessionResolveParams,
  SessionResult,
  SessionVerifyResult,
} from './session.ts';
import { method } from './method-spec.ts';
import { TurnCancelParams, TurnCancelResult, TurnSubmitParams, TurnSubmitResult } from './turn.ts';

const CHECK = { effect: 'read', admin: true, deadlineMs: 120_000 } as const;

export const METHODS = {
  initialize: method(InitializeParams, InitializeResult, {
    summary: 'Opens the conversation between a client and the daemon; nothing else is served before it. Frozen.',
    errors: ['VERSION_MISMATCH', 'DRAINING', 'OVERLOADED'],
    effect: 'set',
    needsKey: false,
    admin: true,
  }),
  'daemon/status': method(DaemonStatusParams, DaemonStatusResult, {
    summary: 'What the daemon is and how it does. Frozen.',
    errors: [],
    effect: 'read',
    needsKey: false,
    admin: true,
  }),
  'daemon/shutdown': method(DaemonShutdownParams, DaemonShutdownResult, {
    summary: 'Stops the daemon. The answer comes before the end. Frozen.',
    errors: ['CONFLICT'],
    effect: 'set',
    needsKey: false,
    admin: true,
  }),
  'daemon/release': method(DaemonReleaseParams, DaemonReleaseResult, {
    summary: 'Hands the data directory over to a newer daemon: finishes, closes the store, drops the lock, answers.',
    errors: ['CONFLICT'],
    effect: 'once',
    needsKey: false,
    admin: true,
    deadlineMs: 30_000,
  }),

  'key/status': method(Nothing, KeyStatus, {
    summary: 'Opens the store when it is not open yet and says where its key is.',
    errors: ['KEY_MISMATCH', 'STORE_TOO_NEW', 'STORAGE_UNSUPPORTED', 'STORAGE_FAILED'],
    effect: 'set',
    needsKey: false,
    admin: true,
    deadlineMs: 150_000,
  }),

  'key/unlock': method(KeyUnlockParams, KeyStatus, {
    summary: 'Unlocks the store, or creates it with the keeper and passphrase that a person chose.',
    errors: ['KEY_MISMATCH', 'STORAGE_FAILED'],
    effect: 'set',
    needsKey: false,
    admin: true,
    deadlineMs: 150_000,
  }),
  'key/lock': method(Nothing, KeyStatus, {
    summary: 'Puts the key away until `key/unlock`. Refused while a turn runs or waits.',
    errors: ['CONFLICT'],
    effect: 'set',
    admin: true,
  }),
  'key/move': method(KeyMoveParams, KeyStatus, {
    summary: 'Keeps the key elsewhere from now on; nothing is encrypted anew.',
    errors: ['KEY_UNAVAILABLE', 'CONFLICT', 'STORAGE_FULL', 'STORAGE_FAILED'],
    effect: 'once',
    admin: true,
    deadlineMs: 150_000,
  }),

  'config/get': method(Nothing, ConfigGetResult, {
    summary: 'The effective configuration and what is wrong with the file.',
    errors: [],
    effect: 'read',
    needsKey: false,
    admin: true,
  }),
  'config/set': method(ConfigSetParams, ConfigGetResult, {
    summary: 'Writes one key to the configuration file, or removes it; other lines and comments stay.',
    errors: ['CONFIG_INVALID', 'STORAGE_FAILED'],
    effect: 'set',
    needsKey: false,
    admin: true,
  }),
  'config/reload': method(Nothing, ConfigReloadResult, {
    summary: 'Reads the configuration file again; a file with errors changes nothing.',
    errors: ['CONFIG_INVALID'],
    effect: 'set',
    needsKey: false,
    admin: true,
  }),
  'provider/set-key': method(ProviderSetKeyParams, Done, {
    summary: 'Stores the API key of a provider, encrypted, or removes it.',
    errors: ['STORAGE_FULL', 'STORAGE_FAILED'],
    effect: 'set',
    admin: true,
  }),
  'provider/offer-keys': method(ProviderOfferKeysParams, Done, {
    summary: 'Lends the daemon provider keys of the client’s environment; they are kept in memory only.',
    errors: [],
    effect: 'set',
    needsKey: false,
  }),
  'model/list': method(Nothing, ModelListResult, {
    summary: 'Models that can be chosen, asking the configured servers for theirs.',
    errors: [],
    effect: 'read',
    needsKey: false,
    deadlineMs: 15_000,
  }),

  'session/list': method(SessionListParams, SessionListResult, {
    summary: 'Sessions, most recently changed first, filtered and paged.',
    errors: ['INVALID_PARAMS'],
    effect: 'read',
    admin: true,
  }),
  'session/catalog': method(SessionCatalogParams, SessionCatalogResult, {
    summary: 'What `/sessions` shows: `_autosave`, saves newest first, then the other sessions.',
    errors: [],
    effect: 'read',
  }),
  'session/resolve': method(SessionResolveParams, CatalogRow, {
    summary: 'Finds what a person means by `_autosave`, a save id, a session id, or a unique prefix.',
    errors: ['NOT_FOUND', 'AMBIGUOUS'],
    effect: 'read',
    admin: true,
  }),
  'session/watch': method(Nothing, Done, {
    summary: 'Subscribes this connection to changes of the list of sessions, told as notifications `list`.',
    errors: [],
    effect: 'set',
    admin: true,
  }),
  'session/unwatch': method(Nothing, Done, {
    summary: 'Ends the subscription to the list.',
    errors: [],
    effect: 'set',
    admin: true,
  }),
  'session/get': method(SessionRef, SessionResult, {
    summary: 'One session.',
    errors: ['NOT_FOUND'],
    effect: 'read',
    admin: true,
  }),
  'session/messages': method(SessionMessagesParams, SessionMessagesResult, {
    summary: 'A page of the messages of a session.',
    errors: ['NOT_FOUND', 'TAMPERED'],
    effect: 'read',
    admin: true,
  }),
  'session/attach': method(SessionAttachParams, SessionAttachResult, {
    summary: 'Subscribes this connection to a session, from a cursor or with the newest events.',
    errors: ['NOT_FOUND', 'CURSOR_GONE', 'TAMPERED'],
    effect: 'set',
  }),
  'session/detach': method(SessionRef, Done, {
    summary: 'Ends the subscription. Nothing that runs is stopped.',
    errors: [],
    effect: 'set',
  }),
  'session/fork': method(SessionForkParams, SessionResult, {
    summary: 'A new session that shares the log of another one up to the end of a turn.',
    errors: ['NOT_FOUND', 'CONFLICT'],
    effect: 'op',
    admin: true,
  }),
  'session/rename': method(SessionRenameParams, SessionResult, {
    summary: 'Gives a session another title.',
    errors: ['NOT_FOUND'],
    effect: 'op',
    admin: true,
  }),
  'session/configure': method(SessionConfigureParams, SessionResult, {
    summary: 'Changes the model of a session from its next turn on.',
    errors: ['NOT_FOUND', 'MODEL_UNKNOWN'],
    effect: 'op',
  }),
  'session/pin': method(SessionFlagParams, SessionResult, {
    summary: 'Pins or unpins a session.',
    errors: ['NOT_FOUND'],
    effect: 'op',
    admin: true,
  }),
  'session/archive': method(SessionFlagParams, SessionResult, {
    summary: 'Archives a session or brings it back.',
    errors: ['NOT_FOUND', 'CONFLICT'],
    effect: 'op',
    admin: true,
  }),
  'session/delete': method(SessionDeleteParams, SessionDeleteResult, {
    summary: 'Deletes a session for good: its rows and the keys that could read them.',
    errors: ['NOT_FOUND', 'CONFLICT'],
    effect: 'op',
    admin: true,
    deadlineMs: 120_000,
  }),
  'session/verify': method(SessionRef, SessionVerifyResult, {
    summary: 'Checks every entry of a session against its keys, chain and head.',
    errors: ['NOT_FOUND'],
    ...CHECK,
  }),
  'store/verify': method(Nothing, SessionVerifyResult, {
    summary: 'Checks what belongs to no session: saves that outlived theirs, provider keys, typed lines, lost rows.',
    errors: [],
    ...CHECK,
  }),

  'save/create': method(SaveCreateParams, SaveResult, {
    summary: 'Marks the current point of a session under a name.',
    errors: ['NOT_FOUND', 'EMPTY'],
    effect: 'op',
  }),
  'save/messages': method(SaveMessagesParams, SessionMessagesResult, {
    summary: 'A page of the messages up to a save, from its end backwards.',
    errors: ['NOT_FOUND', 'TAMPERED'],
    effect: 'read',
    admin: true,
  }),
  'save/delete': method(SaveDeleteParams, SaveDeleteResult, {
    summary: 'Removes a save; its session stays.',
    errors: ['NOT_FOUND'],
    effect: 'op',
    admin: true,
  }),

  'turn/submit': method(TurnSubmitParams, TurnSubmitResult, {
    summary: 'Accepts a prompt durably; the turn runs when its place in the session’s queue comes.',
    errors: ['NOT_FOUND', 'MODEL_UNKNOWN', 'PROVIDER_KEY_MISSING', 'CONFIG_INVALID', 'CONFLICT', 'STORAGE_FULL'],
    effect: 'op',
  }),
  'turn/cancel': method(TurnCancelParams, TurnCancelResult, {
    summary: 'Cancels a running or waiting turn.',
    errors: ['NOT_FOUND'],
    effect: 'set',
  }),

  'history/add': method(HistoryAddParams, Done, {
    summary: 'Remembers a line typed at a prompt, encrypted, until the session it was typed in is deleted.',
    errors: [],
    effect: 'once',
  }),
  'history/list': method(HistoryListParams, HistoryListResult, {
    summary: 'Lines typed before, newest first.',
    errors: [],
    effect: 'read',
  }),
} as const;

export type MethodTable = typeof METHODS;
export type MethodName = keyof MethodTable;
export type ParamsOf<M extends MethodName> = z.infer<MethodTable[M]['params']>;
export type ResultOf<M extends MethodName> = z.infer<MethodTable[M]['result']>;
