/** What the daemon is told by its configuration file, in the form the rest of the daemon uses. */

import type { ApprovalMode } from '../../protocol/tool.ts';
import type { ProviderType } from './provider-types.ts';

/** How a turn that a crash interrupted goes on. */
type RecoveryPolicy = 'safe' | 'ask' | 'never';

type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** How much a model is asked to think before it answers. */
type ReasoningEffort = 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh';

/** One server that offers models. */
export interface ProviderConfiguration {
  readonly name: string;
  readonly type: ProviderType;
  /** Without a slash at the end, a query or a password. */
  readonly baseUrl: string;
  /** Name of the variable in a client's environment that holds the API key. */
  readonly apiKeyEnv: string | undefined;
  /** Models to offer beside those that the server lists. */
  readonly models: readonly string[];
  /** Sent with every request; never a secret. */
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined leaves it to the server. */
  readonly reasoning: ReasoningEffort | undefined;
  /** The longest reply, in tokens. Undefined leaves it to the server, or to what is known of the model. */
  readonly maxOutputTokens: number | undefined;
  /** Name lookup, TCP and TLS together. */
  readonly connectTimeoutMs: number;
  /** From the connection to the first byte of the reply. */
  readonly firstByteTimeoutMs: number;
  /** The longest pause inside a reply. */
  readonly silenceTimeoutMs: number;
}

/** What is known of a model besides its name. */
export interface ModelConfiguration {
  /** Tokens that a request and its reply may have together. */
  readonly contextTokens: number | undefined;
  /** For a million tokens, in whatever currency the person counts. */
  readonly inputPrice: number | undefined;
  readonly outputPrice: number | undefined;
}

/** What is kept of the files of workspaces, so that they can be put back. */
export interface SnapshotConfiguration {
  readonly enabled: boolean;
  /** Whether what is kept is encrypted on the disk. */
  readonly encrypt: boolean;
  /** Whether directories are watched between snapshots; with `auto`, those of a large workspace. */
  readonly watch: 'auto' | 'on' | 'off';
  /** A larger file is left out. */
  readonly maxFileBytes: number;
  /** A directory with more files is not kept at all. */
  readonly maxFiles: number;
  /** Nor is one whose files are more together. */
  readonly maxBytes: number;
  /** What is older goes; 0 for never. */
  readonly maxAgeDays: number;
  /** What is kept of all workspaces together; 0 for no limit. */
  readonly maxStoredBytes: number;
}

export interface Configuration {
  /** The model of a new session that names none, as `provider/model`. */
  readonly model: string;
  /** The mode of a new session that names none. */
  readonly mode: ApprovalMode;
  readonly recovery: RecoveryPolicy;
  /** Minutes without any work after which the daemon ends; 0 keeps it running. */
  readonly idleExitMinutes: number;
  readonly logLevel: LogLevel;
  /** Replies of a model in one turn. */
  readonly maxSteps: number;
  readonly maxTurnMinutes: number;
  /** Tool results that a turn may give to its model. */
  readonly maxResultMegabytes: number;
  /** Part of the context window at which a conversation is summed up; 1 never. */
  readonly compactAt: number;
  readonly snapshots: SnapshotConfiguration;
  /** By `provider/model`. */
  readonly models: ReadonlyMap<string, ModelConfiguration>;
  readonly providers: ReadonlyMap<string, ProviderConfiguration>;
}
