/** Which characters of some source files have run, by V8's precise coverage with the granularity of blocks. */
import { readFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { fileURLToPath } from 'node:url';

interface FileState {
  readonly source: string;
  readonly covered: Uint8Array;
}

export interface Gap {
  readonly file: string;
  readonly line: number;
  /** The source that never ran, its white space made single blanks. */
  readonly text: string;
}

/** To be started before the files are loaded: what has run before cannot be told apart. */
export class BlockCoverage {
  readonly #session = new Session();
  readonly #root: string;
  readonly #isWatched: (file: string) => boolean;
  readonly #files = new Map<string, FileState>();

  /** @param root directory that names of files are relative to, with a slash at its end. */
  constructor(root: string, isWatched: (file: string) => boolean) {
    this.#root = root;
    this.#isWatched = isWatched;
    this.#session.connect();
    this.#post('Profiler.enable');
    this.#post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  get files(): string[] {
    return [...this.#files.keys()];
  }

  /** @returns how many characters have run since the last time that had never run before. */
  take(): number {
    let found = 0;
    const { result } = this.#post('Profiler.takePreciseCoverage') as {
      result: { url: string; functions: { ranges: { startOffset: number; endOffset: number; count: number }[] }[] }[];
    };
    for (const { url, functions } of result) {
      if (!url.startsWith('file:')) continue;
      const path = fileURLToPath(url);
      const name = path.startsWith(this.#root) ? path.slice(this.#root.length) : '';
      if (!this.#isWatched(name)) continue;
      const file = this.#files.get(name) ?? this.#open(name, path);
      // Ranges come from the outside in, functions before what is inside of them: the last one that says something is right.
      const ran = new Uint8Array(file.source.length);
      for (const { ranges } of functions) {
        for (const { startOffset, endOffset, count } of ranges) ran.fill(count > 0 ? 1 : 0, startOffset, endOffset);
      }
      for (let index = 0; index < ran.length; index += 1) {
        if (ran[index] === 1 && file.covered[index] === 0) {
          file.covered[index] = 1;
          found += 1;
        }
      }
    }
    return found;
  }

  /** What has never run; pieces without a letter, such as a bracket, are left out. */
  gaps(): Gap[] {
    const gaps: Gap[] = [];
    for (const [file, { source, covered }] of this.#files) {
      let at = 0;
      while (at < source.length) {
        if (covered[at] === 1) {
          at += 1;
          continue;
        }
        const end = covered.indexOf(1, at);
        const until = end === -1 ? source.length : end;
        const text = source.slice(at, until).replaceAll(/\s+/g, ' ').trim();
        if (/[A-Za-z]/.test(text)) gaps.push({ file, line: source.slice(0, at).split('\n').length, text });
        at = until;
      }
    }
    return gaps;
  }

  #open(name: string, path: string): FileState {
    const source = readFileSync(path, 'utf8');
    const file = { source, covered: new Uint8Array(source.length) };
    this.#files.set(name, file);
    return file;
  }

  /** The inspector of the own process answers before it returns. */
  #post(method: string, params: object = {}): unknown {
    let answer: { readonly error: Error | null; readonly result: unknown } | undefined;
    (
      this.#session as {
        post(name: string, params: object, done: (error: Error | null, result: unknown) => void): void;
      }
    ).post(method, params, (error, result) => {
      answer = { error, result };
    });
    if (answer === undefined) throw new Error(`${method} was not answered at once`);
    if (answer.error !== null) throw new Error(`${method} failed`, { cause: answer.error });
    return answer.result;
  }
}
