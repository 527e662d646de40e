/** Keeps the store of one frontend open: a daemon that was started anew comes back without the key. */
import type { Surroundings } from '../command-line/surroundings.ts';
import type { Client } from '../connection/api.ts';
import { ProtocolError, type ErrorKind } from '../../protocol/errors.ts';
import type { KeyStatus } from '../../protocol/key.ts';
import { openStore, type OpenOptions } from './open-store.ts';

/** What a store that stays closed is told by; anything else passes with the connection that it came over. */
const CLOSED: readonly ErrorKind[] = ['KEY_LOCKED', 'KEY_DENIED', 'KEY_UNAVAILABLE', 'KEY_MISMATCH', 'CANCELLED'];

export class Unlocker {
  readonly #client: Client;
  readonly #around: Surroundings;
  #opening: Promise<KeyStatus> | undefined;

  constructor(client: Client, around: Surroundings) {
    this.#client = client;
    this.#around = around;
  }

  /**
   * Opens the store; a person is asked once, however many wait for it.
   * @throws ProtocolError as `openStore` does.
   */
  open(options: OpenOptions = {}): Promise<KeyStatus> {
    this.#opening ??= openStore(this.#client, this.#around, options).finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  /**
   * Opens the store again after each reconnect.
   * @param closed told why it stays closed.
   * @returns a function that ends this.
   */
  watch(options: OpenOptions, closed: (error: ProtocolError) => void): () => void {
    return this.#client.onStatus((status) => {
      if (status.state !== 'connected') return;
      this.open(options).catch((error: unknown) => {
        if (!(error instanceof ProtocolError)) throw error;
        if (CLOSED.includes(error.kind)) closed(error);
      });
    });
  }
}
