/** `mctl sessions show` */
import { harmless, harmlessJson, harmlessLine } from '../../command-line/harmless-text.ts';
import type { TextSink } from '../../command-line/output.ts';
import { paintFor, type Paint } from '../../command-line/style.ts';
import { count, localTime } from '../../command-line/wording.ts';
import type { Client } from '../../connection/api.ts';
import type { Message, Part } from '../../../protocol/message.ts';
import type { CatalogRow } from '../../../protocol/session.ts';
import type { MctlContext } from '../context.ts';
import { wholeNumber } from '../number-option.ts';
import type { Verb } from '../verb.ts';
import { findRow } from './find.ts';
import { messagesOf, newestMessages } from './messages.ts';
import { rowShape } from './shape.ts';

interface ShowOptions {
  readonly json?: boolean;
  readonly tail?: string;
}

export const show: Verb<ShowOptions> = async ({ context, args, options }) => {
  const tail = wholeNumber('--tail', options.tail);
  const client = await context.connectUnlocked();
  const row = await findRow(client, context, args[0] ?? '');
  const pages = tail === undefined ? messagesOf(client, row) : newest(client, row, tail);
  if (context.isJson) await writeJson(context.stdout, row, pages);
  else await writeText(context, row, pages);
};

/** Writes `{session, messages}` without holding it in memory. */
export async function writeJson(
  to: TextSink,
  row: CatalogRow,
  pages: AsyncIterable<readonly Message[]>,
): Promise<void> {
  to.write(`{"session":${harmlessJson(rowShape(row))},"messages":[`);
  let isFirst = true;
  for await (const page of pages) {
    for (const message of page) {
      to.write(`${isFirst ? '\n' : ',\n'}${harmlessJson(message)}`);
      isFirst = false;
    }
    await to.drained();
  }
  to.write('\n]}\n');
}

async function* newest(client: Client, row: CatalogRow, wanted: number): AsyncGenerator<readonly Message[]> {
  yield await newestMessages(client, row, wanted);
}

async function writeText(
  context: MctlContext,
  row: CatalogRow,
  pages: AsyncIterable<readonly Message[]>,
): Promise<void> {
  const paint = paintFor(context.stdout, context.around.environment);
  context.say(heading(row));
  for await (const page of pages) {
    for (const message of page) context.stdout.line(`\n${messageText(message, paint)}`);
    await context.stdout.drained();
  }
}

function heading(row: CatalogRow): string {
  if (row.kind === 'save') {
    const { save } = row;
    return `save ${save.id} of session ${save.sessionId} · ${harmlessLine(save.title)}\n${harmlessLine(save.workspace)} · ${harmlessLine(save.model)} · ${count(save.messages, 'message')}`;
  }
  const { session } = row;
  return (
    `session ${session.id} · ${harmlessLine(session.title)}\n` +
    `${harmlessLine(session.workspace)} · ${harmlessLine(session.model)} · ${session.status} · ` +
    `${count(session.turns, 'turn')}, ${count(session.messages, 'message')}`
  );
}

function messageText(message: Message, paint: Paint): string {
  const head = `${message.role}, turn ${message.turn}, ${localTime(message.at)}`;
  return [paint('dim', head), ...message.parts.map(partText)].join('\n');
}

function partText(part: Part): string {
  switch (part.type) {
    case 'text':
      return harmless(part.text);
    case 'reasoning':
      return part.text === '' ? '[reasoning, without words]' : `[reasoning] ${harmless(part.text)}`;
    case 'tool-call':
      return `[tool ${harmlessLine(part.name)}] ${harmless(part.arguments)}`;
    case 'tool-result':
      return `[${part.isError ? 'error' : 'result'} of ${harmlessLine(part.name)}] ${harmless(part.output)}`;
    case 'image':
      return `[image, ${harmlessLine(part.mediaType)}]`;
  }
}
