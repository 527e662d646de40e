/** Makes text that a server sent fit to be shown: no key in it, no control characters, not too long. */

const MAX_LENGTH = 500;
const REPLACEMENT = '[key removed]';
/** Pieces of a key at least this long are removed, too: servers like to echo a part. */
const PIECE = 8;

/**
 * One line of plain text for a person.
 *
 * @param text What a server sent, of any length and content.
 * @param secrets Texts that must not occur in the result, as a whole or in pieces of eight characters and more,
 * percent-encoded or in base64.
 */
export function presentable(text: string, secrets: readonly string[]): string {
  // Control, format (bidirectional overrides, zero width) and unpaired surrogate characters are dropped before
  // the secrets are looked for, so that they cannot hide one.
  const line = text
    .slice(0, 64 * 1024)
    .replace(/[\s\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}]/gu, '')
    .trim();
  let clean = line;
  for (const secret of secrets) clean = withoutSecret(clean, secret);
  return clean.length > MAX_LENGTH ? `${clean.slice(0, MAX_LENGTH).trimEnd()}…` : clean;
}

function withoutSecret(text: string, secret: string): string {
  const bare = secret.trim();
  if (bare.length === 0) return text;
  if (bare.length < PIECE) return text.replaceAll(bare, REPLACEMENT);
  const forms = [bare, encodeURIComponent(bare), ...base64Forms(bare)];
  const pieces = new Set(forms.flatMap((form) => piecesOf(lowerCase(form))));
  const haystack = lowerCase(text);
  let clean = '';
  let kept = 0;
  for (let at = 0; at + PIECE <= haystack.length; at++) {
    if (!pieces.has(haystack.slice(at, at + PIECE))) continue;
    let end = at + PIECE;
    for (let next = at + 1; next <= end && next + PIECE <= haystack.length; next++) {
      if (pieces.has(haystack.slice(next, next + PIECE))) end = next + PIECE;
    }
    clean += text.slice(kept, at) + REPLACEMENT;
    kept = end;
    at = end - 1;
  }
  return clean + text.slice(kept);
}

/** Base64 of a text looks different by its position in what surrounds it; these are the parts that do not depend on it. */
function base64Forms(secret: string): string[] {
  return [0, 1, 2].flatMap((shift) => {
    const encoded = Buffer.from('x'.repeat(shift) + secret)
      .toString('base64')
      .replace(/=+$/, '');
    const stable = encoded.slice(shift === 0 ? 0 : shift + 1, -1);
    return [stable, stable.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

/** Only ASCII: every character stays in its place. */
function lowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (capitals) => capitals.toLowerCase());
}

function piecesOf(text: string): string[] {
  return Array.from({ length: Math.max(0, text.length - PIECE + 1) }, (_, at) => text.slice(at, at + PIECE));
}
