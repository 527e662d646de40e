/** The text of a file in stretches of whole lines, in memory that does not grow with the file. */
import { readSync } from 'node:fs';
import { HEAD, STRETCH } from './limits.ts';
import type { Stretch } from './timed-pattern.ts';

const NEWLINE = 10;

export class FileStretches {
  /** Used again for every stretch. */
  readonly #buffer = Buffer.allocUnsafe(STRETCH);

  /**
   * @param file descriptor of a plain file of that size.
   * @returns true when the file is text, false for one that is binary, of which there are no stretches.
   */
  *of(file: number, size: number, shown: string): Generator<Stretch, boolean> {
    const buffer = this.#buffer;
    let firstLine = 1;
    let kept = 0;
    let inLongLine = false;
    for (let position = 0; position < size;) {
      const read = readSync(file, buffer, kept, STRETCH - kept, position);
      if (read === 0) break;
      if (position === 0 && buffer.subarray(0, Math.min(read, HEAD)).includes(0)) return false;
      position += read;
      let end = kept + read;
      if (inLongLine) {
        const lineEnd = buffer.subarray(0, end).indexOf(NEWLINE);
        if (lineEnd === -1) continue;
        buffer.copyWithin(0, lineEnd + 1, end);
        end -= lineEnd + 1;
        firstLine += 1;
        inLongLine = false;
      }
      const lines = buffer.subarray(0, end).lastIndexOf(NEWLINE) + 1;
      const length = position >= size || (lines === 0 && end === STRETCH) ? end : lines;
      if (length > 0) yield { text: buffer.toString('utf8', 0, length), firstLine, shown };
      inLongLine = length > lines;
      firstLine += countLines(buffer.subarray(0, lines));
      kept = end - Math.max(lines, length);
      buffer.copyWithin(0, end - kept, end);
    }
    if (kept > 0) yield { text: buffer.toString('utf8', 0, kept), firstLine, shown };
    return true;
  }
}

function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) lines += 1;
  return lines;
}
