/** A disk that stops at a step: nothing after it happens, as after a kill or a power cut. */
import { realDisk, type StoreDisk } from '../../../../../daemon/workspace/objects/store-disk.ts';

export class Stopped extends Error {}

/**
 * @param step number of the step that does not happen any more, from 0.
 * @param torn a write that is that step brings half of its bytes.
 */
export function diskThatStops(step: number, torn: boolean): StoreDisk & { readonly stopped: boolean } {
  let steps = 0;
  const take = <T>(act: () => T, half?: () => void): T => {
    steps += 1;
    if (steps <= step) return act();
    if (steps === step + 1 && torn) half?.();
    throw new Stopped('the machine stopped');
  };
  return {
    get stopped() {
      return steps > step;
    },
    create: (path) => take(() => realDisk.create(path)),
    write: (descriptor, bytes) =>
      take(
        () => realDisk.write(descriptor, bytes),
        () => realDisk.write(descriptor, bytes.subarray(0, bytes.length / 2)),
      ),
    // A step like the others, but what a process wrote outlives it without: the test need not wait.
    sync: () => take(() => {}),
    // What a killed process had open is closed.
    close: (descriptor) => realDisk.close(descriptor),
    rename: (from, to) => take(() => realDisk.rename(from, to)),
    remove: (path) => take(() => realDisk.remove(path)),
    syncDirectory: () => take(() => {}),
  };
}

/** A disk that has room for so many bytes, then says so as the system does. */
export function diskWithRoomFor(bytes: number, code = 'ENOSPC'): StoreDisk {
  let left = bytes;
  return {
    ...realDisk,
    write: (descriptor, written) => {
      if (written.length > left) throw Object.assign(new Error(`${code}: write`), { code });
      left -= written.length;
      realDisk.write(descriptor, written);
    },
  };
}
