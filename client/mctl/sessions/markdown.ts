/** A conversation as Markdown. */
import { harmless, harmlessLine } from '../../command-line/harmless-text.ts';
import type { TextSink } from '../../command-line/output.ts';
import type { Message, Part, Role } from '../../../protocol/message.ts';
import type { CatalogRow } from '../../../protocol/session.ts';
import { rowShape } from './shape.ts';

const HEADINGS: Record<Role, string> = { user: 'Prompt', assistant: 'Reply', tool: 'Tool' };

/** Writes a title, the facts, and each message under a heading. */
export async function writeMarkdown(
  to: TextSink,
  row: CatalogRow,
  pages: AsyncIterable<readonly Message[]>,
): Promise<void> {
  const { id, title, workspace, model, turns, messages, createdAt } = rowShape(row);
  to.line(`# ${harmlessLine(title) || id}\n`);
  for (const [name, value] of Object.entries({ id, workspace, model, turns, messages, created: createdAt })) {
    to.line(`- ${name}: ${inlineCode(harmlessLine(String(value)))}`);
  }
  for await (const page of pages) {
    for (const message of page) to.write(messageMarkdown(message));
    await to.drained();
  }
}

function messageMarkdown(message: Message): string {
  const parts = message.parts.map((part) => `${partMarkdown(part)}\n`).join('\n');
  return `\n## ${HEADINGS[message.role]}, turn ${message.turn} (${message.at})\n\n${parts}`;
}

function partMarkdown(part: Part): string {
  switch (part.type) {
    case 'text':
      return harmless(part.text);
    case 'reasoning':
      return part.text === '' ? 'Reasoning, without words.' : `Reasoning:\n\n${fenced(part.text)}`;
    case 'tool-call':
      return `Calls ${inlineCode(harmlessLine(part.name))}:\n\n${fenced(part.arguments, 'json')}`;
    case 'tool-result':
      return `${part.isError ? 'Error' : 'Result'} of ${inlineCode(harmlessLine(part.name))}:\n\n${fenced(part.output)}`;
    case 'image':
      return `![image](data:${harmlessLine(part.mediaType)};base64,${part.data})`;
  }
}

/** A block that its content cannot end. */
function fenced(text: string, language = ''): string {
  const fence = '`'.repeat(Math.max(3, longestRun(text) + 1));
  return `${fence}${language}\n${harmless(text)}\n${fence}`;
}

function inlineCode(text: string): string {
  const fence = '`'.repeat(longestRun(text) + 1);
  const gap = fence.length > 1 ? ' ' : '';
  return `${fence}${gap}${text}${gap}${fence}`;
}

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
}
