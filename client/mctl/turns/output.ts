/** `mctl turns output` */
import { HarmlessStream } from '../../command-line/harmless-text.ts';
import type { Client } from '../../connection/api.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { ParamsOf, ResultOf } from '../../../protocol/methods.ts';
import type { CatalogRow } from '../../../protocol/session.ts';
import type { MctlContext } from '../context.ts';
import { findRow } from '../sessions/find.ts';
import { messagesFromEnd } from '../sessions/messages.ts';
import type { Verb } from '../verb.ts';

/** On a terminal the output is made harmless; elsewhere it is what the command wrote. */
export const output: Verb<{ readonly json?: boolean }> = async ({ context, args }) => {
  const [reference = '', callId = ''] = args;
  const client = await context.connectUnlocked();
  const row = await findRow(client, context, reference);
  const sessionId = row.kind === 'save' ? row.save.sessionId : row.session.id;
  await print(context, callId, pages(client, row, sessionId, callId));
};

/** The whole that was kept; without one, what the model was given was all. */
async function* pages(client: Client, row: CatalogRow, sessionId: string, callId: string): AsyncGenerator<string> {
  const first = await call(client, { sessionId, callId, offset: 0 });
  if (first instanceof ProtocolError) {
    yield await resultOf(client, row, callId, first);
    return;
  }
  let page = first;
  for (;;) {
    yield page.text;
    if (page.nextOffset === null) return;
    page = await client.call('call/output', { sessionId, callId, offset: page.nextOffset });
  }
}

/** @returns the error when nothing is kept of the call beyond its result. */
async function call(client: Client, params: ParamsOf<'call/output'>): Promise<ResultOf<'call/output'> | ProtocolError> {
  try {
    return await client.call('call/output', params);
  } catch (error) {
    if (error instanceof ProtocolError && error.kind === 'NOT_FOUND') return error;
    throw error;
  }
}

async function resultOf(client: Client, row: CatalogRow, callId: string, cause: ProtocolError): Promise<string> {
  for await (const page of messagesFromEnd(client, row)) {
    const parts = page.flatMap((message) => message.parts);
    const result = parts.find((part) => part.type === 'tool-result' && part.callId === callId);
    if (result?.type === 'tool-result') return result.details?.diff ?? result.output;
  }
  throw new ProtocolError('NOT_FOUND', `there is no tool call ${callId} in this session`, {
    hint: '`mctl turns list <id>` lists them.',
    cause,
  });
}

async function print(context: MctlContext, callId: string, texts: AsyncIterable<string>): Promise<void> {
  const { stdout } = context;
  const stream = new HarmlessStream();
  let isAtLineStart = true;
  let offset = 0;
  const write = (text: string): void => {
    if (text !== '') isAtLineStart = text.endsWith('\n');
    stdout.write(text);
  };
  for await (const text of texts) {
    if (context.isJson) context.jsonLine({ callId, offset, text });
    else write(stdout.isTerminal ? stream.push(text) : text);
    offset += Buffer.byteLength(text);
    await stdout.drained();
    if (stdout.gone.aborted) return;
  }
  if (context.isJson || !stdout.isTerminal) return;
  write(stream.end());
  if (!isAtLineStart) stdout.write('\n');
}
