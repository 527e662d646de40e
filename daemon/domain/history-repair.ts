/** Makes a history that a crash or a refusal left inconsistent acceptable to a provider. What is stored stays as it is. */
import type { Message, Part } from '../../protocol/message.ts';

type ToolCall = Extract<Part, { type: 'tool-call' }>;

const NO_RESULT = 'This call was interrupted; whether it had an effect is not known.';

/**
 * - A reply without content is left out.
 * - Results stand behind the reply with their calls, in the order of the calls: they come in the order in which the calls
 *   end, and some servers go by the order.
 * - A tool call without a result gets one that says so; a result without a call is left out.
 * - Prompts that follow each other without a reply in between become one message, since providers expect turns to
 *   alternate.
 *
 * @param messages oldest first; not changed.
 */
export function repairHistory(messages: readonly Message[]): Message[] {
  const repaired: Message[] = [];
  let open: Answers | undefined;
  for (const message of messages) {
    if (message.role === 'tool') {
      open?.take(message);
      continue;
    }
    repaired.push(...(open?.all() ?? []));
    open = undefined;
    if (isEmpty(message)) continue;
    const before = repaired.at(-1);
    if (message.role === 'user' && before?.role === 'user') {
      repaired[repaired.length - 1] = { ...message, parts: [...before.parts, ...message.parts] };
    } else {
      repaired.push(message);
    }
    open = new Answers(message);
  }
  return [...repaired, ...(open?.all() ?? [])];
}

/** What came of the calls of a reply. */
class Answers {
  readonly #reply: Message;
  readonly #calls: readonly { readonly call: ToolCall; answer: Message | undefined }[];

  constructor(reply: Message) {
    this.#reply = reply;
    const calls = reply.parts.filter((part) => part.type === 'tool-call');
    this.#calls = calls.map((call) => ({ call, answer: undefined }));
  }

  /** Takes the results that a call waits for. */
  take(message: Message): void {
    for (const part of message.parts) {
      if (part.type !== 'tool-result') continue;
      const waiting = this.#calls.find(({ call, answer }) => answer === undefined && call.callId === part.callId);
      if (waiting !== undefined) waiting.answer = { ...message, parts: [part] };
    }
  }

  /** One message for each call. */
  all(): Message[] {
    return this.#calls.map(({ call, answer }) => answer ?? noAnswer(this.#reply, call));
  }
}

function isEmpty(message: Message): boolean {
  return message.parts.every((part) => part.type === 'reasoning' || (part.type === 'text' && part.text === ''));
}

function noAnswer(reply: Message, { callId, name }: ToolCall): Message {
  return { ...reply, role: 'tool', parts: [{ type: 'tool-result', callId, name, output: NO_RESULT, isError: true }] };
}
