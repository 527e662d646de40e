/** What a turn needs from whatever does the work: a model behind an API, the demo model, later an agent process. */
import type { Message, Part } from '../../protocol/message.ts';
import type { Usage } from '../../protocol/turn.ts';

/** A turn as a backend sees it. */
export interface TurnInput {
  readonly sessionId: string;
  readonly turn: number;
  /** Step to begin with: 1, or higher when finished steps of this turn stand from before a crash. */
  readonly firstStep: number;
  /** Model name without the provider. */
  readonly model: string;
  readonly workspace: string;
  /** The conversation so far, repaired for a provider, ending with what is to be answered. */
  readonly messages: readonly Message[];
  /** Key for the provider, when there is one. */
  readonly apiKey: string | undefined;
}

/** How a backend tells what it does. A resolved promise means durable. */
export interface TurnJournal {
  /** More text of the reply that is being written. Cheap and synchronous. */
  text(delta: string): void;
  reasoning(delta: string): void;
  /**
   * A finished step that is not the last one.
   * The live text of the step ends here.
   */
  step(parts: readonly Part[], usage: Usage): Promise<void>;
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
}

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
