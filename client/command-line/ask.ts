/** Questions on a terminal. They go to stderr, so that stdout stays data. */
import { ProtocolError } from '../../protocol/errors.ts';
import { SecretLine } from './secret-line.ts';
import type { Surroundings } from './surroundings.ts';

const LINE_FEED = 0x0a;

/** Whether a person sees the question and can answer it. */
export function canAsk({ stdin, stderr }: Pick<Surroundings, 'stdin' | 'stderr'>): boolean {
  return stdin.isTTY === true && stderr.isTerminal;
}

/** One answer; empty at the end of input. */
export async function ask(around: Surroundings, question: string): Promise<string> {
  around.stderr.write(question);
  const typed: Buffer[] = [];
  await readUntil(around, (chunk) => {
    const end = chunk.indexOf(LINE_FEED);
    typed.push(end === -1 ? chunk : chunk.subarray(0, end));
    return end === -1 ? undefined : chunk.subarray(end + 1);
  });
  return Buffer.concat(typed).toString('utf8').replace(/\r$/, '');
}

/**
 * One answer that is not shown while it is typed, as UTF-8 bytes for the caller to overwrite.
 * @throws ProtocolError CANCELLED after Ctrl+C, and at the end of input.
 */
export async function askSecretly(around: Surroundings, question: string): Promise<Buffer> {
  const { stdin, stderr } = around;
  const line = new SecretLine();
  let end: string | undefined;
  stderr.write(question);
  stdin.setRawMode?.(true);
  try {
    await readUntil(around, (chunk) => {
      const ended = line.push(chunk);
      chunk.fill(0, 0, chunk.length - (ended?.rest.length ?? 0));
      end = ended?.end;
      return ended?.rest;
    });
  } finally {
    stdin.setRawMode?.(false);
    stderr.write('\n');
  }
  const typed = line.take();
  if (end === 'enter' || (end === undefined && typed.length > 0)) return typed;
  throw new ProtocolError('CANCELLED', 'nothing was changed');
}

/**
 * Reads until `take` returns what does not belong to the answer, which is left for the next reader, or until the end of
 * input. Other than an iterator it leaves the stream usable.
 */
async function readUntil({ stdin }: Surroundings, take: (chunk: Buffer) => Buffer | undefined): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onData = (chunk: Buffer | string): void => {
    const rest = take(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
    if (rest === undefined) return;
    stdin.off('data', onData);
    stdin.pause();
    if (rest.length > 0) stdin.unshift(Buffer.from(rest));
    resolve();
  };
  stdin.on('data', onData).on('end', resolve).on('error', reject);
  stdin.resume();
  try {
    await promise;
  } finally {
    stdin.off('data', onData).off('end', resolve).off('error', reject);
    stdin.pause();
  }
}
