/** API keys of providers: those that are stored, and those that clients lend from their environment. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { ChangingKeys } from './agent-port.ts';
import type { VaultPort } from './ports.ts';

/** Names of the vault's secrets that are provider keys. */
function secretName(provider: string): string {
  return `provider-key:${provider}`;
}

export class KeyRing implements ChangingKeys {
  readonly #vault: VaultPort;
  /** By variable. In memory only, and never in a log. */
  readonly #lent = new Map<string, string>();
  #changes = 0;
  #changed = Promise.withResolvers<void>();

  constructor(vault: VaultPort) {
    this.#vault = vault;
  }

  get changes(): number {
    return this.#changes;
  }

  async keyFor(provider: string, variable: string | undefined): Promise<string | undefined> {
    try {
      return (await this.#vault.secret(secretName(provider))) ?? this.#lentAs(variable);
    } catch (error) {
      const lent = this.#lentAs(variable);
      // One that does not verify may be another provider's: it is in the way of this one only when this one needs it.
      const isDamaged = error instanceof ProtocolError && error.kind === 'TAMPERED';
      if (isDamaged && (lent !== undefined || variable === undefined)) return lent;
      throw error;
    }
  }

  async store(provider: string, key: string | null): Promise<void> {
    await this.#vault.setSecret(secretName(provider), key);
    this.announceChange();
  }

  lend(keys: Readonly<Record<string, string>>): void {
    for (const [variable, key] of Object.entries(keys)) {
      if (key !== '') this.#lent.set(variable, key);
    }
    this.announceChange();
  }

  /** Keys or the configuration that names them may be others now. */
  announceChange(): void {
    const { resolve } = this.#changed;
    this.#changes += 1;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }

  async changedSince(changes: number, signal: AbortSignal): Promise<void> {
    if (this.#changes > changes) return;
    const aborted = Promise.withResolvers<never>();
    const abort = (): void => {
      aborted.reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    try {
      await Promise.race([this.#changed.promise, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  #lentAs(variable: string | undefined): string | undefined {
    return variable === undefined ? undefined : this.#lent.get(variable);
  }
}
