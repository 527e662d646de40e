/** Tells whoever shows a list of sessions what has changed in it, a few times a second. */
import { LIST_NOTIFICATION, type ListNotice } from '../../protocol/event.ts';
import { encodeFrame } from '../../protocol/frame.ts';
import type { Session } from '../../protocol/session.ts';
import type { ClientPort } from './client-port.ts';

/** Changes of one session within this time are told as one, in milliseconds. */
const GATHER_MS = 150;

interface Watcher {
  /** Has missed something while its socket was full; is told to read the list again once it takes more. */
  behind: boolean;
}

export class ListStream {
  readonly #watchers = new Map<ClientPort, Watcher>();
  /** Null for a session that is gone. */
  readonly #pending = new Map<string, (() => Session) | null>();
  #gathering = false;

  watch(client: ClientPort): void {
    if (this.#watchers.has(client)) return;
    this.#watchers.set(client, { behind: false });
    client.onClose(() => this.#watchers.delete(client));
    client.onDrain(() => {
      this.#drained(client);
    });
  }

  unwatch(client: ClientPort): void {
    this.#watchers.delete(client);
  }

  /** @param present the session as it is when it is told; called only when somebody watches. */
  changed(sessionId: string, present: () => Session): void {
    this.#gather(sessionId, present);
  }

  removed(sessionId: string): void {
    this.#gather(sessionId, null);
  }

  #gather(sessionId: string, present: (() => Session) | null): void {
    if (this.#watchers.size === 0) return;
    this.#pending.set(sessionId, present);
    if (this.#gathering) return;
    this.#gathering = true;
    setTimeout(() => {
      this.#gathering = false;
      this.#tell();
    }, GATHER_MS);
  }

  #tell(): void {
    for (const [sessionId, present] of this.#pending) {
      const notice: ListNotice =
        present === null ? { type: 'removed', sessionId } : { type: 'changed', session: present() };
      const frame = frameOf(notice);
      for (const [client, watcher] of this.#watchers) {
        if (!watcher.behind && !client.sendFrame(frame)) watcher.behind = true;
      }
    }
    this.#pending.clear();
  }

  #drained(client: ClientPort): void {
    const watcher = this.#watchers.get(client);
    if (watcher?.behind !== true) return;
    watcher.behind = !client.sendFrame(frameOf({ type: 'reset' }));
  }
}

function frameOf(notice: ListNotice): Buffer {
  return encodeFrame(JSON.stringify({ jsonrpc: '2.0', method: LIST_NOTIFICATION, params: notice }));
}
