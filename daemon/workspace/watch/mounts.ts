/** What is mounted inside of a workspace: such places have file systems of their own, and a mount tells no watch. */
import { readFileSync } from 'node:fs';

/** @returns the text of `/proc/self/mountinfo`; empty where there is none. */
export function readMounts(): string {
  try {
    return readFileSync('/proc/self/mountinfo', 'latin1');
  } catch {
    return '';
  }
}

/**
 * @param root an absolute path.
 * @param table lines as in proc(5): the fifth field is the place, with blanks and backslashes as `\040`.
 * @returns places below the root, as many times as something is mounted there.
 */
export function mountsWithin(root: string, table: string): string[] {
  const below = `${Buffer.from(root, 'utf8').toString('latin1')}/`;
  const places: string[] = [];
  for (const line of table.split('\n')) {
    const field = line.split(' ', 5)[4] ?? '';
    const place = field.replace(/\\([0-7]{3})/g, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 8)),
    );
    if (place.startsWith(below)) places.push(Buffer.from(place, 'latin1').toString('utf8'));
  }
  return places;
}
