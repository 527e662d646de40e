/** A workspace of many small files, of which some are changed between snapshots. The same number gives the same files. */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files of one directory. */
const FILES_EACH = 12;
/** Bytes of a file, in the mean; exponential, so that most are smaller. */
const MEAN_BYTES = 4_000;
/** Different words; the first ones are used most. */
const WORDS = 4_000;
const known = Array.from({ length: WORDS }, (_, number) => {
  const chance = generator(-number);
  return Array.from(
    { length: 2 + Math.floor(chance() * 9) },
    () => 'etaoinshrdlucmfwyp'[Math.floor(chance() * 18)],
  ).join('');
});

export class SourceTree {
  readonly root: string;
  readonly #files: readonly string[];
  #edits = 0;

  private constructor(root: string, files: readonly string[]) {
    this.root = root;
    this.#files = files;
  }

  /** Makes `count` files below a directory that does not exist yet. */
  static make(root: string, count: number): SourceTree {
    const files: string[] = [];
    mkdirSync(root, { recursive: true });
    for (let at = 0; at < count; at += 1) {
      const directory = at - (at % FILES_EACH);
      const folder = join(`p${Math.floor(directory / 1_200)}`, `d${directory}`);
      if (at % FILES_EACH === 0) mkdirSync(join(root, folder), { recursive: true });
      const file = join(folder, `file-${at}.ts`);
      writeFileSync(join(root, file), contentOf(at));
      files.push(file);
    }
    return new SourceTree(root, files);
  }

  /** A directory that is there already. */
  static of(root: string, files: readonly string[]): SourceTree {
    return new SourceTree(root, files);
  }

  get count(): number {
    return this.#files.length;
  }

  /** Adds a line to some files, spread over the whole. */
  edit(count: number): void {
    this.#edits += 1;
    const stride = Math.max(1, Math.floor(this.#files.length / Math.max(1, count)));
    for (let at = 0; at < count; at += 1) {
      const file = this.#files[(at * stride + this.#edits) % this.#files.length];
      if (file !== undefined) appendFileSync(join(this.root, file), `// edit ${this.#edits}\n`);
    }
  }
}

/** Text that compresses to about a third, as sources do, and is nowhere twice. */
function contentOf(at: number): string {
  const chance = generator(at + 1);
  const bytes = Math.max(40, Math.round(-Math.log(1 - chance()) * MEAN_BYTES));
  let text = `// file ${at}\n`;
  while (text.length < bytes) {
    const words = Array.from({ length: 3 + Math.floor(chance() * 8) }, () => known[Math.floor(chance() ** 2 * WORDS)]);
    text += `${words.join(' ')};\n`;
  }
  return text;
}

/** Numbers that look like chance and are the same in each run (mulberry32). */
function generator(seed: number): () => number {
  let state = seed * 2_654_435_761;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
