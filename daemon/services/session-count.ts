/** How many sessions there are, at hand for `status`, which must not wait. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { VaultPort } from './ports.ts';

export class SessionCount {
  readonly #vault: VaultPort;
  #value: number | null = null;

  constructor(vault: VaultPort) {
    this.#vault = vault;
  }

  get value(): number | null {
    return this.#value;
  }

  async refresh(): Promise<void> {
    try {
      this.#value = await this.#vault.countSessions();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#value = null;
    }
  }
}
