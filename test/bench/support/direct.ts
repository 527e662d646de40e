/** The vault in this thread, called without a promise in between, so that nothing but the vault is measured. */
import type { AppendRequest, AppendResult, VaultPort } from '../../../daemon/services/ports.ts';
import type { Answer } from '../../../daemon/vault/calls.ts';
import { Vault } from '../../../daemon/vault/vault.ts';

export class DirectVault {
  readonly #vault: Vault;
  readonly #answers = new Map<number, Answer>();
  #lastId = 0;
  #onAnswer: (() => void) | undefined;

  private constructor(dataDirectory: string) {
    this.#vault = new Vault(dataDirectory, (answer) => {
      this.#answers.set(answer[0], answer);
      this.#onAnswer?.();
    });
  }

  /** Opens the store with its key file, making both when there are none. */
  static async open(dataDirectory: string): Promise<DirectVault> {
    const direct = new DirectVault(dataDirectory);
    await direct.#ask('open', [{ provider: 'keyfile' }]);
    return direct;
  }

  append(request: AppendRequest): AppendResult {
    return this.#take(this.#send('append', [request])) as AppendResult;
  }

  /** Appends that share one transaction. */
  appendAll(requests: readonly AppendRequest[]): void {
    const calls = requests.map((request) => {
      this.#lastId += 1;
      return [this.#lastId, 'append', [request]] as const;
    });
    this.#vault.run(calls);
    for (const [id] of calls) this.#take(id);
  }

  async close(): Promise<void> {
    await this.#ask('close', []);
  }

  async #ask(method: keyof VaultPort, args: readonly unknown[]): Promise<unknown> {
    const answered = new Promise<void>((resolve) => {
      this.#onAnswer = resolve;
    });
    const id = this.#send(method, args);
    await answered;
    this.#onAnswer = undefined;
    return this.#take(id);
  }

  #send(method: keyof VaultPort, args: readonly unknown[]): number {
    this.#lastId += 1;
    this.#vault.run([[this.#lastId, method, args]]);
    return this.#lastId;
  }

  #take(id: number): unknown {
    const answer = this.#answers.get(id);
    this.#answers.delete(id);
    if (answer === undefined) throw new Error('the vault has not answered');
    if (answer[2] !== undefined) throw new Error(`${answer[2].message}\n${answer[2].stack ?? ''}`);
    return answer[1];
  }
}
