/**
 * Removes packs all together. Half of a removal would leave objects without what is below them, which a later snapshot
 * would take for whole; so the list of what goes is durable first, and whoever opens the store next finishes it.
 */
import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { isPackName } from './pack-files.ts';
import { SealedReader } from './sealed-reader.ts';
import { SealedWriter } from './sealed-writer.ts';
import { isGone, TamperedFile } from './store-errors.ts';
import type { StoreDisk } from './store-disk.ts';

const LIST = 'removal';

/** From here on these packs count as gone. @throws RangeError for what is no pack, StoreFull. */
export function announceRemoval(
  disk: StoreDisk,
  directory: string,
  key: KeyObject | undefined,
  packs: readonly string[],
): void {
  const stranger = packs.find((name) => !isPackName(name));
  if (stranger !== undefined) throw new RangeError(`${stranger} is no pack`);
  const writer = new SealedWriter(disk, directory, 'removal', key);
  try {
    writer.append(Buffer.from(packs.join('\n'), 'latin1'));
    writer.finish();
    writer.publish(LIST);
  } finally {
    writer.discard();
  }
}

/** @returns why a removal that was announced cannot be finished: nothing is removed then. */
export function finishRemoval(disk: StoreDisk, directory: string, key: KeyObject | undefined): string | undefined {
  try {
    const reader = new SealedReader(join(directory, LIST), 'removal', key);
    try {
      const names = reader.read(0, reader.length).toString('latin1').split('\n');
      for (const name of names.filter(isPackName)) disk.remove(join(directory, name));
    } finally {
      reader.close();
    }
    disk.syncDirectory(directory);
    disk.remove(join(directory, LIST));
    disk.syncDirectory(directory);
  } catch (error) {
    if (error instanceof TamperedFile) return error.message;
    if (!isGone(error)) throw error;
  }
  return undefined;
}
