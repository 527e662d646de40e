/** Edits by chance, of every kind that a file system knows. */
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

const NAMES = ['a', 'b', 'c.txt', 'foo', 'foo.bar', 'foo0', '\u00e9', 'sp ace', 'B'];

/**
 * Does something to a file or directory of a small workspace, or to none when there is nothing to do it to.
 *
 * @param links whether files get further names. @returns whether one may have.
 */
export function edit(root: string, pick: (limit: number) => number, links = true): boolean {
  const path = () => Array.from({ length: 1 + pick(3) }, () => NAMES[pick(NAMES.length)] ?? 'a').join('/');
  const one = join(root, path());
  const other = join(root, path());
  const link = () => linkSync(one, other);
  const actions: (() => unknown)[] = [
    () => writeFileSync(one, `content ${pick(5)}`),
    () => writeFileSync(one, `content ${pick(5)}`),
    () => (mkdirSync(dirname(one), { recursive: true }), writeFileSync(one, 'x'.repeat(pick(300)))),
    () => rmSync(one, { recursive: true, force: true }),
    () => renameSync(one, other),
    () => symlinkSync(path(), one),
    // A directory that cannot be entered would hide what is in it from the test as well.
    () => statSync(one).isFile() && chmodSync(one, pick(2) === 0 ? 0o755 : 0o644),
    link,
    () => mkdirSync(one, { recursive: true }),
    () => {
      const bytes = readFileSync(one);
      writeFileSync(one, bytes.reverse());
      utimesSync(one, 1_700_000_000, 1_700_000_000);
    },
  ];
  const action = actions[pick(actions.length)];
  if (action === link && !links) return false;
  try {
    action?.();
  } catch {
    // It is not there, or something else is: the next edit will find something.
  }
  return action === link;
}
