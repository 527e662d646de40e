/**
 * Counts what changes what is protected from being cleared up. The thread of a workspace may be busy for minutes before it
 * takes names away: it looks at the count, which it shares, in the moment that it does, so that what a person has pinned or
 * saved until then, and was told so, stays.
 */
import type { VaultPort } from './ports.ts';
import type { ProtectionsAsOf } from './snapshot-port.ts';

export class ProtectionChanges {
  readonly #count = new Int32Array(new SharedArrayBuffer(4));

  /** To be asked for before what is protected is read. */
  now(): ProtectionsAsOf {
    return { count: this.#count, was: Atomics.load(this.#count, 0) };
  }

  /** @returns a store of which every such change is counted before anybody hears that it is done. */
  noticing(vault: VaultPort): VaultPort {
    const counted = async <T>(work: Promise<T>): Promise<T> => {
      try {
        return await work;
      } finally {
        // Also what failed may have been done.
        Atomics.add(this.#count, 0, 1);
      }
    };
    return {
      ...vault,
      setFlag: (...args) => counted(vault.setFlag(...args)),
      createSave: (request) => counted(vault.createSave(request)),
      fork: (request) => counted(vault.fork(request)),
      append: (request) => (request.create === undefined ? vault.append(request) : counted(vault.append(request))),
    };
  }
}
