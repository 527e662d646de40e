/** The variables in which the commands of a session run: those of the client that gave its newest prompt. */
import type { ClientPort } from './client-port.ts';
import type { VaultPort } from './ports.ts';

/** Variables of the daemon itself, or of the terminal that a client sat at, which say nothing about the work. */
const LEFT_OUT = /^(M_PASSPHRASE_FILE|M_CALL|NODE_CHANNEL_FD|NODE_COMPILE_CACHE|OLDPWD|PWD|SHLVL|_)$/;

export type Environment = Readonly<Record<string, string>>;

/** What connections have lent. Kept as text, in memory, as long as the connection lasts. */
export class Environments {
  readonly #offered = new WeakMap<ClientPort, string>();

  offer(client: ClientPort, variables: Environment): void {
    const kept = Object.entries(variables).filter(([name]) => !LEFT_OUT.test(name));
    kept.sort(([left], [right]) => (left < right ? -1 : 1));
    this.#offered.set(client, JSON.stringify(Object.fromEntries(kept)));
  }

  /** JSON text; undefined when the client has offered none. */
  of(client: ClientPort): string | undefined {
    return this.#offered.get(client);
  }
}

/** Empty when no client has ever offered any. */
export async function readEnvironment(vault: VaultPort, sessionId: string): Promise<Environment> {
  const text = await vault.environment(sessionId);
  return text === null ? {} : (JSON.parse(text) as Environment);
}
