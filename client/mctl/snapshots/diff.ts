/** `mctl snapshots diff` */
import { inked } from '../../calls/ink-line.ts';
import { usageError } from '../../command-line/failure.ts';
import { harmlessJson } from '../../command-line/harmless-text.ts';
import { paintFor } from '../../command-line/style.ts';
import { FOR_PATCH } from '../../files/diff-lines.ts';
import { diffPages, diffText, type DiffPage } from '../../files/diff-pages.ts';
import { diffParams, readDiffWish, type DiffWish } from '../../files/diff-wish.ts';
import { workspacePaths } from '../../files/typed-path.ts';
import type { ParamsOf } from '../../../protocol/methods.ts';
import type { MctlContext } from '../context.ts';
import type { Verb } from '../verb.ts';
import { sessionOrTaken, type TakenSnapshot } from './owner.ts';
import { paged } from './paged.ts';

/** On a terminal it is harmless, coloured and paged; elsewhere lines of files are as they are. */
export const diff: Verb<{ readonly json?: boolean; readonly cwd?: string }> = async ({ context, args, options }) => {
  const [reference = '', ...words] = args;
  const wish = readDiffWish(words);
  const client = await context.connectUnlocked();
  const named = await sessionOrTaken(client, context, reference, options.cwd);
  const paths = workspacePaths(wish.paths, named.workspace, context.around.directory);
  const { params, between } =
    named.kind === 'session'
      ? await diffParams(client, named.sessionId, wish, paths)
      : { params: takenParams(named, wish, paths), between: `from ${named.id} to now` };
  const pages = diffPages(client, params);
  if (context.isJson) await writeJson(context, pages);
  else await writeText(context, pages, between);
};

/** @throws ProtocolError INVALID_PARAMS when it is to be compared with anything but the files as they are. */
function takenParams(
  { id, workspace }: TakenSnapshot,
  { from, to }: DiffWish,
  paths: string[] | undefined,
): ParamsOf<'snapshot/diff'> {
  if (from !== undefined || typeof to === 'number') {
    throw usageError(`${id} was taken by hand: it belongs to no turn`, 'It is compared with the files as they are.');
  }
  const owner = { kind: 'workspace' as const, workspace };
  return { owner, from: { kind: 'taken', id }, ...(paths === undefined ? {} : { paths }) };
}

/** Writes `{total, added, removed, files}` without holding it in memory. */
async function writeJson({ stdout }: MctlContext, pages: AsyncIterable<DiffPage>): Promise<void> {
  let isFirst = true;
  let isFirstPage = true;
  for await (const { files, total, added, removed } of pages) {
    if (isFirstPage) stdout.write(`{"total":${total},"added":${added},"removed":${removed},"files":[`);
    isFirstPage = false;
    for (const file of files) {
      stdout.write(`${isFirst ? '\n' : ',\n'}${harmlessJson(file)}`);
      isFirst = false;
    }
    await stdout.drained();
    if (stdout.gone.aborted) return;
  }
  stdout.write('\n]}\n');
}

async function writeText(context: MctlContext, pages: AsyncIterable<DiffPage>, between: string): Promise<void> {
  const { stdout, around } = context;
  const paint = paintFor(stdout, around.environment);
  const lines = diffText(pages, between, stdout.isTerminal ? undefined : FOR_PATCH);
  await paged(context, texts());

  async function* texts(): AsyncGenerator<string> {
    for await (const page of lines) yield `${inked(page, paint)}\n`;
  }
}
