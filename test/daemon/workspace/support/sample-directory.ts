/** Files of a real directory as a plain map, for tests that compare all of it before and after. */
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { toBytes } from '../../../../daemon/workspace/byte-text.ts';
import { EXECUTABLE, REGULAR, SYMLINK } from '../../../../daemon/workspace/objects/tree-format.ts';
import type { SampleFile } from './memory-objects.ts';

export function lookAt(root: string, below = '', found = new Map<string, SampleFile>()): Map<string, SampleFile> {
  for (const name of readdirSync(toBytes(`${root}/${below}`), { encoding: 'latin1' })) {
    const path = below + name;
    const bytes = toBytes(`${root}/${path}`);
    const stat = lstatSync(bytes);
    if (stat.isDirectory()) lookAt(root, `${path}/`, found);
    else if (stat.isSymbolicLink()) {
      found.set(path, { mode: SYMLINK, content: readlinkSync(bytes, { encoding: 'latin1' }) });
    } else {
      const mode = (stat.mode & 0o100) === 0 ? REGULAR : EXECUTABLE;
      found.set(path, { mode, content: readFileSync(bytes, 'latin1') });
    }
  }
  return found;
}

export function directoriesOf(root: string, below = '', found: string[] = []): string[] {
  for (const name of readdirSync(toBytes(`${root}/${below}`), { encoding: 'latin1' })) {
    const path = below + name;
    if (!lstatSync(toBytes(`${root}/${path}`)).isDirectory()) continue;
    found.push(path);
    directoriesOf(root, `${path}/`, found);
  }
  return found.sort();
}

/** Writes one file as a person would, whatever is at its place. */
export function put(root: string, path: string, file: SampleFile | undefined): void {
  const place = toBytes(`${root}/${path}`);
  rmSync(place, { recursive: true, force: true });
  if (file === undefined) return;
  mkdirSync(toBytes(dirname(`${root}/${path}`)), { recursive: true });
  if (file.mode === SYMLINK) symlinkSync(toBytes(file.content), place);
  else writeFileSync(place, file.content, { encoding: 'latin1', mode: file.mode === EXECUTABLE ? 0o755 : 0o644 });
}
