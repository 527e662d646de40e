/** What every verb of `mctl` works with: the way to the daemon, the two outputs, and the choice between text and JSON. */
import { harmless, harmlessJson } from '../command-line/harmless-text.ts';
import type { Output } from '../command-line/output.ts';
import type { Surroundings } from '../command-line/surroundings.ts';
import type { Client, ConnectOptions } from '../connection/api.ts';
import { ProtocolError } from '../../protocol/errors.ts';

export class MctlContext {
  readonly around: Surroundings;
  /** Whether results and errors are JSON. */
  readonly isJson: boolean;
  #client: Client | undefined;

  constructor(around: Surroundings, isJson: boolean) {
    this.around = around;
    this.isJson = isJson;
  }

  get stdout(): Output {
    return this.around.stdout;
  }

  get stderr(): Output {
    return this.around.stderr;
  }

  /** Whether a person can be asked. */
  get canAsk(): boolean {
    return this.around.stdin.isTTY === true && this.around.stderr.isTerminal;
  }

  /** Prints lines for a person; nothing with `--json`, where the result says it all. */
  say(text: string): void {
    if (!this.isJson) this.stdout.line(harmless(text));
  }

  /** Prints a result for a program. */
  json(value: unknown): void {
    this.stdout.line(harmlessJson(value, 2));
  }

  /** The same on one line. */
  jsonLine(value: unknown): void {
    this.stdout.line(harmlessJson(value));
  }

  /** Prints the result in the form that was asked for. */
  result(value: unknown, text: string): void {
    if (this.isJson) this.json(value);
    else this.say(text);
  }

  /** A client, the same one for the whole command. It starts a daemon when none runs. */
  async connect(options: Partial<ConnectOptions> = {}): Promise<Client> {
    this.#client ??= await this.around.connect({
      kind: 'mctl',
      environment: this.around.environment,
      onProgress: (sentence) => {
        this.stderr.line(harmless(sentence));
      },
      ...options,
    });
    return this.#client;
  }

  /**
   * A client of a store that can be read.
   * @throws ProtocolError KEY_LOCKED, KEY_DENIED, KEY_UNAVAILABLE, with the remedy.
   */
  async connectUnlocked(): Promise<Client> {
    const client = await this.connect();
    // The greeting says so when the store is open already, which spares a round trip.
    if (client.daemon.key !== 'unlocked') {
      const { openStore } = await import('../keys/open-store.ts');
      await openStore(client, this.around);
    }
    return client;
  }

  async close(): Promise<void> {
    await this.#client?.close();
  }

  /**
   * Asks whether to do something that cannot be undone.
   * @param yes whether `--yes` was given.
   * @throws ProtocolError INVALID_PARAMS when nobody can be asked, CANCELLED when the answer is no.
   */
  async confirm(question: string, yes: boolean): Promise<void> {
    if (yes) return;
    if (!this.canAsk || this.isJson) {
      throw new ProtocolError('INVALID_PARAMS', `${question}: nobody is there to confirm it`, {
        hint: 'Add --yes to do it without being asked.',
      });
    }
    const { ask } = await import('../command-line/ask.ts');
    const answer = await ask(this.around, `${question}? [y/N] `);
    if (/^y(es)?$/i.test(answer.trim())) return;
    throw new ProtocolError('CANCELLED', 'nothing was changed');
  }
}
