/** How the latest daemons began and ended: the crash brake, and crashes that nobody has seen. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { count, localTime } from '../../command-line/wording.ts';
import { note, type Check } from './finding.ts';

/** Older crashes explain nothing any more. */
const RECENT_MS = 24 * 3600_000;
const CRASH_FILE = 'crash.log';

export const checkStarts: Check = ({ locations }) => {
  const crashes = crashesSince(join(locations.endpoint.runDirectory, 'starts.json'), Date.now() - RECENT_MS);
  const last = crashes.at(-1);
  if (last === undefined) return [];
  const file = join(locations.logDirectory, CRASH_FILE);
  const where = existsSync(file) ? `${file} says where.` : '`mctl daemon logs` may say more.';
  return [
    note(
      'crashes',
      `${count(crashes.length, 'daemon')} crashed within a day, the last one at ${localTime(new Date(last.at).toISOString())}`,
      `${where} Please report it; it holds nothing that you wrote.`,
    ),
  ];
};

interface Crash {
  readonly at: number;
}

function crashesSince(file: string, since: number): Crash[] {
  try {
    const { starts } = JSON.parse(readFileSync(file, 'utf8')) as { starts?: unknown };
    if (!Array.isArray(starts)) return [];
    return (starts as { at?: unknown; outcome?: unknown }[]).flatMap(({ at, outcome }) =>
      (outcome === 'exception' || outcome === 'died') && typeof at === 'number' && at > since ? [{ at }] : [],
    );
  } catch {
    // No daemon has ever started here, or the record is not ours.
    return [];
  }
}
