/** `mctl snapshots relink` */
import { statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { harmlessRow } from '../../calls/text-lines.ts';
import { count } from '../../command-line/wording.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import { realWorkspace } from '../real-workspace.ts';
import type { Verb } from '../verb.ts';

export const relink: Verb<{ readonly json?: boolean }> = async ({ context, args }) => {
  const [old = '', next = ''] = args;
  const { directory } = context.around;
  const to = presentDirectory(directory, next);
  const from = formerPath(directory, old, to);
  const client = await context.connectUnlocked();
  const { sessions } = await client.call('snapshot/relink', { opId: client.newOpId(), from, to });
  context.result(
    { from, to, sessions },
    `${count(sessions, 'session')} of ${harmlessRow(from)} now at ${harmlessRow(to)}`,
  );
};

/** @throws ProtocolError INVALID_PARAMS */
function presentDirectory(directory: string, given: string): string {
  const path = realWorkspace(directory, given);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return path;
  throw new ProtocolError('INVALID_PARAMS', `${path} is no directory, so nothing was moved there`, {
    hint: 'Name the path where the directory is now as the second one.',
  });
}

/** Many leave a symbolic link where the directory was: then the path is that of the link. */
function formerPath(directory: string, given: string, to: string): string {
  const from = realWorkspace(directory, given);
  if (from !== to) return from;
  const path = resolve(directory, given);
  return join(realWorkspace(directory, dirname(path)), basename(path));
}
