/** Small shapes that every noun uses: identifiers, times, working text. */
import * as z from 'zod/mini';

/** A ULID: 26 characters of Crockford base 32, ordered by time. */
const ulid = () => z.string().check(z.regex(/^[0-9A-HJKMNP-TV-Z]{26}$/));

/** Names one mutation; the same id sent twice has effect once. */
export const OpId = ulid();
export const SessionId = ulid();
export const TurnNumber = z.int().check(z.gte(1));
export const Sequence = z.int().check(z.gte(0));
/** ISO 8601 in UTC with milliseconds. */
export const Timestamp = z.string();
/** One line of text: a title, a name, a filter. */
export const Line = z.string().check(z.maxLength(1000));
export const Path = z.string().check(z.maxLength(4096));
/** `provider/model`, cut at the first slash. */
export const ModelId = z.string().check(z.regex(/^[^/\s]+\/\S+$/), z.maxLength(300));

export type SessionId = z.infer<typeof SessionId>;
