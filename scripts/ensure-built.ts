/** Builds dist when a source is newer than it; costs a look at the modification times otherwise. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { RECIPE, SOURCE_DIRECTORIES } from './entries.ts';

const ROOT = join(import.meta.dirname, '..');

export async function ensureBuilt(): Promise<void> {
  if (!isStale(ROOT)) return;
  const { buildAll } = await import('./build.ts');
  await buildAll(ROOT, { prune: false });
}

/** Directories are looked at too, since a removed file leaves its trace only there. */
function isStale(root: string): boolean {
  const record = statSync(join(root, 'dist', 'build.json'), { throwIfNoEntry: false });
  if (!record) return true;
  const files = ['package.json', 'package-lock.json', ...RECIPE];
  for (const directory of SOURCE_DIRECTORIES) {
    files.push(
      directory,
      ...readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' }).map((name) => join(directory, name)),
    );
  }
  return files.some((name) => statSync(join(root, name)).mtimeMs >= record.mtimeMs);
}
