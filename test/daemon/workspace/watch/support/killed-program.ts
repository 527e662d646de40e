/** The process that watches, but somebody kills it with the second question. */
import '../../../../../daemon/workspace/watch/stream/watch-helper.ts';

let asked = 0;

process.on('message', ({ kind }: { readonly kind: string }) => {
  if (kind === 'ask') asked += 1;
  if (asked === 2) process.kill(process.pid, 'SIGKILL');
});
