/** The daemon's log on disk: `daemon.log`, and older ones behind it as `daemon.log.1`, `.2`, … */
import { closeSync, fstatSync, openSync, readFileSync, readSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const CURRENT = 'daemon.log';
const CHUNK = 64 * 1024;

/** The newest lines over all files, oldest first. */
export function newestLines(directory: string, wanted: number): string[] {
  let lines: string[] = [];
  for (const name of namesNewestFirst(directory)) {
    if (lines.length >= wanted) break;
    lines = [...linesOf(readIfThere(join(directory, name))), ...lines];
  }
  return lines.slice(-wanted);
}

/** Hands out what is added to the current log, also when it is rotated. */
export class LogTail {
  readonly #path: string;
  #inode = 0;
  #position = 0;
  #rest = '';

  /** Begins at the present end. */
  constructor(directory: string) {
    this.#path = join(directory, CURRENT);
    this.#open((file) => {
      const { ino, size } = fstatSync(file);
      this.#inode = ino;
      this.#position = size;
    });
  }

  /** Complete lines that came since the last time. */
  read(): string[] {
    let text = '';
    this.#open((file) => {
      const { ino } = fstatSync(file);
      if (ino !== this.#inode) this.#position = 0;
      this.#inode = ino;
      const buffer = Buffer.alloc(CHUNK);
      for (;;) {
        const bytes = readSync(file, buffer, 0, CHUNK, this.#position);
        if (bytes === 0) return;
        this.#position += bytes;
        text += buffer.toString('utf8', 0, bytes);
      }
    });
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    return lines;
  }

  #open(use: (file: number) => void): void {
    let file: number;
    try {
      file = openSync(this.#path, 'r');
    } catch (error) {
      if (isAbsent(error)) return;
      throw error;
    }
    try {
      use(file);
    } finally {
      closeSync(file);
    }
  }
}

function namesNewestFirst(directory: string): string[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
  const number = (name: string): number => Number(/^daemon[.]log[.](\d+)$/.exec(name)?.[1] ?? 0);
  return names.filter((name) => name === CURRENT || number(name) > 0).sort((a, b) => number(a) - number(b));
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isAbsent(error)) return '';
    throw error;
  }
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** No such file, also because what should be its directory is none. */
function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
