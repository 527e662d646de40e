/** Where the bench keeps its files and finds the product. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '..', '..', '..');
export const DIST = join(ROOT, 'dist');
/** Runs one role in a process or thread of its own. */
export const CHILD = join(import.meta.dirname, '..', 'child.ts');

const made: string[] = [];

/** A directory of our own, short enough for a socket, removed at the end. */
export function makeDirectory(): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'mb-')));
  made.push(path);
  return path;
}

export function removeDirectories(): void {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
}
