/** Runs a turn on a model: step after step, with the calls in between, until the model has answered. */
import { repairHistory } from '../domain/history-repair.ts';
import { withSummary } from '../domain/summary.ts';
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
import { cutForSummary, isNearlyFull, SUMMARY_PROMPT } from './context-window.ts';
import type { LoopSettings, ModelFacts } from './loop-settings.ts';
import type { StepModel, StepReply } from './step-model.ts';
import { TurnLimits } from './turn-limits.ts';

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
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

const SILENT = { text: () => undefined, reasoning: () => undefined };

export class ModelLoop implements AgentBackend {
  readonly #parts: LoopParts;

  constructor(parts: LoopParts) {
    this.#parts = parts;
  }

  async runTurn(input: TurnInput, journal: TurnJournal, signal: AbortSignal): Promise<TurnOutcome> {
    signal.throwIfAborted();
    const { tools, settings, now } = this.#parts;
    const briefing = await this.#parts.brief(input);
    const limits = new TurnLimits(settings(), input.startedAt, now);
    const batch = new CallBatch(tools, { input, journal, signal }, new Set(briefing.tools.map(({ name }) => name)));
    let messages = [...input.messages];
    if (input.open.length > 0) messages.push(...(await this.#runCalls(batch, limits, input.open)));
    for (let step = input.firstStep; ; step += 1) {
      limits.beforeStep(step);
      const reply = await this.#ask(input, briefing, messages, journal, signal);
      const calls = reply.parts.filter((part) => part.type === 'tool-call');
      if (calls.length === 0) return reply;
      const parts = this.#withOwnIds(reply.parts);
      messages.push(await journal.step(parts, reply.usage));
      messages.push(...(await this.#runCalls(batch, limits, callsIn(parts))));
      messages = await this.#compact(input, messages, reply, journal, signal);
    }
  }

  async summarise(
    { model, messages, apiKey }: SummaryInput,
    signal: AbortSignal,
  ): Promise<Omit<Summary, 'automatic'> | undefined> {
    const { before, upTo } = cutForSummary(messages);
    if (before.length === 0) return undefined;
    const ask: Message = { seq: upTo, turn: 0, role: 'user', parts: [{ type: 'text', text: SUMMARY_PROMPT }], at: '' };
    const request = { model, messages: repairHistory([...before, ask]), apiKey, system: '', tools: [] };
    const { parts, usage } = await this.#parts.model.step(request, SILENT, signal);
    const text = parts.map((part) => (part.type === 'text' ? part.text : '')).join('');
    return { upTo, text, usage };
  }

  async #ask(
    { model, apiKey }: TurnInput,
    { system, tools }: TurnBriefing,
    messages: readonly Message[],
    journal: TurnJournal,
    signal: AbortSignal,
  ): Promise<StepReply> {
    const request = { model, messages: repairHistory(messages), apiKey, system, tools };
    return await this.#parts.model.step(request, journal, signal);
  }

  async #runCalls(batch: CallBatch, limits: TurnLimits, calls: readonly ToolCallPart[]): Promise<Message[]> {
    const results = await batch.run(calls);
    const seen = calls.map(({ callId, name, arguments: args }) => ({ name, args, output: outputOf(results, callId) }));
    const warning = limits.afterCalls(seen);
    return warning === undefined ? results : withWarning(results, warning);
  }

  /** A conversation that has come near the end of the window goes on with a summary in the place of its beginning. */
  async #compact(
    input: TurnInput,
    messages: Message[],
    reply: StepReply,
    journal: TurnJournal,
    signal: AbortSignal,
  ): Promise<Message[]> {
    const { settings, facts } = this.#parts;
    if (!isNearlyFull(reply.usage, facts.contextTokens, settings().compactAt)) return messages;
    const summary = await this.summarise({ ...input, messages }, signal);
    if (summary === undefined) return messages;
    await journal.summary({ ...summary, automatic: true });
    return withSummary(messages, summary);
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
