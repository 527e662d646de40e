/** Which files each session has seen, and as what: a file that has changed since must be read again before it is changed. */

const MAX_SESSIONS = 200;
const MAX_FILES = 5_000;

interface Seen {
  readonly identity: string;
  /** SHA-256 of the content; undefined for a file too large to be read to its end. */
  readonly hash: string | undefined;
}

export class SeenFiles {
  /** Both maps are in the order of use, oldest first. */
  readonly #sessions = new Map<string, Map<string, Seen>>();

  remember(sessionId: string, path: string, seen: Seen): void {
    const files = this.#sessions.get(sessionId) ?? new Map<string, Seen>();
    this.#sessions.delete(sessionId);
    this.#sessions.set(sessionId, files);
    files.delete(path);
    files.set(path, seen);
    dropOldest(files, MAX_FILES);
    dropOldest(this.#sessions, MAX_SESSIONS);
  }

  /** @returns `never` also after the thread was started again: what it knew is gone, and reading again is cheap. */
  compare(sessionId: string, path: string, now: Seen): 'never' | 'same' | 'changed' {
    const seen = this.#sessions.get(sessionId)?.get(path);
    if (seen === undefined) return 'never';
    const same = seen.hash === undefined ? seen.identity === now.identity : seen.hash === now.hash;
    return same ? 'same' : 'changed';
  }
}

function dropOldest(map: Map<string, unknown>, most: number): void {
  for (const key of map.keys()) {
    if (map.size <= most) return;
    map.delete(key);
  }
}
