/** A difference of any length, fetched and shown a page at a time. */
import type { InkLine } from '../calls/ink-line.ts';
import { count } from '../command-line/wording.ts';
import type { Client } from '../connection/api.ts';
import type { ParamsOf, ResultOf } from '../../protocol/methods.ts';
import { lineCounts } from './change-words.ts';
import { diffLines, type DiffStyle } from './diff-lines.ts';

export type DiffPage = ResultOf<'snapshot/diff'>;

/** Page by page; the next one is fetched when it is asked for. */
export async function* diffPages(client: Client, params: ParamsOf<'snapshot/diff'>): AsyncGenerator<DiffPage> {
  let offset: number | null = 0;
  while (offset !== null) {
    const page: DiffPage = await client.call('snapshot/diff', offset === 0 ? params : { ...params, offset });
    yield page;
    offset = page.nextOffset;
  }
}

/**
 * The same in lines: how much there is, then file by file.
 * @param between what is compared, such as `turn 4`.
 */
export async function* diffText(
  pages: AsyncIterable<DiffPage>,
  between: string,
  style?: DiffStyle,
): AsyncGenerator<InkLine[]> {
  let isFirst = true;
  for await (const page of pages) {
    if (isFirst) yield [headLine(page, between)];
    isFirst = false;
    for (const file of page.files) yield [{ text: '' }, ...diffLines(file, style)];
  }
}

function headLine(page: DiffPage, between: string): InkLine {
  if (page.total === 0) return { text: `${between}: no file differs`, ink: 'dim' };
  const lines = lineCounts(page);
  return { text: `${between}: ${count(page.total, 'file')}${lines === '' ? '' : ` (${lines})`}`, ink: 'dim' };
}
