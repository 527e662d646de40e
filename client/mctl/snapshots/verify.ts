/** `mctl snapshots verify` */
import { sizeText } from '../../calls/command-result.ts';
import { harmlessRow } from '../../calls/text-lines.ts';
import { EXIT } from '../../command-line/failure.ts';
import { count } from '../../command-line/wording.ts';
import type { Client } from '../../connection/api.ts';
import { pathText } from '../../files/path-text.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { ResultOf } from '../../../protocol/methods.ts';
import type { SnapshotOwner } from '../../../protocol/snapshot.ts';
import type { MctlContext } from '../context.ts';
import { realWorkspace } from '../real-workspace.ts';
import type { Verb } from '../verb.ts';
import { namedSession } from './owner.ts';

type Verified = ResultOf<'snapshot/verify'>;

interface VerifyOptions {
  readonly json?: boolean;
  readonly cwd?: string;
}

const TELL_EVERY_MS = 3_000;

export const verify: Verb<VerifyOptions> = async ({ context, args, options }) => {
  const client = await context.connectUnlocked();
  const [reference] = args;
  const session = reference === undefined ? undefined : await namedSession(client, context, reference);
  const workspace = session?.workspace ?? realWorkspace(context.around.directory, options.cwd ?? '.');
  const owner: SnapshotOwner =
    session === undefined ? { kind: 'workspace', workspace } : { kind: 'session', sessionId: session.sessionId };
  const stopTelling = tellProgress(client, context, workspace);
  try {
    const verified = await client.call('snapshot/verify', { owner });
    context.result({ workspace, ...verified }, verifiedText(verified));
    return isClean(verified) ? EXIT.ok : EXIT.failed;
  } finally {
    stopTelling();
  }
};

function isClean({ problems, hurt }: Verified): boolean {
  return problems.length === 0 && hurt.length === 0;
}

function verifiedText(verified: Verified): string {
  const { problems, problemsMore, hurt, hurtMore, halfRead } = verified;
  const half =
    halfRead === 0
      ? []
      : [
          `${halfRead === 1 ? '1 directory' : `${halfRead} directories`} with names that isomorphic-git refuses: of those only the bytes were compared`,
        ];
  if (isClean(verified)) return [`${whatWasRead(verified)}: all read by both readers`, ...half].join('\n');
  return [
    ...problems.map(harmlessRow),
    ...(problemsMore === 0 ? [] : [`… ${problemsMore} more`]),
    ...hurtLines(hurt),
    ...(hurtMore === 0 ? [] : [`  … ${hurtMore} more`]),
    ...(verified.directory === ''
      ? ['nothing else could be looked at']
      : [`${whatWasRead(verified)}: NOT all can be read`]),
    ...half,
    ...adviceLines(verified),
  ].join('\n');
}

function whatWasRead({ snapshots, records, objects, packs, bytes }: Verified): string {
  const others = records === 0 ? '' : `, ${count(records, 'record')} of turns and restores`;
  return `${count(snapshots, 'snapshot')}${others}, ${count(objects, 'object')} in ${count(packs, 'pack')}, ${sizeText(bytes)}`;
}

function hurtLines(hurt: Verified['hurt']): string[] {
  return hurt.flatMap(({ sessionId, what, isReadable, reason, files, filesInAll }) => {
    const whose = sessionId === null ? '' : `session ${sessionId}: `;
    const shown = files.map(pathText).join(', ');
    const more = filesInAll > files.length ? ` and ${filesInAll - files.length} more` : '';
    const part = reason === '' ? `${count(filesInAll, 'path')}: ${shown}${more}` : harmlessRow(reason);
    return [`  ${whose}${what}: ${isReadable ? 'only isomorphic-git does not read ' : 'CANNOT BE READ: '}${part}`];
  });
}

function adviceLines({ hurt, directory }: Verified): string[] {
  const lost = hurt.filter(({ isReadable }) => !isReadable);
  if (directory === '') return [];
  if (lost.length === 0) return ['Every snapshot can be brought back as it was.'];
  return [
    'All that is not named here is whole and can be brought back. What is still in the workspace is stored anew by',
    '`mctl snapshots take`. What is only in a backup: stop the daemon, and put this directory back from there:',
    `  ${harmlessRow(directory)}`,
  ];
}

/** On a terminal, while it takes long. @returns ends it. */
function tellProgress(client: Client, context: MctlContext, workspace: string): () => void {
  if (!context.stderr.isTerminal || context.isJson) return () => undefined;
  const timer = setInterval(() => {
    void tellOnce(client, context, workspace);
  }, TELL_EVERY_MS);
  return () => {
    clearInterval(timer);
  };
}

async function tellOnce(client: Client, context: MctlContext, workspace: string): Promise<void> {
  try {
    const { verifying } = await client.call('snapshot/status', { workspace });
    if (verifying !== undefined)
      context.stderr.line(`${verifying.objects} of ${count(verifying.total, 'object')} read`);
  } catch (error) {
    // The answer to the question itself says what is wrong.
    if (!(error instanceof ProtocolError)) throw error;
  }
}
