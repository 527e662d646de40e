/** Which tools the demo model uses for which prompt: a fixed rule, so that everything around tools can be tried offline. */
import type { Message, ToolCallPart, ToolResultPart } from '../../protocol/message.ts';

type Call = Pick<ToolCallPart, 'name' | 'arguments'>;

/** Calls of one prompt, in the steps in which they are made. */
export interface DemoPlan {
  readonly steps: readonly (readonly Call[])[];
  /** The same calls again and again, until somebody ends it. */
  readonly isEndless: boolean;
}

/** One line of a prompt that asks for a tool. */
const LINES: readonly { readonly form: RegExp; readonly call: (words: readonly string[]) => Call }[] = [
  { form: /^write (\S+) (.*)$/s, call: ([path, text]) => make('write', { path, content: `${unescape(text)}\n` }) },
  { form: /^edit (\S+) (\S+) (\S+)$/, call: ([path, old, now]) => make('edit', { path, old, new: now }) },
  { form: /^read (\S+)$/, call: ([path]) => make('read', { path }) },
  { form: /^list(?: (\S+))?$/, call: ([path = '.']) => make('list', { path }) },
  { form: /^glob (\S+)$/, call: ([pattern]) => make('glob', { pattern }) },
  { form: /^grep (\S+)(?: (\S+))?$/, call: ([pattern, path = '.']) => make('grep', { pattern, path }) },
  { form: /^run (.+)$/s, call: ([command]) => make('bash', { command }) },
  { form: /^start (.+)$/s, call: ([command]) => make('bash', { command, background: true }) },
  { form: /^output (\S+)$/, call: ([id]) => make('bash_output', { id }) },
  { form: /^kill (\S+)$/, call: ([id]) => make('bash_kill', { id }) },
  { form: /^call (\S+) (.*)$/s, call: ([name = '', args = '']) => ({ name, arguments: args }) },
];

/**
 * A prompt whose every line asks for a tool is carried out line by line, a step each. `together:` before the lines makes
 * all calls in one step; `forever:` makes them again and again.
 * @returns undefined when the prompt asks for no tool.
 */
export function planFor(prompt: string): DemoPlan | undefined {
  const [, order, rest] = /^(?:(together|forever):\s*)?(.+)$/is.exec(prompt.trim()) ?? [];
  const lines = (rest ?? '').split('\n').map((line) => line.trim());
  const calls = lines.filter((line) => line !== '').map(callFor);
  const known = calls.filter((call) => call !== undefined);
  if (known.length === 0 || known.length < calls.length) return undefined;
  const isTogether = order?.toLowerCase() === 'together';
  return { steps: isTogether ? [known] : known.map((call) => [call]), isEndless: order?.toLowerCase() === 'forever' };
}

/** Replies with calls that the demo model has made since a prompt. */
export function stepsTaken(messages: readonly Message[]): number {
  return sincePrompt(messages).filter(({ parts }) => parts.some((part) => part.type === 'tool-call')).length;
}

/** What came of the calls since a prompt, in order. */
export function resultsSince(messages: readonly Message[]): ToolResultPart[] {
  return sincePrompt(messages).flatMap(({ parts }) => parts.filter((part) => part.type === 'tool-result'));
}

function sincePrompt(messages: readonly Message[]): readonly Message[] {
  return messages.slice(messages.findLastIndex(({ role }) => role === 'user') + 1);
}

function callFor(line: string): Call | undefined {
  for (const { form, call } of LINES) {
    const words = form.exec(line);
    if (words !== null) return call(words.slice(1));
  }
  return undefined;
}

/** Words that a line does without are left out. */
function make(name: string, args: Readonly<Record<string, unknown>>): Call {
  return { name, arguments: JSON.stringify(args) };
}

/** `\n` in a line stands for a line break. */
function unescape(text = ''): string {
  return text.replaceAll('\\n', '\n');
}
