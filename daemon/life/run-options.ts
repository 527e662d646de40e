/** What a daemon process is started with. */
import type { Worker } from 'node:worker_threads';
import type { Build } from '../../protocol/version.ts';
import type { BuildDaemon } from './daemon-context.ts';
import type { Timings } from './timings.ts';

export interface RunOptions {
  /** Absolute, symbolic links resolved. */
  readonly dataDir: string;
  readonly configPath: string;
  readonly logDir: string;
  /** Have a running daemon hand the data directory over. */
  readonly takeOver: boolean;
  /** Where `build.json` is; undefined for sources, which nobody replaces. */
  readonly programDirectory: string | undefined;
  readonly build: Build;
  readonly logLevel: string | undefined;
  /** Called as soon as the lock is held: the thread comes up while the socket is published and the rest loads. */
  readonly startVaultThread?: (dataDirectory: string) => Worker;
  readonly loadBuildDaemon: () => Promise<BuildDaemon>;
  readonly timings?: Partial<Timings>;
}
