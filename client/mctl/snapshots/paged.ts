/** A long text: through a pager on a terminal, as it comes elsewhere. */
import { pageThrough } from '../../command-line/pager.ts';
import type { MctlContext } from '../context.ts';

export async function paged({ stdout, around }: MctlContext, texts: AsyncIterable<string>): Promise<void> {
  if (stdout.isTerminal) {
    await pageThrough(around, texts);
    return;
  }
  for await (const text of texts) {
    stdout.write(text);
    await stdout.drained();
    if (stdout.gone.aborted) return;
  }
}
