/** A watch loop in the test's own thread: while the test works without a pause, nothing is taken from the kernel's queue. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Dirt, WatchAnswer } from '../../../../../daemon/workspace/watch/watch-calls.ts';
import { WatchLoop, type WatchSystem } from '../../../../../daemon/workspace/watch/watch-loop.ts';
import { linuxWatches } from '../../../../../daemon/workspace/watch/watch-system.ts';

export interface Places {
  /** Holds the two others. */
  readonly around: string;
  readonly root: string;
  readonly cookies: string;
}

export function freshPlaces(parent = tmpdir()): Places {
  const around = realpathSync(mkdtempSync(join(parent, 'm-watch-')));
  onTestFinished(() => {
    rmSync(around, { recursive: true, force: true });
  });
  mkdirSync(join(around, 'root'));
  return { around, root: join(around, 'root'), cookies: join(around, 'side', 'cookies') };
}

export class LocalWatch {
  readonly loop: WatchLoop;
  readonly #waiting = new Map<number, (answer: WatchAnswer) => void>();
  #question = 0;
  #settled = 0;

  constructor(places: Places, changes: Partial<WatchSystem> = {}, budget?: number) {
    const { root, cookies } = places;
    const settings = { root, cookies, ...(budget === undefined ? {} : { budget }) };
    this.loop = new WatchLoop(settings, { ...linuxWatches(settings), ...changes }, (answer) => {
      this.#waiting.get(answer.question)?.(answer);
    });
    onTestFinished(() => {
      this.loop.close();
    });
  }

  /** Asks as a scan does; what is told counts as looked at from the next question on. */
  async dirty(): Promise<WatchAnswer['dirt']> {
    const { dirt } = await this.ask();
    this.#settled = this.#question;
    return dirt;
  }

  /** Asks without looking at what is told. */
  async ask(): Promise<WatchAnswer> {
    this.#question += 1;
    const { promise, resolve } = Promise.withResolvers<WatchAnswer>();
    this.#waiting.set(this.#question, resolve);
    this.loop.take({ kind: 'ask', question: this.#question, settled: this.#settled });
    return promise;
  }

  /** What is told of directories that are all watched and were looked at. */
  async watchAll(directories: readonly string[]): Promise<void> {
    for (;;) {
      this.loop.take({ kind: 'watch', directories, whole: true });
      const dirt = await this.dirty();
      if (dirt.kind === 'dirt' && dirt.directories.length === 0) return;
      if (dirt.kind === 'refusal') throw new Error(dirt.reason);
    }
  }

  watch(...directories: string[]): void {
    this.loop.take({ kind: 'watch', directories, whole: false });
  }
}

/** @returns the places of an answer in order; a doubt fails the test with its reason. */
export function placesOf(dirt: WatchAnswer['dirt']): Pick<Dirt, 'directories' | 'subtrees'> {
  if (dirt.kind !== 'dirt') throw new Error(`${dirt.kind}: ${dirt.reason}`);
  return { directories: dirt.directories.toSorted(), subtrees: dirt.subtrees.toSorted() };
}
