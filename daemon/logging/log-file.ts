/** The log on disk: synchronous lines, own rotation by size, and never an exception, whatever the disk does. */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export interface LogFileOptions {
  /** Size at which a new file begins, in bytes. */
  readonly maxBytes?: number;
  /** Files that are kept, the current one included. */
  readonly files?: number;
}

const LOG_FILE_NAME = 'daemon.log';

/**
 * Lines are written synchronously: those of an asynchronous writer are lost when the process is killed, which is when they
 * are needed.
 */
export class LogFile {
  readonly #path: string;
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #files: number;
  #fd: number | undefined;
  #size = 0;
  #lost = 0;

  /** Opens nothing; the file is made by the first line. */
  constructor(directory: string, options: LogFileOptions = {}) {
    this.#directory = directory;
    this.#path = join(directory, LOG_FILE_NAME);
    this.#maxBytes = options.maxBytes ?? 10 * 1024 * 1024;
    this.#files = options.files ?? 5;
  }

  /** @param line one line with its line feed. A line that cannot be written is counted and reported by a later one. */
  write(line: string): void {
    try {
      if (this.#lost > 0) {
        this.#append(`{"level":40,"time":${Date.now()},"msg":"log lines lost","count":${this.#lost}}\n`);
        this.#lost = 0;
      }
      this.#append(line);
    } catch {
      this.#lost += 1;
      this.#close();
    }
  }

  #append(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#fd === undefined) this.#open();
    if (this.#size > 0 && this.#size + bytes > this.#maxBytes) this.#rotate();
    writeSync(this.#fd ?? -1, line);
    this.#size += bytes;
  }

  #open(): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    this.#fd = openSync(this.#path, 'a', 0o600);
    this.#size = fstatSync(this.#fd).size;
  }

  #rotate(): void {
    this.#close();
    for (let index = this.#files - 1; index >= 1; index -= 1) {
      renameIfThere(index === 1 ? this.#path : `${this.#path}.${index - 1}`, `${this.#path}.${index}`);
    }
    this.#open();
  }

  #close(): void {
    if (this.#fd === undefined) return;
    const fd = this.#fd;
    this.#fd = undefined;
    try {
      closeSync(fd);
    } catch {
      // Nothing is buffered: a failed close loses no line.
    }
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
