/** A root key that is made from a passphrase each time: scrypt (RFC 7914), with the parameters kept in the slot. */
import { createSecretKey, randomBytes, scrypt, type ScryptOptions } from 'node:crypto';
import { ProtocolError } from '../../../protocol/errors.ts';
import { refusal, type Keeper, type Refusal } from './keeper.ts';
import type { RootKey } from './key-text.ts';

const KEY_BYTES = 32;
const SALT_BYTES = 16;
/** About 0.4 s and 128 MiB on one core, each time the store is unlocked and for each guess of a thief. */
const COST = { N: 2 ** 17, r: 8, p: 1 } as const;
/** What a slot may ask for, so that a changed slot cannot stop the machine. */
const HIGHEST_COST = { N: 2 ** 20, r: 32, p: 16 } as const;
const SALT = /^[0-9a-f]{32}$/;
const KEY_ID = /^[0-9a-f]{8}$/;

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
   * @throws ProtocolError TAMPERED when the parameters are none that were ever written.
   */
  constructor(parameters: string | undefined, passphrase: Buffer | undefined) {
    this.#settings = parameters === undefined ? fresh() : read(parameters);
    this.parameters = parameters ?? JSON.stringify(this.#settings);
    this.#passphrase = passphrase;
  }

  async find(): Promise<RootKey | Refusal> {
    if (this.#passphrase === undefined) {
      return refusal(
        'locked',
        'the store is locked with a passphrase',
        'Unlock it: mctl keys unlock. Without a terminal, name a file that holds it in M_PASSPHRASE_FILE.',
      );
    }
    const derived = await this.#derive(this.#passphrase);
    const key = createSecretKey(derived);
    derived.fill(0);
    return { key, keyId: this.#settings.keyId };
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
        refusal('none', 'the passphrase is too short', `Use at least ${MIN_PASSPHRASE_BYTES} bytes.`),
      );
    }
    return this.find();
  }

  remove(): Promise<string | undefined> {
    return Promise.resolve(undefined);
  }

  #derive(passphrase: Buffer): Promise<Buffer> {
    const { N, r, p, salt } = this.#settings;
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

function read(parameters: string): Parameters {
  const found = parse(parameters);
  const { N, r, p, salt, keyId } = found;
  const isPowerOfTwo = isBetween(N, 2, HIGHEST_COST.N) && Number.isInteger(Math.log2(N));
  const isPossible = isPowerOfTwo && isBetween(r, 1, HIGHEST_COST.r) && isBetween(p, 1, HIGHEST_COST.p);
  if (isPossible && SALT.test(String(salt)) && KEY_ID.test(String(keyId))) return found as Parameters;
  throw new ProtocolError('TAMPERED', 'the record of how the key is made from the passphrase was changed', {
    hint: 'Restore the store from a backup.',
  });
}

function parse(text: string): Partial<Record<keyof Parameters, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    // Not even JSON: as changed as it can be.
    return {};
  }
}

function isBetween(value: unknown, lowest: number, highest: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= lowest && (value as number) <= highest;
}
