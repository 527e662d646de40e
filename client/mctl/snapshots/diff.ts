/** `mctl snapshots diff` */
import { inked } from '../../calls/ink-line.ts';
import { harmlessJson } from '../../command-line/harmless-text.ts';
import { paintFor } from '../../command-line/style.ts';
import { exactLine } from '../../files/diff-lines.ts';
import { diffPages, diffText, type DiffPage } from '../../files/diff-pages.ts';
import { diffParams, readDiffWish } from '../../files/diff-wish.ts';
import { workspacePaths } from '../../files/typed-path.ts';
import type { MctlContext } from '../context.ts';
import type { Verb } from '../verb.ts';
import { namedSession } from './owner.ts';
import { paged } from './paged.ts';

/** On a terminal it is harmless, coloured and paged; elsewhere lines of files are as they are. */
export const diff: Verb<{ readonly json?: boolean }> = async ({ context, args }) => {
  const [reference = '', ...words] = args;
  const wish = readDiffWish(words);
  const client = await context.connectUnlocked();
  const { sessionId, workspace } = await namedSession(client, context, reference);
  const paths = workspacePaths(wish.paths, workspace, context.around.directory);
  const { params, between } = await diffParams(client, sessionId, wish, paths);
  const pages = diffPages(client, params);
  if (context.isJson) await writeJson(context, pages);
  else await writeText(context, pages, between);
};

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
  const lines = diffText(pages, between, stdout.isTerminal ? undefined : exactLine);
  await paged(context, texts());

  async function* texts(): AsyncGenerator<string> {
    for await (const page of lines) yield `${inked(page, paint)}\n`;
  }
}
