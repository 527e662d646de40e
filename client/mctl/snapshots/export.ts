/** `mctl snapshots export` */
import { resolve } from 'node:path';
import { sizeText } from '../../calls/command-result.ts';
import { EXIT } from '../../command-line/failure.ts';
import { harmlessLine } from '../../command-line/harmless-text.ts';
import { count } from '../../command-line/wording.ts';
import { realWorkspace } from '../real-workspace.ts';
import type { Verb } from '../verb.ts';

export const exportAll: Verb<{ readonly json?: boolean; readonly cwd?: string }> = async ({
  context,
  args,
  options,
}) => {
  const { directory } = context.around;
  const workspace = realWorkspace(directory, options.cwd ?? '.');
  const destination = resolve(directory, args[0] ?? '');
  const client = await context.connectUnlocked();
  const written = await client.call('snapshot/export', { workspace, destination });
  context.result(
    { destination, ...written },
    `${count(written.snapshots, 'snapshot')} written to ${harmlessLine(destination)}\n` +
      `  ${count(written.objects, 'object')}, ${sizeText(written.bytes)}, not encrypted`,
  );
  if (written.damaged === undefined) return EXIT.ok;
  context.stderr.line(`mctl: ${count(written.damaged, 'snapshot')} left out: what the store has of them is damaged`);
  return EXIT.failed;
};
