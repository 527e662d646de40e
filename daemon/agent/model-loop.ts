/** Runs a turn on a model: step after step, with the calls in between, until the model has answered. */
import type { Message, Part, ToolCallPart } from '../../protocol/message.ts';
import type {
  AgentBackend,
  Summary,
  SummaryInput,
  TurnInput,
  TurnJournal,
  TurnOutcome,
} from '../services/agent-port.ts';
import type { ToolPort, ToolSpec } from '../services/tool-port.ts';
import { CallBatch } from './call-batch.ts';
import { aQuarter, tokensBeside } from './context-window.ts';
import type { LoopSettings, ModelFacts } from './loop-settings.ts';
import { ConversationTooLong } from './provider-failure.ts';
import type { StepModel, StepReply } from './step-model.ts';
import { TurnLimits } from './turn-limits.ts';
import { sumUp, TurnWindow } from './turn-window.ts';

/** What a turn begins with besides its conversation. */
export interface TurnBriefing {
  readonly system: string;
  readonly tools: readonly ToolSpec[];
}

export interface LoopParts {
  readonly model: StepModel;
  readonly tools: ToolPort;
  readonly settings: () => LoopSettings;
  readonly facts: ModelFacts;
  /** Instructions and tools for a turn, as workspace and agent say now. */
  readonly brief: (input: Pick<TurnInput, 'workspace' | 'agent' | 'model'>) => Promise<TurnBriefing>;
  /** A fresh id, unique in the store. */
  readonly newId: () => string;
}

/** Told to the model beside what came of calls of a reply that was cut off. */
const CUT_SHORT =
  'Your reply had reached its greatest length and was cut off there: a call that was not finished was not made. Write less at once.';

export class ModelLoop implements AgentBackend {
  readonly #parts: LoopParts;

  constructor(parts: LoopParts) {
    this.#parts = parts;
  }

  async runTurn(input: TurnInput, journal: TurnJournal, signal: AbortSignal): Promise<TurnOutcome> {
    signal.throwIfAborted();
    const { tools, settings } = this.#parts;
    const briefing = await this.#parts.brief(input);
    const limits = new TurnLimits(settings(), input.activeMs);
    const batch = new CallBatch(tools, { input, journal, signal }, new Set(briefing.tools.map(({ name }) => name)));
    const window = this.#windowOf(input, briefing, journal, signal);
    if (input.open.length > 0) window.add(...(await this.#runCalls(batch, limits, input.open)));
    await window.makeRoomAtFirst();
    for (let step = input.firstStep; ; step += 1) {
      limits.beforeStep(step - (input.stepsBefore ?? 0));
      const reply = await this.#answer(input, briefing, window, journal, signal);
      const calls = reply.parts.filter((part) => part.type === 'tool-call');
      if (calls.length === 0) return reply;
      const parts = this.#withOwnIds(reply.parts);
      window.add(await journal.step(parts, reply.usage));
      const results = await this.#runCalls(batch, limits, callsIn(parts));
      window.add(...(reply.reason === 'length' ? withWarning(results, CUT_SHORT) : results));
      await window.makeRoom(reply.usage, results);
    }
  }

  async summarise(
    { model, messages, apiKey }: SummaryInput,
    signal: AbortSignal,
  ): Promise<Omit<Summary, 'automatic'> | undefined> {
    const { contextTokens } = this.#parts.facts;
    const conversation = { messages, keep: aQuarter(messages, contextTokens), contextTokens };
    return await sumUp(this.#parts.model, { model, apiKey }, conversation, signal);
  }

  #windowOf(
    { model, apiKey, messages }: TurnInput,
    { system, tools }: TurnBriefing,
    journal: TurnJournal,
    signal: AbortSignal,
  ): TurnWindow {
    const { compactAt } = this.#parts.settings();
    const { contextTokens } = this.#parts.facts;
    const limits = { contextTokens, compactAt, tokensBeside: tokensBeside(system, tools) };
    return new TurnWindow({ model: this.#parts.model, ask: { model, apiKey }, journal, signal, ...limits }, messages);
  }

  /** Asks again with a shorter conversation when the server finds it too long. */
  async #answer(
    { model, apiKey }: TurnInput,
    { system, tools }: TurnBriefing,
    window: TurnWindow,
    journal: TurnJournal,
    signal: AbortSignal,
  ): Promise<StepReply> {
    const ask = async (): Promise<StepReply> =>
      await this.#parts.model.step({ model, messages: window.view, apiKey, system, tools }, journal, signal);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await ask();
      } catch (error) {
        const mayHelp = error instanceof ConversationTooLong && attempt < 3;
        if (!mayHelp || !(await window.shorten({ again: attempt > 1 }))) throw error;
      }
    }
  }

  async #runCalls(batch: CallBatch, limits: TurnLimits, calls: readonly ToolCallPart[]): Promise<Message[]> {
    const results = await batch.run(calls);
    const seen = calls.map(({ callId, name, arguments: args }) => ({ name, args, output: outputOf(results, callId) }));
    const warning = limits.afterCalls(seen);
    return warning === undefined ? results : withWarning(results, warning);
  }

  /** Servers use the same ids again, or none; ours name a call wherever it is spoken of. */
  #withOwnIds(parts: readonly Part[]): Part[] {
    return parts.map((part) => (part.type === 'tool-call' ? { ...part, callId: this.#parts.newId() } : part));
  }
}

function callsIn(parts: readonly Part[]): ToolCallPart[] {
  return parts.filter((part) => part.type === 'tool-call');
}

function outputOf(results: readonly Message[], callId: string): string {
  for (const { parts } of results) {
    for (const part of parts) if (part.type === 'tool-result' && part.callId === callId) return part.output;
  }
  return '';
}

/** Said to the model with the last result; what is stored stays what the tool said. */
function withWarning(results: readonly Message[], warning: string): Message[] {
  return results.map((message, index) =>
    index < results.length - 1
      ? message
      : {
          ...message,
          parts: message.parts.map((part) =>
            part.type === 'tool-result' ? { ...part, output: `${part.output}\n\n${warning}` } : part,
          ),
        },
  );
}
