/** Whoever keeps a root key: the OS keychain, a file, or a person who remembers a passphrase. */
import type { KeyState } from '../../../protocol/key.ts';
import { CorruptKeyError, type RootKey } from './key-text.ts';

/** Why there is no key, for a person. */
export interface Refusal {
  readonly state: Exclude<KeyState, 'unlocked'>;
  readonly reason: string;
  readonly hint: string;
  /** The keeper itself cannot be reached, as opposed to one that answers no. */
  readonly unreachable: boolean;
}

export interface Keeper {
  /** The key that is kept. Never makes one. */
  find(): Promise<RootKey | Refusal>;
  /** Keeps a new key, read back before it is returned. Never replaces one. */
  make(): Promise<RootKey | Refusal>;
  /** Whether `make` has kept a key that was there already. */
  readonly hasAdopted?: boolean;
  /** What the slot has to remember besides the key's name, as JSON text. */
  readonly parameters: string;
  /** Forgets the key, when it protects nothing any more. @returns what could not be done, as a sentence. */
  remove(): Promise<string | undefined>;
}

export function isRefusal(found: RootKey | Refusal): found is Refusal {
  return 'reason' in found;
}

export function refusal(state: Refusal['state'], reason: string, hint: string, unreachable = false): Refusal {
  return { state, reason, hint, unreachable };
}

/** The refusal for a key that is there and cannot be read. */
export function unreadable(state: Refusal['state'], error: unknown): Refusal {
  if (!(error instanceof CorruptKeyError)) throw error;
  return refusal(state, `the key cannot be used: ${error.message}`, error.remedy);
}
