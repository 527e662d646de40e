/** While files of a workspace are brought back, no turn changes any in it. */
import { ProtocolError } from '../../protocol/errors.ts';

interface Hold {
  readonly root: string;
  /** Resolves when it is over, however it ended. */
  readonly over: Promise<void>;
}

export class WorkspaceHolds {
  readonly #holds = new Set<Hold>();

  /** True while nothing is brought back anywhere. */
  get idle(): boolean {
    return this.#holds.size === 0;
  }

  /** @throws ProtocolError CONFLICT when files of this workspace are being brought back already. */
  async during<T>(root: string, work: () => Promise<T>): Promise<T> {
    if (this.#of(root) !== undefined) {
      throw new ProtocolError('CONFLICT', `files are being brought back in ${root} already`, {
        hint: 'Wait for its end.',
        retryable: true,
      });
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const hold = { root, over: promise };
    this.#holds.add(hold);
    try {
      return await work();
    } finally {
      this.#holds.delete(hold);
      resolve();
    }
  }

  /** Resolves when a turn may change files there. Rejects with the signal's reason. */
  async free(root: string, signal: AbortSignal): Promise<void> {
    const { promise: stopped, reject } = Promise.withResolvers<never>();
    stopped.catch(() => undefined);
    const aborted = (): void => {
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    signal.addEventListener('abort', aborted, { once: true });
    try {
      for (let hold = this.#of(root); hold !== undefined; hold = this.#of(root)) {
        signal.throwIfAborted();
        await Promise.race([hold.over, stopped]);
      }
    } finally {
      signal.removeEventListener('abort', aborted);
    }
  }

  #of(root: string): Hold | undefined {
    return [...this.#holds].find((hold) => overlap(hold.root, root));
  }
}

/** Whether two workspaces have files in common: one is the other, or lies within it. */
export function overlap(one: string, other: string): boolean {
  return one === other || isWithin(one, other) || isWithin(other, one);
}

function isWithin(inner: string, outer: string): boolean {
  return inner.startsWith(outer.endsWith('/') ? outer : `${outer}/`);
}
