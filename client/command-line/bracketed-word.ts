/** Choices are shown as words whose key is in brackets. */

/** @returns the word without brackets, in lower case: `yes` for `[y]es` and for `[y]es to all`. */
export function bracketedWord(words: string): string {
  return (words.split(' ')[0] ?? '').replaceAll(/[[\]]/g, '').toLowerCase();
}
