/** A workspace that is scanned by the watches and by a scanner alone, and looked at by the test. */
import { join } from 'node:path';
import { expect } from 'vitest';
import type { ScanResult } from '../../../../../daemon/workspace/scan/scan-result.ts';
import { watchKindOf, type WatchKind } from '../../../../../daemon/workspace/watch/watch-kind.ts';
import { WatchedScanner, type WatchedScannerParts } from '../../../../../daemon/workspace/watch/watched-scanner.ts';
import { diskPicture, pictureOf, ScanBench } from '../../scan/support/scan-bench.ts';

const WATCH = join(import.meta.dirname, '../../../../../daemon/workspace/watch');

/** Milliseconds, of which a busy machine may need most to start a process. */
const SETTLED_WITHIN = 20_000;

/** Both ways to watch, from the sources; the one of macOS on whatever the library uses here. */
export const KINDS = {
  directories: { ...kindOf('linux'), script: join(WATCH, 'watch-worker.ts') },
  streams: { ...kindOf('darwin'), script: join(import.meta.dirname, 'stream-worker.ts'), silence: () => undefined },
} as const;

function kindOf(platform: 'linux' | 'darwin'): WatchKind {
  const kind = watchKindOf(platform);
  if (kind === undefined) throw new Error(`${platform} has watches`);
  return kind;
}

export type WatchBenchParts = Partial<WatchedScannerParts & Pick<WatchKind, 'script' | 'deadline'>>;

export class WatchBench {
  /** Of the scans that go by watches. Its own store, so that nothing is found there by chance. */
  readonly bench: ScanBench;
  /** Of a scanner alone, of the same directory. */
  readonly alone: ScanBench;
  readonly watched: WatchedScanner;
  /** Scans that went by the watches. */
  partial = 0;

  constructor(parent: string, { kind = KINDS.directories, script, deadline = 10_000, ...parts }: WatchBenchParts = {}) {
    this.bench = new ScanBench(parent);
    this.alone = new ScanBench(parent, this.bench);
    const { root, scanner } = this.bench;
    const cookies = join(this.bench.base, 'side', 'cookies');
    const changed = { ...kind, deadline, script: script ?? kind.script };
    this.watched = new WatchedScanner({ scanner, root, cookies, setting: 'on', kind: changed, ...parts });
  }

  get root(): string {
    return this.bench.root;
  }

  scan(options: { readonly relist?: boolean } = {}): ScanResult {
    this.bench.calls.length = 0;
    const result = this.watched.scan(this.bench.store, { aborted: false }, options);
    if (!result.isWhole) this.partial += 1;
    return result;
  }

  /** Scans until a scan goes by the watches and finds nothing new. */
  settle(): void {
    const pause = new Int32Array(new SharedArrayBuffer(4));
    const until = performance.now() + SETTLED_WITHIN;
    do {
      const { isWhole, changedDirectories } = this.scan();
      if (!isWhole && changedDirectories === 0) return;
      Atomics.wait(pause, 0, 0, 10);
    } while (performance.now() < until);
    throw new Error(`it is not watched: ${this.watched.choice.reason}; ${this.watched.due ?? 'nothing is due'}`);
  }

  /** Both engines find what is on the disk. */
  compare(what: string, options: { readonly relist?: boolean } = {}): ScanResult {
    const result = this.scan(options);
    expect(pictureOf(this.bench.store, result.tree), what).toEqual(diskPicture(this.root));
    expect(this.alone.scan().tree, what).toBe(result.tree);
    return result;
  }

  async dispose(): Promise<void> {
    await this.watched.close();
    this.bench.dispose();
    this.alone.dispose();
  }
}
