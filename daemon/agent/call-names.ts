/** Gives tool calls ids and names that a server takes, and their results the same ones. */
import type { Part } from '../../protocol/message.ts';

type Call = Extract<Part, { type: 'tool-call' }>;
type Result = Extract<Part, { type: 'tool-result' }>;

interface Names {
  readonly toolCallId: string;
  readonly toolName: string;
}

const LONGEST_NAME = 64;

/**
 * For one conversation, from its beginning. Ids that are taken stay as they are: the server may know them. Others are
 * replaced, and so is one that occurs again: some servers count from zero in every reply, others refuse an id twice.
 */
export class CallNames {
  private readonly taken: RegExp;
  private readonly used = new Set<string>();
  /** Calls without a result so far, by the stored id. */
  private readonly open = new Map<string, Names[]>();

  constructor(taken: RegExp) {
    this.taken = taken;
  }

  ofCall(call: Call): Names {
    const isFine = this.taken.test(call.callId) && !this.used.has(call.callId);
    const names = { toolCallId: isFine ? call.callId : this.unused(), toolName: toolName(call.name) };
    this.used.add(names.toolCallId);
    this.open.set(call.callId, [...(this.open.get(call.callId) ?? []), names]);
    return names;
  }

  ofResult(result: Result): Names {
    return this.open.get(result.callId)?.shift() ?? { toolCallId: result.callId, toolName: toolName(result.name) };
  }

  private unused(): string {
    let number = this.used.size + 1;
    while (this.used.has(`call_${number}`)) number++;
    return `call_${number}`;
  }
}

/** A model may call what does not exist, by any name; the least that all servers take are letters, digits, `_` and `-`. */
function toolName(name: string): string {
  const clean = name.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, LONGEST_NAME);
  return /^[A-Za-z_]/.test(clean) ? clean : `_${clean}`.slice(0, LONGEST_NAME);
}
