/** A root key that is made from a passphrase each time: scrypt (RFC 7914), with the parameters kept in the slot. */
import { createSecretKey, randomBytes, scrypt, type ScryptOptions } from 'node:crypto';
import { refusal, type Keeper, type Refusal } from './keeper.ts';
import type { RootKey } from './key-text.ts';

const KEY_BYTES = 32;
const SALT_BYTES = 16;
/** About 0.4 s and 128 MiB on one core, each time the store is unlocked and for each guess of a thief. */
const COST = { N: 2 ** 17, r: 8, p: 1 } as const;
/** Bounds of what a slot may ask for, so that a changed slot cannot stop the machine. */
const HIGHEST_COST = { N: 2 ** 20, r: 32, p: 16 } as const;

/** Shortest passphrase that is accepted for a new store, in bytes. */
export const MIN_PASSPHRASE_BYTES = 8;

interface Parameters {
  readonly N: number;
  readonly r: number;
  readonly p: number;
  /** Hexadecimal. */
  readonly salt: string;
  readonly keyId: string;
}

export class PassphraseKeeper implements Keeper {
  readonly parameters: string;
  readonly #settings: Parameters;
  readonly #passphrase: Buffer | undefined;

  /**
   * @param parameters of the slot; undefined for a new one.
   * @param passphrase UTF-8 bytes, overwritten by whoever brought them.
   */
  constructor(parameters: string | undefined, passphrase: Buffer | undefined) {
    this.#settings = parameters === undefined ? fresh() : (JSON.parse(parameters) as Parameters);
    this.parameters = parameters ?? JSON.stringify(this.#settings);
    this.#passphrase = passphrase;
  }

  async find(): Promise<RootKey | Refusal> {
    if (this.#passphrase === undefined) {
      return refusal('locked', 'the store is locked with a passphrase', 'Unlock it: mctl keys unlock');
    }
    return { key: createSecretKey(await this.#derive(this.#passphrase)), keyId: this.#settings.keyId };
  }

  make(): Promise<RootKey | Refusal> {
    const passphrase = this.#passphrase;
    if (passphrase === undefined) {
      return Promise.resolve(
        refusal(
          'none',
          'a passphrase is needed to create the store',
          'Run m on a terminal, or name a file that holds it in M_PASSPHRASE_FILE.',
        ),
      );
    }
    if (passphrase.length < MIN_PASSPHRASE_BYTES) {
      return Promise.resolve(
        refusal('none', 'the passphrase is too short', `Use at least ${MIN_PASSPHRASE_BYTES} characters.`),
      );
    }
    return this.find();
  }

  remove(): Promise<void> {
    return Promise.resolve();
  }

  #derive(passphrase: Buffer): Promise<Buffer> {
    const { N, r, p, salt } = this.#settings;
    const tooCostly = N > HIGHEST_COST.N || r > HIGHEST_COST.r || p > HIGHEST_COST.p;
    if (tooCostly) return Promise.reject(new Error('the slot asks for more work than any slot of this program'));
    const options: ScryptOptions = { N, r, p, maxmem: 256 * N * r };
    return new Promise((resolve, reject) => {
      scrypt(passphrase, Buffer.from(salt, 'hex'), KEY_BYTES, options, (error, key) => {
        if (error === null) resolve(key);
        else reject(error);
      });
    });
  }
}

function fresh(): Parameters {
  return { ...COST, salt: randomBytes(SALT_BYTES).toString('hex'), keyId: randomBytes(4).toString('hex') };
}
