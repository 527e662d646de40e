/** How much the file tools read, keep and tell. */

const KIB = 1024;
const MIB = 1024 * KIB;

/** Lines of a file in one answer when the model does not say. */
export const DEFAULT_LINES = 2_000;
/** Bytes of text in one answer. */
export const MAX_OUTPUT = 50 * KIB;
/** Characters of one line that are shown. */
export const MAX_LINE = 2_000;
/** An image that is sent to a model: 5 MiB in base64. */
export const MAX_IMAGE = 3_840 * KIB;
/** A file up to this size is read to its end, so that any later change of it is noticed by its content. */
export const MAX_HASHED = 16 * MIB;
/** A file that `edit` changes. */
export const MAX_EDIT = 10 * MIB;
/** A file that `write` makes. */
export const MAX_WRITE = 10 * MIB;
/** Text, old and new together, that is compared line by line for a person to see. */
export const MAX_COMPARED = 4 * MIB;
/** Characters of a diff. */
export const MAX_DIFF = 256 * KIB;
/** Bytes at the beginning of a file that tell what it is. */
export const HEAD = 8 * KIB;
/** Bytes that are read at once, each time by another thread. */
export const READ_AT_ONCE = MIB;
/** Bytes of a file that `grep` looks through at once, and of a line of which only the beginning is looked at. */
export const STRETCH = 256 * KIB;
/** Paths in one answer of `list` and `glob`. */
export const MAX_PATHS = 1_000;
/** Entries of one directory that are looked at. */
export const MAX_ENTRIES = 200_000;
/** Time that `glob` and `grep` take before they answer with what they have. */
export const SEARCH_MS = 30_000;
/** Matching lines in one answer of `grep`. */
export const MAX_MATCHES = 200;
/** A file that `grep` looks into when it was not named itself. */
export const MAX_SEARCHED = 64 * MIB;
/** Characters of one line that `grep` shows. */
export const MAX_MATCH_LINE = 500;
/** Characters at the beginning of a line that a pattern is tried on. */
export const MAX_TRIED_LINE = 64 * KIB;
/** Time for one stretch of text before the pattern is said to take too long. */
export const PATTERN_MS = 500;
