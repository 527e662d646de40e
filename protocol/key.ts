/** Where the encryption key is and whether the store can be read. */
import * as z from 'zod/mini';

export const KeyProvider = z.enum(['keychain', 'keyfile', 'passphrase']);
export type KeyProvider = z.infer<typeof KeyProvider>;

/** `none`: the store has not been created. `locked`: a person must unlock it. `denied`: the key cannot be had, with a reason. */
export const KeyState = z.enum(['none', 'locked', 'unlocked', 'denied']);
export type KeyState = z.infer<typeof KeyState>;

export const KeyStatus = z.object({
  state: KeyState,
  provider: z.nullable(KeyProvider),
  /** Why the state is what it is, in a sentence; empty when unlocked in the ordinary way. */
  reason: z.string(),
  /** What a person can do about it. */
  hint: z.string(),
  /** Path of the key file, when that is where the key is. */
  keyFile: z.nullable(z.string()),
  /** True for the first client that is told that this daemon has created the store. */
  created: z.boolean(),
});
export type KeyStatus = z.infer<typeof KeyStatus>;

/** How a client wants the key to be found; sent with `initialize`. */
export const KeyWish = z.object({
  /** From M_KEY_PROVIDER. Differing from the recorded one is an error. */
  provider: z.optional(KeyProvider),
  /** Creating a store with a key file is allowed when no keychain can be reached. */
  allowKeyfile: z.optional(z.boolean()),
  /** What the keychain needs to be reached: D-Bus and XDG variables of the client. */
  environment: z.optional(z.record(z.string(), z.string())),
  /** Whether a person can answer a prompt of the keychain. */
  interactive: z.optional(z.boolean()),
});
export type KeyWish = z.infer<typeof KeyWish>;

/** Base64 of the UTF-8 bytes: the words themselves are then in no string of the daemon. */
const Passphrase = z.string().check(z.regex(/^[A-Za-z0-9+/]*={0,2}$/), z.maxLength(8192));

export const KeyUnlockParams = z.strictObject({
  /** For a store that is locked with one, or one that is to be created with one. */
  passphrase: z.optional(Passphrase),
  /** Creates the store with this keeper when there is none yet; without it the client's wish counts. */
  provider: z.optional(KeyProvider),
});

export const KeyMoveParams = z.strictObject({
  to: KeyProvider,
  /** The new one, when it is to be a passphrase. */
  passphrase: z.optional(Passphrase),
});
