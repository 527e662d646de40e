/** Runs the calls of one reply: those that only read side by side, those that change something alone and in order. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { Message, ToolCallPart, ToolResultPart } from '../../protocol/message.ts';
import type { TurnInput, TurnJournal } from '../services/agent-port.ts';
import {
  ToolRefusal,
  type PreparedCall,
  type ToolOutcome,
  type ToolPlace,
  type ToolPort,
} from '../services/tool-port.ts';

/** Calls that run at the same time. */
const AT_ONCE = 8;

export class CallBatch {
  readonly #tools: ToolPort;
  readonly #input: TurnInput;
  readonly #journal: TurnJournal;
  readonly #signal: AbortSignal;
  /** Tools that this agent is given; undefined for all. */
  readonly #allowed: ReadonlySet<string>;

  constructor(
    tools: ToolPort,
    turn: { input: TurnInput; journal: TurnJournal; signal: AbortSignal },
    allowed: ReadonlySet<string>,
  ) {
    this.#tools = tools;
    this.#input = turn.input;
    this.#journal = turn.journal;
    this.#signal = turn.signal;
    this.#allowed = allowed;
  }

  /**
   * @returns a result for every call, in the order of the calls.
   * @throws the signal's reason; calls that had begun then have their results, the others have none.
   */
  async run(calls: readonly ToolCallPart[]): Promise<Message[]> {
    const results: Message[] = [];
    for (const group of this.#groups(calls)) {
      const settled = await Promise.allSettled(group.map((call) => this.#one(call)));
      for (const one of settled) if (one.status === 'fulfilled') results.push(one.value);
      this.#signal.throwIfAborted();
      const failed = settled.find((one) => one.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    }
    return results;
  }

  /** Neighbours that only read go together. */
  #groups(calls: readonly ToolCallPart[]): ToolCallPart[][] {
    const groups: ToolCallPart[][] = [];
    let reading = false;
    for (const call of calls) {
      const reads = this.#tools.specs().find(({ name }) => name === call.name)?.effect === 'read';
      const last = groups.at(-1);
      if (reads && reading && last !== undefined && last.length < AT_ONCE) last.push(call);
      else groups.push([call]);
      reading = reads;
    }
    return groups;
  }

  async #one(call: ToolCallPart): Promise<Message> {
    this.#signal.throwIfAborted();
    const { callId, name } = call;
    const { sessionId, turn, workspace, environment } = this.#input;
    const place: ToolPlace = { sessionId, turn, callId, workspace, environment };
    const prepared = await this.#prepare(place, call);
    if (typeof prepared === 'string') return await this.#tell(call, prepared);
    const verdict = await this.#journal.approve(prepared, callId);
    if (!verdict.allowed) return await this.#tell(call, verdict.reason);
    await this.#journal.begin(prepared, callId);
    const { output, isError, images, details } = await this.#take(place, prepared);
    const part: ToolResultPart = { type: 'tool-result', callId, name, output, isError };
    if (images !== undefined && images.length > 0) part.images = [...images];
    if (details !== undefined) part.details = details;
    return await this.#journal.result(part);
  }

  /** @returns what the model is told when the call cannot be done. */
  async #prepare(place: ToolPlace, { name, arguments: args }: ToolCallPart): Promise<PreparedCall | string> {
    if (!this.#allowed.has(name)) {
      return `There is no tool ${name}. The tools are: ${[...this.#allowed].join(', ')}.`;
    }
    try {
      return await this.#tools.prepare(place, name, args);
    } catch (error) {
      if (error instanceof ToolRefusal || error instanceof ProtocolError) return error.message;
      throw error;
    }
  }

  /** What has begun gets a result, whatever becomes of the thread that did it. */
  async #take(place: ToolPlace, prepared: PreparedCall): Promise<ToolOutcome> {
    try {
      return await this.#tools.run(place, prepared, this.#journal.sink(place.callId), this.#signal);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return { output: `${error.message}. How far it came is not known: look before you repeat it.`, isError: true };
    }
  }

  async #tell({ callId, name }: ToolCallPart, output: string): Promise<Message> {
    return await this.#journal.result({ type: 'tool-result', callId, name, output, isError: true });
  }
}
