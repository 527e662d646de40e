/** Where the snapshots of workspaces are stored, as files: what they take, and how they go. */
import { access, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PACK_SUFFIX } from '../objects/pack-files.ts';

/** Times are in milliseconds since the epoch, 0 for never. */
export interface Contents {
  readonly bytes: number;
  readonly changedAt: number;
  readonly packBytes: number;
  readonly packedAt: number;
}

/** What the files right in a directory take, and when it or one of them was last changed. */
export async function contentsOf(directory: string): Promise<Contents> {
  const contents = { bytes: 0, changedAt: 0, packBytes: 0, packedAt: 0 };
  const paths = (await readdir(directory).catch(() => [])).map((name) => join(directory, name));
  for (const path of [directory, ...paths]) {
    // What is being cleared up meanwhile takes nothing.
    const stats = await stat(path).catch(() => undefined);
    if (stats === undefined) continue;
    if (stats.isFile()) contents.bytes += stats.size;
    if (path.endsWith(PACK_SUFFIX)) {
      contents.packBytes += stats.size;
      contents.packedAt = Math.max(contents.packedAt, stats.mtimeMs);
    }
    contents.changedAt = Math.max(contents.changedAt, stats.mtimeMs);
  }
  return contents;
}

/**
 * @param all holds a directory for each workspace. @param known names of those that stay, asked for once all there are have
 * been listed. @param before milliseconds since the epoch: what was changed since stays.
 * @returns how many bytes went. @throws the first error of the system, when everything else has gone.
 */
export async function removeUnknown(
  all: string,
  known: () => Promise<ReadonlySet<string>>,
  before: number,
): Promise<number> {
  const names = await readdir(all).catch(() => []);
  const staying = await known();
  const failures: unknown[] = [];
  let freed = 0;
  for (const name of names) {
    if (staying.has(name)) continue;
    const { bytes, changedAt } = await contentsOf(join(all, name));
    if (changedAt >= before) continue;
    try {
      await rm(join(all, name), { recursive: true, force: true });
      freed += bytes;
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return freed;
}

/** Contents first: without its list of names what is left of them when this is cut off would look like a damage. */
export async function removeStore(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names) if (name.endsWith(PACK_SUFFIX)) await rm(join(directory, name), { force: true });
  await rm(directory, { recursive: true, force: true });
}

/** One that cannot be looked at is not gone. */
export async function isGoneFrom(path: string): Promise<boolean> {
  try {
    await stat(path);
    return false;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return code === 'ENOENT' || code === 'ENOTDIR';
  }
}

export async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
