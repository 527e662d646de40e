/**
 * Names of files as the workspace thread carries them: one character a byte (latin1).
 *
 * File systems hold bytes. A name that is not UTF-8 would be lost in a string, and two of them could become one.
 */

/** A name or path inside of the workspace, one character a byte, parts joined by `/`. */
export type ByteText = string;

/** @param text as people and programs write it. */
export function toByteText(text: string): ByteText {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** For system calls, which take the bytes as they are. */
export function toBytes(text: ByteText): Buffer {
  return Buffer.from(text, 'latin1');
}

/** For people: what is not UTF-8 shows as U+FFFD. */
export function toShownText(text: ByteText): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}
