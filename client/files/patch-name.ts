/** Names of files in a unified diff, as `patch` and git read them. */

/** Half of a character that has two: a byte that is not UTF-8, as paths travel. */
const STRAY_BYTE = /[\udc80-\udcff]/u;
// eslint-disable-next-line no-control-regex
const NEEDS_QUOTES = /[\x00-\x1f\x7f"\\]/;

/** In quotes, byte by byte, when it holds what ends a line, a name or its quotes, or is not UTF-8. */
export function patchName(path: string): string {
  if (NEEDS_QUOTES.test(path) || STRAY_BYTE.test(path)) return `"${Array.from(path, inQuotes).join('')}"`;
  // Without a tab behind it, a name ends at its first blank.
  return path.includes(' ') ? `${path}\t` : path;
}

function inQuotes(character: string): string {
  if (STRAY_BYTE.test(character)) return octal(character.charCodeAt(0) & 0xff);
  if (/^[ !#-[\]-~]$/.test(character)) return character;
  return [...new TextEncoder().encode(character)].map(octal).join('');
}

function octal(byte: number): string {
  return `\\${byte.toString(8).padStart(3, '0')}`;
}
