/** Whether a workspace is watched between scans, and why: people read the reason in the status. */

/** `snapshots_watch` of the configuration. */
export type WatchSetting = 'auto' | 'on' | 'off';

export interface EngineChoice {
  readonly engine: 'scan' | 'watch';
  readonly reason: string;
}

/** What is known of a workspace when the choice is made. */
export interface Circumstances {
  readonly setting: WatchSetting;
  /** Files in the newest scan. */
  readonly files: number;
  readonly platform: NodeJS.Platform;
  /** Files up to which a scan takes about as long as an answer of the watches; undefined where there are none. */
  readonly scannedQuickly: number | undefined;
  /** Why changes may go untold here; undefined when none do. */
  readonly silence: string | undefined;
  /** Why watching has ended before; undefined when it has not. */
  readonly refusal: string | undefined;
  /** Whether it is watched now: a workspace about the limit must not change from one to the other and back. */
  readonly isWatched: boolean;
}

export function chooseEngine(circumstances: Circumstances): EngineChoice {
  const { setting, files, platform, scannedQuickly, silence, refusal, isWatched } = circumstances;
  if (setting === 'off') return { engine: 'scan', reason: 'snapshots_watch is off' };
  if (scannedQuickly === undefined) return { engine: 'scan', reason: `watching is not available on ${platform}` };
  if (setting === 'auto' && files <= (isWatched ? scannedQuickly / 2 : scannedQuickly)) {
    return { engine: 'scan', reason: `${files} files are scanned quickly` };
  }
  // These hold whatever a person has set: a watch that is not told would bring back the wrong files.
  if (silence !== undefined) return { engine: 'scan', reason: silence };
  if (refusal !== undefined) return { engine: 'scan', reason: refusal };
  return { engine: 'watch', reason: setting === 'on' ? 'snapshots_watch is on' : `${files} files take long to scan` };
}
