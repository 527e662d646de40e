/** What a turn needs from whatever does the work: a model behind an API, the demo model, later an agent process. */
import type { Message, Part, ToolCallPart, ToolResultPart } from '../../protocol/message.ts';
import type { PreparedCall, ToolSink } from './tool-port.ts';
import type { ApprovalMode } from '../../protocol/tool.ts';
import type { Usage } from '../../protocol/turn.ts';

/** A turn as a backend sees it. */
export interface TurnInput {
  readonly sessionId: string;
  readonly turn: number;
  /** Step to begin with: 1, or higher when finished steps of this turn stand from before a crash. */
  readonly firstStep: number;
  /** Steps of this turn that no longer count against its limit: a person has had it go on since. */
  readonly stepsBefore?: number;
  /** How long the turn has worked, in milliseconds. What it waits for, a person or a server, does not count. */
  readonly activeMs: () => number;
  /** Model name without the provider. */
  readonly model: string;
  readonly workspace: string;
  /** Named agent; empty for none. */
  readonly agent: string;
  /** For commands. */
  readonly environment: Readonly<Record<string, string>>;
  /** The conversation so far as it is stored, oldest first; a backend repairs it for its server. */
  readonly messages: readonly Message[];
  /**
   * Calls of the newest reply that have neither begun nor been answered, in order: a turn that goes on in the middle of a
   * step begins with them.
   */
  readonly open: readonly ToolCallPart[];
  /** Key for the provider, when there is one. */
  readonly apiKey: string | undefined;
}

/** How a backend tells what it does, and asks. A resolved promise means durable. */
export interface TurnJournal {
  /** More text of the reply that is being written. Cheap and synchronous. */
  text(delta: string): void;
  reasoning(delta: string): void;
  /**
   * A finished reply that is not the last one: it holds calls. The live text of the step ends here.
   * @returns it as it is in the log.
   */
  step(parts: readonly Part[], usage: Usage): Promise<Message>;
  /**
   * Whether a call may take effect, as mode, rules and, where they leave it open, a person say. May wait for days.
   * Rejects with the signal's reason.
   */
  approve(call: PreparedCall, callId: string): Promise<Verdict>;
  /** A call is about to take effect: durable, and the workspace is ready for it. */
  begin(call: PreparedCall, callId: string): Promise<void>;
  /** What a call tells while it runs. */
  sink(callId: string): ToolSink;
  /** What came of a call, whether or not it began. Also after an abort. @returns it as it is in the log. */
  result(part: ToolResultPart): Promise<Message>;
  /** From now on the summary is sent instead of the messages up to a sequence. */
  summary(summary: Summary): Promise<void>;
}

export type Verdict = { readonly allowed: true } | { readonly allowed: false; readonly reason: string };

export interface Summary {
  /** Sequence of the last message that it stands for. */
  readonly upTo: number;
  readonly text: string;
  readonly usage: Usage;
  readonly automatic: boolean;
}

/** The last reply of a turn; the turn runner makes it durable together with the end of the turn. */
export interface TurnOutcome {
  readonly parts: readonly Part[];
  readonly usage: Usage;
  /** `stop`, `length`, `content-filter`, … as the provider says. */
  readonly reason: string;
}

/**
 * Runs turns.
 *
 * `runTurn` rejects with a ProtocolError of kind UNREACHABLE, RATE_LIMITED, REFUSED, BROKEN_STREAM, MODEL_UNKNOWN or
 * PROVIDER_KEY_MISSING, or with the signal's reason after an abort. It never retries by itself: whether a failure is
 * waited out is a rule of the turn, not of the backend.
 */
export interface AgentBackend {
  runTurn(input: TurnInput, journal: TurnJournal, signal: AbortSignal): Promise<TurnOutcome>;
  /**
   * Sums up a conversation, when there is something to sum up.
   * @returns undefined when there is not. Rejects as `runTurn` does.
   */
  summarise(input: SummaryInput, signal: AbortSignal): Promise<Omit<Summary, 'automatic'> | undefined>;
}

/** A conversation that is to be summed up. */
export type SummaryInput = Pick<TurnInput, 'model' | 'messages' | 'apiKey'>;

/** Which backend serves which model, as the configuration says. */
export interface AgentRegistryPort {
  /**
   * @param modelId `provider/model`, cut at the first slash.
   * @throws ProtocolError MODEL_UNKNOWN when the provider is not configured, CONFIG_INVALID when the file has errors.
   */
  resolve(modelId: string): ResolvedModel;
  /** The model of a new session that names none. */
  defaultModel(): string;
  /** Models to choose from; asks servers, each with a deadline. */
  list(keys: ProviderKeys): Promise<{
    models: { id: string; provider: string; source: 'built-in' | 'configured' | 'server' }[];
    problems: { provider: string; message: string }[];
  }>;
}

export interface ResolvedModel {
  readonly backend: AgentBackend;
  readonly provider: string;
  /** Model name without the provider. */
  readonly model: string;
  /** Variable of the client's environment that may hold the key. */
  readonly keyVariable: string | undefined;
}

/** Finds the API key of a provider: the vault's first, then what clients lent. */
export interface ProviderKeys {
  /** @returns undefined when nobody has given one. */
  keyFor(provider: string, variable: string | undefined): Promise<string | undefined>;
}

/** The same, for those who wait for a key. */
export interface ChangingKeys extends ProviderKeys {
  /** How often keys, or the configuration that names them, may have changed. Taken before a key is looked for. */
  readonly changes: number;
  /** Resolves when there are more changes than these. @throws the signal's reason. */
  changedSince(changes: number, signal: AbortSignal): Promise<void>;
}

/** What choosing an agent changes of a session. */
export interface AgentChoice {
  readonly model: string | undefined;
  readonly mode: ApprovalMode | undefined;
  /** Written by the person, not by whoever wrote the workspace: only then may it allow more than before. */
  readonly isTrusted: boolean;
}

export interface AgentsPort {
  /** @throws ProtocolError NOT_FOUND */
  choose(workspace: string, name: string): Promise<AgentChoice>;
}
