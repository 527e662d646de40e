/** The programs that the build makes: one line each. */

export interface Entry {
  /** Name of the file in dist, without `.cjs`. */
  readonly name: string;
  readonly source: string;
  /** A command of the package: executable, with a first line that names its interpreter. */
  readonly command?: true;
  /** Runs for hours and may be killed, so it writes its code cache soon after the start instead of at the end. */
  readonly lasting?: true;
}

export const ENTRIES: readonly Entry[] = [
  { name: 'm', source: 'client/bin/m.ts', command: true },
  { name: 'mctl', source: 'client/bin/mctl.ts', command: true },
  { name: 'daemon', source: 'daemon/main.ts', lasting: true },
  { name: 'vault-worker', source: 'daemon/vault/worker.ts', lasting: true },
  { name: 'tools-worker', source: 'daemon/tools/worker.ts', lasting: true },
  { name: 'scout-worker', source: 'daemon/workspace/scan/scout-worker.ts', lasting: true },
  { name: 'watch-worker', source: 'daemon/workspace/watch/watch-worker.ts', lasting: true },
  { name: 'stream-worker', source: 'daemon/workspace/watch/stream/stream-worker.ts', lasting: true },
  { name: 'watch-helper', source: 'daemon/workspace/watch/stream/watch-helper.ts', lasting: true },
  { name: 'workspace-worker', source: 'daemon/workspace/thread/worker.ts', lasting: true },
  { name: 'keychain-helper', source: 'daemon/vault/keys/keychain-helper.ts' },
];

/** Directories whose files end up in the bundle. */
export const SOURCE_DIRECTORIES = ['protocol', 'client', 'daemon'] as const;

/** Files that decide how the bundle is made. */
export const RECIPE = [
  'scripts/entries.ts',
  'scripts/bundle.ts',
  'scripts/code-cache.ts',
  'scripts/git-library.ts',
  'scripts/publish.ts',
  'scripts/third-party-licenses.ts',
] as const;
