/** Shows a long text through the person's pager: `$M_PAGER`, `$PAGER` or `less`, as git does it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Surroundings } from './surroundings.ts';

/** `less` ends by itself when all fits, shows colours and leaves the text on the screen. */
const LESS = 'FRX';
/** Whoever has chosen no pager is not told that there is none. */
const USUAL = 'command -v less > /dev/null 2>&1 || exit 127; exec less';
const NONE: ReadonlySet<string> = new Set(['', 'cat']);
/** What the shell ends with when there is no such program, or it cannot be run. */
const NOT_RUN: ReadonlySet<number | null> = new Set([126, 127]);
/** More than any pipe takes without a reader: when so much was taken, the pager runs. */
const PROVEN = 1 << 20;

/**
 * Resolves when the person has seen enough. Without a pager, or where the terminal cannot do what one needs, the text is
 * written as it comes.
 */
export async function pageThrough(around: Surroundings, texts: AsyncIterable<string>): Promise<void> {
  const command = pagerOf(around.environment);
  const rest = command === undefined ? texts : await throughPager(around, command, texts);
  if (rest !== undefined) await plainly(around, rest);
}

function pagerOf(environment: NodeJS.ProcessEnv): string | undefined {
  const command = (environment['M_PAGER'] ?? environment['PAGER'] ?? USUAL).trim();
  return NONE.has(command) || environment['TERM'] === 'dumb' ? undefined : command;
}

async function plainly({ stdout }: Surroundings, texts: AsyncIterable<string>): Promise<void> {
  for await (const text of texts) {
    stdout.write(text);
    await stdout.drained();
    if (stdout.gone.aborted) return;
  }
}

/** @returns what is to be written plainly, when there turned out to be no pager. */
async function throughPager(
  around: Surroundings,
  command: string,
  texts: AsyncIterable<string>,
): Promise<AsyncIterable<string> | undefined> {
  const iterator = texts[Symbol.asyncIterator]();
  // It knows the screen and reads keys from the terminal; only what it shows comes from here.
  const pager = spawn('/bin/sh', ['-c', command], {
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { LESS, ...around.environment },
  });
  const ended = endOf(pager);
  const undo = letThrough(around, pager);
  try {
    let given: string[] | undefined;
    try {
      given = await feed(pager, iterator, ended);
    } finally {
      // Whatever went wrong, the terminal is the pager's until it has ended.
      pager.stdin?.end();
      await ended;
    }
    const code = await ended;
    if (NOT_RUN.has(code) && given !== undefined) return again(given, iterator);
    await iterator.return?.();
    return undefined;
  } finally {
    for (const end of undo) end();
  }
}

/** Ctrl+C belongs to the pager; who ends this program ends the pager with it. */
function letThrough(around: Surroundings, pager: ChildProcess): (() => void)[] {
  const end = (): void => void pager.kill('SIGTERM');
  return [
    around.onSignal('SIGINT', () => {}),
    around.onSignal('SIGTERM', end),
    around.onSignal('SIGHUP', end),
    around.onExit(end),
  ];
}

/** The exit code; 127 when there is no shell either. */
async function endOf(pager: ChildProcess): Promise<number | null> {
  // It may end before it has read everything, which is what a person who has seen enough makes it do.
  pager.stdin?.on('error', () => {});
  try {
    const [code] = (await once(pager, 'close')) as [number | null];
    return code;
  } catch {
    return 127;
  }
}

/** @returns what was given so far, for as long as it is not certain that the pager runs; undefined afterwards. */
async function feed(
  pager: ChildProcess,
  iterator: AsyncIterator<string>,
  ended: Promise<unknown>,
): Promise<string[] | undefined> {
  let given: string[] | undefined = [];
  let size = 0;
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  for (;;) {
    const next = await iterator.next();
    if (next.done === true) return given;
    given?.push(next.value);
    size += next.value.length;
    if (isOver) return given;
    const isTaken = pager.stdin?.write(next.value) ?? true;
    if (!isTaken && pager.stdin !== null)
      await Promise.race([once(pager.stdin, 'drain').catch(() => undefined), ended]);
    if (isOver) return given;
    if (size > PROVEN) given = undefined;
  }
}

async function* again(given: readonly string[], iterator: AsyncIterator<string>): AsyncGenerator<string> {
  yield* given;
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
}
