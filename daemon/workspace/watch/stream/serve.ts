/** The process that watches: takes questions from the thread that started it, and ends when that is gone. */
import type { Ask, Begin, HelperCall, HelperMessage } from './stream-calls.ts';
import { StreamLoop } from './stream-loop.ts';
import { streamSystem, type TreeWatcher } from './stream-system.ts';

/** @param load the library that watches. */
export function serve(load: () => Promise<TreeWatcher>): void {
  process.on('disconnect', leave);
  if (!process.connected) leave();
  let take: ((call: Ask) => void) | undefined;
  process.on('message', (call: HelperCall) => {
    if (call.kind === 'ask') take?.(call);
    else {
      void begin(call, load).then((begun) => {
        take = begun;
        tell({ kind: 'ready' });
      });
    }
  });
}

/** There is nothing to keep, and the library may crash when it is taken down in order. */
function leave(): void {
  process.kill(process.pid, 'SIGKILL');
}

async function begin(settings: Begin, load: () => Promise<TreeWatcher>): Promise<(call: Ask) => void> {
  try {
    const loop = new StreamLoop(streamSystem(settings, await load()), tell);
    await loop.start();
    return (call) => {
      loop.take(call);
    };
  } catch (error) {
    const dirt = { kind: 'refusal', reason: refusalOf(error) } as const;
    return ({ question }) => {
      tell({ kind: 'answer', question, dirt, isSpent: false });
    };
  }
}

function tell(message: HelperMessage): void {
  process.send?.(message);
}

function refusalOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND') {
    return 'the package @parcel/watcher is not installed; install m again with its optional packages';
  }
  const message = error instanceof Error ? error.message : 'unknown error';
  return `it cannot be watched: ${message.slice(0, 200)}`;
}
