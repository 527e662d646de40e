/** A store that is locked in the middle of a chat: says so, asks for the passphrase, and notices when others unlock it. */
import { failureOf } from '../command-line/failure.ts';
import { SecretLine } from '../command-line/secret-line.ts';
import type { Ink } from '../command-line/style.ts';
import type { Client } from '../connection/api.ts';
import { isLockedByPassphrase, refusalOf, unlockFromFile, unlockWith } from '../keys/open-store.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { KeyStatus } from '../../protocol/key.ts';
import type { LineEditor } from './line-editor.ts';
import type { Screen } from './screen.ts';
import { SecretPrompt } from './secret-prompt.ts';

/** How often to look whether another terminal has unlocked it. */
const LOOK_MS = 1_000;

export interface LockedStoreParts {
  readonly client: Client;
  readonly environment: NodeJS.ProcessEnv;
  readonly screen: Screen;
  readonly editor: LineEditor;
  readonly tell: (text: string, ink?: Ink) => void;
  /** Status and typed line are to be looked at again. */
  readonly changed: () => void;
  readonly leave: () => void;
}

export class LockedStore {
  readonly #parts: LockedStoreParts;
  readonly #line = new SecretLine();
  /** Set while it is known to be closed. */
  #key: KeyStatus | undefined;
  #isTrying = false;
  #looking: NodeJS.Timeout | undefined;
  #opened: PromiseWithResolvers<void> | undefined;

  constructor(parts: LockedStoreParts) {
    this.#parts = parts;
  }

  /** Whether the passphrase is being asked for. */
  get asks(): boolean {
    return this.#opened !== undefined;
  }

  /** For the status line; undefined while the store is open. */
  get sentence(): string | undefined {
    if (this.#isTrying) return 'unlocking';
    if (this.#key === undefined) return undefined;
    return this.asks ? 'locked: type the passphrase, Ctrl+C leaves' : `locked: ${this.#key.reason}; Enter tries again`;
  }

  /** Looks whether the store is open, and begins to ask when a passphrase is missing. Never rejects. */
  async look(): Promise<void> {
    try {
      await this.#open(false);
    } catch (error) {
      // The status line says so when it is about the key; with a lost connection the next one looks again.
      if (!(error instanceof ProtocolError)) throw error;
    }
  }

  /**
   * Resolves when the store is open, however long it takes a person.
   * @throws ProtocolError KEY_LOCKED, KEY_DENIED, KEY_UNAVAILABLE when it is not a passphrase that is missing.
   */
  async unlocked(): Promise<void> {
    // Whoever locked it on purpose is not overruled by a prompt, but by one that is given again in spite of the answer.
    await this.#open(this.#key !== undefined);
    await this.#opened?.promise;
  }

  /** Nothing is asked or looked at any more. */
  close(): void {
    clearInterval(this.#looking);
    this.#line.clear();
  }

  /** @param insists whether a keychain is to be asked again. */
  async #open(insists: boolean): Promise<void> {
    if (this.asks) return;
    const { client, environment, tell } = this.#parts;
    let key = await client.call('key/status', {});
    if (key.state === 'locked' && insists && !isLockedByPassphrase(key)) key = await client.call('key/unlock', {});
    if (isLockedByPassphrase(key)) {
      try {
        key = (await unlockFromFile(client, environment)) ?? key;
      } catch (error) {
        tell(failureOf(error).message, 'red');
      }
    }
    this.#learn(key);
    if (key.state !== 'unlocked' && !this.asks) throw refusalOf(key);
  }

  #learn(key: KeyStatus): void {
    if (key.state === 'unlocked') {
      this.#over();
      return;
    }
    this.#key = key;
    this.#looking ??= setInterval(() => void this.#lookElsewhere(), LOOK_MS);
    if (isLockedByPassphrase(key) && !this.asks) this.#ask();
    this.#parts.changed();
  }

  #ask(): void {
    const { editor, screen } = this.#parts;
    this.#opened = Promise.withResolvers();
    editor.divert((chunk) => {
      this.#take(chunk);
    });
    screen.attach(new SecretPrompt('passphrase: ', screen.echo));
  }

  #take(chunk: Buffer): void {
    const ended = this.#line.push(chunk);
    chunk.fill(0);
    if (ended === undefined) return;
    if (ended.end !== 'enter') this.#parts.leave();
    else if (!this.#isTrying) void this.#try(this.#line.take());
  }

  async #try(passphrase: Buffer): Promise<void> {
    if (passphrase.length === 0) return;
    const { client, tell, changed } = this.#parts;
    this.#isTrying = true;
    changed();
    try {
      const key = await unlockWith(client, passphrase);
      if (key.state !== 'unlocked') tell(key.reason, 'red');
      this.#learn(key);
    } catch (error) {
      tell(failureOf(error).message, 'red');
    } finally {
      this.#isTrying = false;
      changed();
    }
  }

  /** Asks the daemon and not the keychain, which might ask a person each time. */
  async #lookElsewhere(): Promise<void> {
    try {
      const { keyState } = await this.#parts.client.call('daemon/status', {}, { startDaemon: false });
      if (keyState === 'unlocked' && !this.#isTrying) this.#over();
    } catch (error) {
      // A daemon that is gone has unlocked nothing.
      if (!(error instanceof ProtocolError)) throw error;
    }
  }

  #over(): void {
    const { editor, screen, tell, changed } = this.#parts;
    clearInterval(this.#looking);
    this.#looking = undefined;
    if (this.#key === undefined) return;
    this.#key = undefined;
    this.#line.clear();
    const opened = this.#opened;
    this.#opened = undefined;
    if (opened !== undefined) {
      editor.divert(undefined);
      screen.attach(editor);
    }
    tell('unlocked', 'dim');
    opened?.resolve();
    changed();
  }
}
