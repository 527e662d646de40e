/** What `grep` tells: matching lines with those around them, up to what one answer holds. */
import { MAX_MATCHES, MAX_MATCH_LINE, MAX_OUTPUT } from './limits.ts';
import type { Hit, Stretch } from './timed-pattern.ts';

export class GrepAnswer {
  readonly lines: string[] = [];
  matches = 0;
  readonly #context: number;
  readonly #filesOnly: boolean;
  #bytes = 0;
  #full = false;
  #file = '';
  /** Number of the last line of this file that was told. */
  #told = 0;

  constructor(context: number, filesOnly: boolean) {
    this.#context = filesOnly ? 0 : context;
    this.#filesOnly = filesOnly;
  }

  /** True when there is more than it can hold. */
  get full(): boolean {
    return this.#full;
  }

  add(stretch: Stretch, hits: readonly Hit[]): void {
    if (stretch.shown !== this.#file) this.#told = 0;
    else if (this.#filesOnly) return;
    this.#file = stretch.shown;
    for (const [index, hit] of hits.entries()) {
      if (this.matches === MAX_MATCHES) this.#full = true;
      if (this.#full) return;
      this.matches += 1;
      if (!this.#filesOnly) {
        this.#tellHit(stretch, hit, hits[index + 1]?.line ?? Infinity);
        continue;
      }
      this.#tell(stretch.shown);
      return;
    }
  }

  /** @param next number of the line of the next match, which is not told as what surrounds this one. */
  #tellHit({ text, shown }: Stretch, { line, from, to }: Hit, next: number): void {
    const before = from === 0 ? [] : lastLines(text.slice(0, from - 1), this.#context);
    const after = firstLines(text.slice(to + 1), Math.min(this.#context, next - line - 1));
    const first = line - before.length;
    const apart = this.#told === 0 || first > this.#told + 1;
    if (this.#context > 0 && this.lines.length > 0 && apart) this.#tell('--');
    for (const [index, around] of before.entries()) this.#tellLine(shown, first + index, '-', around);
    this.#tellLine(shown, line, ':', text.slice(from, to));
    for (const [index, around] of after.entries()) this.#tellLine(shown, line + 1 + index, '-', around);
  }

  #tellLine(shown: string, number: number, mark: ':' | '-', line: string): void {
    if (number <= this.#told) return;
    this.#told = number;
    const text = line.replace(/\r$/, '').replaceAll('\0', '\u2400');
    const cut = text.length > MAX_MATCH_LINE ? `${text.slice(0, MAX_MATCH_LINE)} […]` : text;
    this.#tell(`${shown}${mark}${number}${mark} ${cut}`);
  }

  #tell(line: string): void {
    this.#bytes += Buffer.byteLength(line) + 1;
    if (this.#bytes > MAX_OUTPUT) this.#full = true;
    else this.lines.push(line);
  }
}

function lastLines(text: string, count: number): string[] {
  if (count === 0) return [];
  let from = text.length;
  for (let lines = 0; lines < count && from > -1; lines += 1) from = from === 0 ? -1 : text.lastIndexOf('\n', from - 1);
  return text.slice(from + 1).split('\n');
}

function firstLines(text: string, count: number): string[] {
  const lines: string[] = [];
  for (let from = 0; lines.length < count && from < text.length;) {
    const end = text.indexOf('\n', from);
    lines.push(text.slice(from, end === -1 ? text.length : end));
    from = end === -1 ? text.length : end + 1;
  }
  return lines;
}
