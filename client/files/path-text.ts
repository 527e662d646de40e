/** Paths inside of a workspace: as a person reads them, and as a person types them. */

/** What a name may hold that nobody sees, that a terminal obeys, or that makes one name look like another. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
const ESCAPED = new RegExp(`${HIDDEN.source}|["\\\\]`, 'gu');
const NEEDS_QUOTES = new RegExp(`${HIDDEN.source}|^["']|\\\\|^\\s|\\s$`, 'u');
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\t': '\\t', '\r': '\\r', '"': '\\"', '\\': '\\\\' };

/**
 * A path that cannot do anything to a terminal, on one line. What would not be seen stands in quotes, written out as
 * `readWords` reads it; bytes that are no UTF-8 are U+FFFD.
 */
export function pathText(path: string): string {
  const text = path.toWellFormed();
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll(ESCAPED, written)}"` : text;
}

function written(character: string): string {
  return SHORT[character] ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
