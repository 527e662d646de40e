/** Methods about the daemon and what surrounds a conversation: keys, configuration, models, tools, agents, typed lines. */
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
import { KeyMoveParams, KeyStatus, KeyUnlockParams } from './key.ts';
import { method } from './method-spec.ts';
import { AgentListParams, AgentListResult, EnvironmentOfferParams, ToolListResult } from './tool.ts';

export const PROCESS_METHODS = {
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

  'environment/offer': method(EnvironmentOfferParams, Done, {
    summary:
      'Lends the variables in which commands run of turns that this connection begins. Kept encrypted with the session.',
    errors: [],
    effect: 'set',
    needsKey: false,
  }),

  'agent/list': method(AgentListParams, AgentListResult, {
    summary: 'Named agents: those of the person and those of the workspace.',
    errors: [],
    effect: 'read',
    needsKey: false,
  }),

  'tool/list': method(Nothing, ToolListResult, {
    summary: 'Tools that a model is given.',
    errors: [],
    effect: 'read',
    needsKey: false,
  }),

  'model/list': method(Nothing, ModelListResult, {
    summary: 'Models that can be chosen, asking the configured servers for theirs.',
    errors: [],
    effect: 'read',
    needsKey: false,
    deadlineMs: 15_000,
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
