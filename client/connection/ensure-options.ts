/** What it takes to reach a daemon, and how far one may go for it. */
import type { InitializeParams } from '../../protocol/admin.ts';
import type { Locations } from './locations.ts';

export interface EnsureOptions {
  readonly locations: Locations;
  readonly hello: InitializeParams;
  readonly environment: NodeJS.ProcessEnv;
  /** The daemon's program. */
  readonly script: string;
  /** False: neither start nor replace one. */
  readonly startDaemon: boolean;
  /** Replace a busy daemon of an older build without waiting. */
  readonly now: boolean;
  readonly onProgress: (sentence: string) => void;
  readonly signal?: AbortSignal | undefined;
}
