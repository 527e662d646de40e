/** What is made of what a library tells, with a library that tells what the test says. */
import { describe, expect, test } from 'vitest';
import type { HelperAnswer } from '../../../../../daemon/workspace/watch/stream/stream-calls.ts';
import {
  StreamLoop,
  type StreamEvent,
  type StreamSystem,
} from '../../../../../daemon/workspace/watch/stream/stream-loop.ts';

type Watched = Parameters<StreamSystem['watch']>;

class Library implements StreamSystem {
  readonly roots = ['/work', '/private/work'];
  readonly cookies: string[] = [];
  readonly directories = new Set<string>();
  readonly later: (() => void)[] = [];
  readonly watched = new Map<Watched[0], Watched>();
  at: string | undefined = 'one';
  refusal: Error | undefined;

  watch(...watched: Watched): Promise<void> {
    this.watched.set(watched[0], watched);
    return this.refusal === undefined ? Promise.resolve() : Promise.reject(this.refusal);
  }

  makeCookie(name: string): void {
    this.cookies.push(name);
  }

  removeCookie(name: string): void {
    this.cookies.splice(this.cookies.indexOf(name), 1);
  }

  place(): string | undefined {
    return this.at;
  }

  soon(then: () => void): void {
    this.later.push(then);
  }

  isDirectory(path: string): boolean {
    return this.directories.has(path);
  }

  tell(...events: (readonly [StreamEvent['type'], string])[]): void {
    this.watched.get('root')?.[1](events.map(([type, path]) => ({ type, path })));
  }

  tellCookie(): void {
    const path = `/side/${this.cookies.at(-1) ?? ''}`;
    this.watched.get('cookies')?.[1]([{ type: 'create', path }]);
  }

  drop(): void {
    this.watched.get('root')?.[2]('Events were dropped');
  }
}

class Asker {
  readonly library = new Library();
  readonly answers: HelperAnswer[] = [];
  readonly loop = new StreamLoop(this.library, (answer) => void this.answers.push(answer));
  #question = 0;
  settled = 0;

  ask(): HelperAnswer | undefined {
    this.#question += 1;
    this.loop.take({ kind: 'ask', question: this.#question, settled: this.settled });
    return this.answers.at(-1)?.question === this.#question ? this.answers.at(-1) : undefined;
  }

  /** With both files told that mark the moment. */
  dirt(): HelperAnswer['dirt'] | undefined {
    const answered = this.ask();
    if (answered === undefined) {
      for (let left = 2; left > 0; left -= 1) this.library.tellCookie();
      for (const then of this.library.later.splice(0)) then();
    }
    const answer = this.answers.at(-1);
    expect(answer?.question).toBe(this.#question);
    this.settled = this.#question;
    return answer?.dirt;
  }
}

async function watching(): Promise<Asker> {
  const asker = new Asker();
  await asker.loop.start();
  expect(asker.dirt()).toEqual({ kind: 'doubt', reason: 'the watches are new' });
  return asker;
}

describe('what a library tells', () => {
  test('is asked for once everything was looked at, and each answer takes two files that are told', async () => {
    const asker = new Asker();
    await asker.loop.start();
    expect(asker.ask()?.dirt.kind).toBe('doubt');
    expect(asker.ask()?.dirt.kind).toBe('doubt');
    asker.settled = 2;
    expect(asker.ask()).toBeUndefined();
    asker.library.tellCookie();
    expect(asker.library.later).toHaveLength(0);
    asker.library.tellCookie();
    expect(asker.answers).toHaveLength(2);
    // The library hands over what it tells at once in any order.
    asker.library.tell(['update', '/work/a/file']);
    for (const then of asker.library.later) then();
    expect(asker.answers.at(-1)).toEqual({
      kind: 'answer',
      question: 3,
      dirt: { kind: 'dirt', directories: ['a'], subtrees: [], isLoose: true, told: 1 },
      isSpent: false,
    });
    expect(asker.library.cookies).toEqual([]);
  });

  test('is told with every answer, since the same change of a file may not be told twice', async () => {
    const asker = await watching();
    asker.library.directories.add('/work/new');
    asker.library.tell(['update', '/work/a/b/file'], ['create', '/work/new'], ['delete', '/private/work/c/file']);
    for (let round = 0; round < 2; round += 1) {
      expect(asker.dirt()).toMatchObject({ directories: ['a/b', '', 'c'], subtrees: ['new'], told: 3 });
    }
  });

  test('by a name that was lost on the way stands for all that may have it', async () => {
    const asker = await watching();
    asker.library.tell(['update', '/work/a/na\ufffdme/deep/file'], ['update', '/work/a/\u00fc/file']);
    expect(asker.dirt()).toMatchObject({ directories: ['a/\u00c3\u00bc'], subtrees: ['a'] });
  });

  test('under another path than that of the workspace is a refusal: nobody knows what else is told there', async () => {
    const asker = await watching();
    asker.library.tell(['update', '/elsewhere/file']);
    expect(asker.ask()?.dirt).toEqual({ kind: 'refusal', reason: 'the system tells of it under another path' });
  });

  test('and what was dropped is a doubt at once, and the end of the process', async () => {
    const asker = await watching();
    expect(asker.ask()).toBeUndefined();
    asker.library.drop();
    const reason = 'something may not have been told: Events were dropped';
    expect(asker.answers.at(-1)).toMatchObject({ question: 2, dirt: { kind: 'doubt', reason }, isSpent: true });
    expect(asker.library.cookies).toEqual([]);
  });

  test('and what was dropped while nobody asked is said to who asks next', async () => {
    const asker = await watching();
    asker.library.drop();
    expect(asker.answers).toHaveLength(1);
    asker.library.tell(['update', '/work/file']);
    expect(asker.ask()).toMatchObject({ dirt: { kind: 'doubt' }, isSpent: true });
  });

  test.each([
    ['another directory under its path', (library: Library) => (library.at = 'two')],
    ['no directory under its path', (library: Library) => (library.at = undefined)],
    ['a workspace that was moved', (library: Library) => library.tell(['delete', '/work'])],
    [
      'more places than are worth to be looked at',
      (library: Library) => {
        library.tell(...Array.from({ length: 2_001 }, (_, at) => ['update', `/work/${at}/f`] as const));
      },
    ],
  ])('ends with %s', async (_, happen) => {
    const asker = await watching();
    happen(asker.library);
    expect(asker.dirt()?.kind).toBe('doubt');
    expect(asker.answers.at(-1)?.isSpent).toBe(true);
  });

  test('is not waited for for ever when files are never told of', async () => {
    const asker = await watching();
    for (let left = 5; left > 0; left -= 1) expect(asker.ask()).toBeUndefined();
    expect(asker.ask()?.dirt).toMatchObject({ kind: 'refusal', reason: expect.stringContaining('does not tell') });
  });

  test('where it cannot watch is why, unless the workspace is gone', async () => {
    const refused = new Asker();
    refused.library.refusal = new Error('no room for another stream');
    await refused.loop.start();
    expect(refused.ask()?.dirt).toEqual({
      kind: 'refusal',
      reason: 'it cannot be watched: no room for another stream',
    });
    const gone = new Asker();
    gone.library.refusal = new Error('no such directory');
    gone.library.at = undefined;
    await gone.loop.start();
    expect(gone.ask()).toMatchObject({ dirt: { kind: 'doubt' }, isSpent: true });
  });
});
