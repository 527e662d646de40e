/** Scans that go by the watches of macOS, on whatever their library uses here, in a process of their own. */
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { idOf, type GitObject, type ObjectSink } from '../../../daemon/workspace/objects/object.ts';
import { Scanner } from '../../../daemon/workspace/scan/scanner.ts';
import { watchKindOf } from '../../../daemon/workspace/watch/watch-kind.ts';
import { WatchedScanner } from '../../../daemon/workspace/watch/watched-scanner.ts';
import { tell } from '../support/children.ts';
import { DIST } from '../support/places.ts';

const READY_WITHIN = 60_000;
const AGE = 3 * 60_000;

/** Remembers what was captured, and keeps nothing. */
class Forgetting implements ObjectSink {
  readonly #known = new Set<string>();

  has(id: string): boolean {
    return this.#known.has(id);
  }

  write(kind: GitObject['kind'], body: Buffer): string {
    const id = idOf(kind, body);
    this.#known.add(id);
    return id;
  }
}

/** Answers each message with the milliseconds of a scan. @param args the workspace, and a directory to keep things in. */
export async function scan([root = '', directory = '']: readonly string[]): Promise<void> {
  const sink = new Forgetting();
  const kind = watchKindOf('darwin');
  if (kind === undefined) throw new Error('macOS has watches');
  const watched = new WatchedScanner({
    scanner: new Scanner({
      root,
      cacheFile: join(directory, 'cache'),
      key: undefined,
      places: { home: directory },
      // What was written lately is looked at in any case: it was not.
      clock: { now: () => Date.now() + AGE },
    }),
    root,
    cookies: join(directory, 'watch'),
    setting: 'on',
    kind: { ...kind, script: join(DIST, 'stream-worker.cjs'), silence: () => undefined },
  });
  const until = performance.now() + READY_WITHIN;
  while (watched.scan(sink, { aborted: false }).isWhole) {
    if (performance.now() > until) throw new Error(`it is not watched: ${watched.choice.reason}`);
    await setTimeout(100);
  }
  process.on('message', () => {
    const begin = performance.now();
    watched.scan(sink, { aborted: false });
    tell({ value: performance.now() - begin });
  });
  tell({ ready: true });
}
