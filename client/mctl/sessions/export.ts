/** `mctl sessions export` */
import { usageError } from '../../command-line/failure.ts';
import type { TextSink } from '../../command-line/output.ts';
import type { Client } from '../../connection/api.ts';
import type { CatalogRow } from '../../../protocol/session.ts';
import type { Verb } from '../verb.ts';
import { exportFile } from './export-file.ts';
import { findRow } from './find.ts';
import { writeMarkdown } from './markdown.ts';
import { messagesOf } from './messages.ts';
import { writeJson } from './show.ts';

interface ExportOptions {
  readonly json?: boolean;
  readonly format?: string;
  readonly output?: string;
  readonly force?: boolean;
}

type Format = 'json' | 'md';

export const exportSession: Verb<ExportOptions> = async ({ context, args, options }) => {
  const format = readFormat(options);
  const client = await context.connectUnlocked();
  const row = await findRow(client, context, args[0] ?? '');
  if (options.output === undefined) {
    await write(context.stdout, client, row, format);
    return;
  }
  const file = await exportFile(context.around.directory, options.output, options.force === true);
  try {
    await write(file.sink, client, row, format);
  } catch (error) {
    await file.discard();
    throw error;
  }
  await file.finish();
  context.stderr.line(`exported to ${file.path}; that file is not encrypted`);
};

async function write(to: TextSink, client: Client, row: CatalogRow, format: Format): Promise<void> {
  const pages = messagesOf(client, row);
  if (format === 'json') await writeJson(to, row, pages);
  else await writeMarkdown(to, row, pages);
}

function readFormat({ format, output }: ExportOptions): Format {
  if (format === 'json' || format === 'md') return format;
  if (format === 'markdown') return 'md';
  if (format !== undefined) throw usageError(`--format takes json or md, not ${format}`);
  return output?.endsWith('.md') === true ? 'md' : 'json';
}
