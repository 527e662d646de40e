/** Makes a history that a crash or a refusal left inconsistent acceptable to a provider. What is stored stays as it is. */
import type { Message, Part } from '../../protocol/message.ts';

type ToolCall = Extract<Part, { type: 'tool-call' }>;

const NO_RESULT = 'This call was interrupted; whether it had an effect is not known.';

/**
 * - A reply without content is left out.
 * - A tool call without a result gets one that says so; a result without a call is left out.
 * - Prompts that follow each other without a reply in between become one message, since providers expect turns to
 *   alternate.
 *
 * @param messages oldest first; not changed.
 */
export function repairHistory(messages: readonly Message[]): Message[] {
  const repaired: Message[] = [];
  let open: ToolCall[] = [];
  let last: Message | undefined;
  for (const message of messages) {
    if (message.role === 'tool') {
      const parts = message.parts.filter((part) => part.type === 'tool-result' && takeCall(open, part.callId));
      if (parts.length > 0) repaired.push({ ...message, parts });
      continue;
    }
    if (open.length > 0 && last !== undefined) repaired.push(missingResults(last, open));
    open = [];
    if (isEmpty(message)) continue;
    const before = repaired.at(-1);
    if (message.role === 'user' && before?.role === 'user') {
      repaired[repaired.length - 1] = { ...message, parts: [...before.parts, ...message.parts] };
    } else {
      repaired.push(message);
    }
    open = message.parts.filter((part) => part.type === 'tool-call');
    last = message;
  }
  if (open.length > 0 && last !== undefined) repaired.push(missingResults(last, open));
  return repaired;
}

function takeCall(open: ToolCall[], callId: string): boolean {
  const index = open.findIndex((call) => call.callId === callId);
  if (index === -1) return false;
  open.splice(index, 1);
  return true;
}

function isEmpty(message: Message): boolean {
  return message.parts.every((part) => part.type === 'reasoning' || (part.type === 'text' && part.text === ''));
}

function missingResults(reply: Message, calls: readonly ToolCall[]): Message {
  const parts = calls.map((call) => ({
    type: 'tool-result' as const,
    callId: call.callId,
    name: call.name,
    output: NO_RESULT,
    isError: true,
  }));
  return { ...reply, role: 'tool', parts };
}
