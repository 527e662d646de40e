/** A workspace that is scanned by the watches and by a scanner alone, and looked at by the test. */
import { join } from 'node:path';
import { expect } from 'vitest';
import type { ScanResult } from '../../../../../daemon/workspace/scan/scan-result.ts';
import type { WatchedScannerParts } from '../../../../../daemon/workspace/watch/watched-scanner.ts';
import { WatchedScanner } from '../../../../../daemon/workspace/watch/watched-scanner.ts';
import { diskPicture, pictureOf, ScanBench } from '../../scan/support/scan-bench.ts';

export const WATCH_SCRIPT = join(import.meta.dirname, '../../../../../daemon/workspace/watch/watch-worker.ts');

export class WatchBench {
  /** Of the scans that go by watches. Its own store, so that nothing is found there by chance. */
  readonly bench: ScanBench;
  /** Of a scanner alone, of the same directory. */
  readonly alone: ScanBench;
  readonly watched: WatchedScanner;
  /** Scans that went by the watches. */
  partial = 0;

  constructor(parent: string, parts: Partial<WatchedScannerParts> = {}) {
    this.bench = new ScanBench(parent);
    this.alone = new ScanBench(parent, this.bench);
    const { root, scanner } = this.bench;
    const cookies = join(this.bench.base, 'side', 'cookies');
    const given = { scanner, root, cookies, setting: 'on', script: WATCH_SCRIPT, deadline: 10_000 } as const;
    this.watched = new WatchedScanner({ ...given, ...parts });
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
    for (let left = 10; left > 0; left -= 1) {
      const { isWhole, changedDirectories } = this.scan();
      if (!isWhole && changedDirectories === 0) return;
    }
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
