/** `mctl snapshots list` */
import { sizeText } from '../../calls/command-result.ts';
import { fitWidth, padWidth } from '../../command-line/display-width.ts';
import { count, localTime } from '../../command-line/wording.ts';
import type { Client } from '../../connection/api.ts';
import type { ResultOf } from '../../../protocol/methods.ts';
import type { Snapshot, SnapshotOwner } from '../../../protocol/snapshot.ts';
import { wholeNumber } from '../number-option.ts';
import type { Verb } from '../verb.ts';
import { namedSession, workspaceOwner } from './owner.ts';

interface ListOptions {
  readonly json?: boolean;
  readonly cwd?: string;
  readonly limit?: string;
}

const DEFAULT = 50;
const PAGE = 500;
const HEADINGS = ['TURN', 'TAKEN', 'FILES', 'SIZE', 'SKIPPED', 'SESSION'];

export const list: Verb<ListOptions> = async ({ context, args, options }) => {
  const everything = context.isJson ? Number.POSITIVE_INFINITY : DEFAULT;
  const wanted = wholeNumber('--limit', options.limit) ?? everything;
  const client = await context.connectUnlocked();
  const [reference] = args;
  const owner: SnapshotOwner =
    reference === undefined
      ? workspaceOwner(context, options.cwd)
      : { kind: 'session', sessionId: (await namedSession(client, context, reference)).sessionId };
  const { snapshots, unreadable, more } = await newest(client, owner, wanted);
  if (unreadable > 0) {
    context.stderr.line(
      `mctl: ${count(unreadable, 'snapshot')} cannot be read, because the store is damaged, and ${unreadable === 1 ? 'is' : 'are'} not listed`,
    );
  }
  if (context.isJson) {
    context.json(snapshots);
    return;
  }
  if (snapshots.length === 0) context.say(unreadable > 0 ? 'no snapshot that can be read' : 'no snapshot yet');
  else context.say([...table(snapshots, context.stdout.columns), ...(more ? ['… --limit shows more'] : [])].join('\n'));
};

async function newest(
  client: Client,
  owner: SnapshotOwner,
  wanted: number,
): Promise<{ snapshots: Snapshot[]; unreadable: number; more: boolean }> {
  const snapshots: Snapshot[] = [];
  let unreadable = 0;
  let cursor: string | null = null;
  do {
    const page: ResultOf<'snapshot/list'> = await client.call('snapshot/list', {
      owner,
      limit: Math.min(PAGE, wanted - snapshots.length),
      ...(cursor === null ? {} : { cursor }),
    });
    snapshots.push(...page.snapshots);
    unreadable += page.unreadable ?? 0;
    cursor = page.nextCursor;
  } while (cursor !== null && snapshots.length < wanted);
  return { snapshots, unreadable, more: cursor !== null };
}

/** A line of headings and one for each snapshot, none wider than so many columns. */
function table(snapshots: readonly Snapshot[], columns: number): string[] {
  const rows = [
    HEADINGS,
    ...snapshots.map((snapshot) => [
      pointText(snapshot),
      localTime(snapshot.at),
      String(snapshot.files),
      sizeText(snapshot.bytes),
      String(snapshot.skipped),
      snapshot.sessionId ?? '',
    ]),
  ];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => {
    const cells = row.map((cell, column) => padWidth(cell, widths[column] ?? 0));
    return fitWidth(cells.join('  ').trimEnd(), columns);
  });
}

function pointText({ point }: Snapshot): string {
  return point.kind === 'turn' ? `${point.turn} ${point.phase}` : point.id;
}
