/** Which two points a person wants compared: `4`, `2 4`, `2 now`, each with files behind it. */
import { usageError } from '../command-line/failure.ts';
import type { Client } from '../connection/api.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { ParamsOf } from '../../protocol/methods.ts';
import { newestTurn } from './newest-turn.ts';

export interface DiffWish {
  /** Undefined for the newest turn that is over. */
  readonly from: number | undefined;
  /** The files as they are, or as they were at the end of a turn; undefined for the end of the first one. */
  readonly to: number | 'now' | undefined;
  readonly paths: readonly string[];
}

const NUMBER = /^[1-9][0-9]{0,8}$/;
const NOW = 'now';

/**
 * Numbers and `now` come first; behind `--` everything is a file.
 * @throws ProtocolError INVALID_PARAMS when the second turn is before the first.
 */
export function readDiffWish(words: readonly string[]): DiffWish {
  const rest = [...words];
  const from = NUMBER.test(rest[0] ?? '') ? Number(rest.shift()) : undefined;
  let to: DiffWish['to'];
  if (rest[0] === NOW) to = rest.shift() === NOW ? NOW : undefined;
  else if (from !== undefined && NUMBER.test(rest[0] ?? '')) to = Number(rest.shift());
  if (rest[0] === '--') rest.shift();
  if (typeof to === 'number' && to < (from ?? to)) {
    throw usageError(`turn ${to} is before turn ${from}`, `The older turn comes first: ${to} ${from}.`);
  }
  return { from, to, paths: rest };
}

/** The params, and what is compared in words. */
export async function diffParams(
  client: Client,
  sessionId: string,
  { from, to }: Pick<DiffWish, 'from' | 'to'>,
  paths: string[] | undefined,
): Promise<{ readonly params: ParamsOf<'snapshot/diff'>; readonly between: string }> {
  const first = from ?? (await newestWithFiles(client, sessionId));
  const last = to ?? first;
  const before = { kind: 'turn' as const, turn: first, phase: 'pre' as const };
  const after = last === NOW ? {} : { to: { kind: 'turn' as const, turn: last, phase: 'post' as const } };
  return {
    params: {
      owner: { kind: 'session', sessionId },
      from: before,
      ...after,
      ...(paths === undefined ? {} : { paths }),
    },
    between: betweenText(first, last),
  };
}

function betweenText(first: number, last: number | 'now'): string {
  if (last === NOW) return `from before turn ${first} to now`;
  return last === first ? `turn ${first}` : `turns ${first} to ${last}`;
}

/** The newest turn of which it is known what it did to the files. */
async function newestWithFiles(client: Client, sessionId: string): Promise<number> {
  const found = await newestTurn(client, sessionId, ({ snapshot }) => snapshot !== null);
  if (found !== undefined) return found;
  throw new ProtocolError('EMPTY', 'there is no turn yet of which the files are known', {
    hint: 'They are captured while a turn runs, unless snapshots are off: /status says so.',
  });
}
