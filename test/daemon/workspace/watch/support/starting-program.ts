/** Starts the process that watches, says when it is ready, and does nothing more until somebody kills it. */
import { join } from 'node:path';
import { HelperProcess } from '../../../../../daemon/workspace/watch/stream/helper-process.ts';

const [root = '', cookies = ''] = process.argv.slice(2);
const script = join(import.meta.dirname, '../../../../../daemon/workspace/watch/stream/watch-helper.ts');

const helper = new HelperProcess(script, { root, cookies }, { message, death });

function message({ kind }: { readonly kind: string }): void {
  if (kind === 'ready') process.stdout.write('ready\n');
}

function death(reason: string): void {
  process.stdout.write(`${reason}\n`);
  void helper.end();
}
