/** The text that most texts are: nothing in it needs a second look, and asking costs less than looking. */

/** Whether a text is made of printable ASCII alone, blanks included. */
export function isPlainAscii(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x20 || code > 0x7e) return false;
  }
  return true;
}
