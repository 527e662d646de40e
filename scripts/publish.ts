/**
 * Puts a finished bundle into dist while daemons and tests read it.
 *
 * Each build has a directory of its own that appears whole, by one rename; the programs in dist are stubs of two lines
 * that name it and are replaced one by one, by rename too. Nobody ever sees a missing program or two builds in one.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { BuildConstants, ModuleFile } from './bundle.ts';
import type { Entry } from './entries.ts';

/** A program that was started from an older build may still load parts of it. */
const KEEP_SUPERSEDED_MS = 15 * 60_000;

/** Name of the directory of one build inside dist. */
export function buildDirectory(constants: BuildConstants): string {
  return `${constants.id}-${constants.builtAt.toString(36)}`;
}

export function publish(
  root: string,
  entries: readonly Entry[],
  constants: BuildConstants,
  files: readonly ModuleFile[],
  licenses: string,
): void {
  const dist = join(root, 'dist');
  const directory = buildDirectory(constants);
  mkdirSync(dist, { recursive: true });
  const staging = mkdtempSync(join(root, '.dist-'));
  try {
    mkdirSync(join(staging, directory));
    for (const file of files) writeFileSync(join(staging, directory, file.name), file.text);
    renameSync(join(staging, directory), join(dist, directory));

    const place = (name: string, text: string, mode = 0o644): void => {
      writeFileSync(join(staging, name), text, { mode });
      renameSync(join(staging, name), join(dist, name));
    };
    place('THIRD-PARTY-LICENSES.txt', licenses);
    // The background programs come first: a new client must not start an old daemon.
    for (const entry of [...entries].reverse())
      place(`${entry.name}.cjs`, stub(entry, directory), entry.command ? 0o755 : 0o644);
    place('build.json', `${JSON.stringify(constants)}\n`);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/**
 * Removes the directories of builds that nothing has named for a while, and files that no entry makes any more.
 * @param current the directory that stays.
 * @param options.now remove all of them at once, as for a package.
 */
export function removeSuperseded(
  root: string,
  entries: readonly Entry[],
  current: string,
  options: { now: boolean },
): void {
  const dist = join(root, 'dist');
  const kept = new Set([
    current,
    'THIRD-PARTY-LICENSES.txt',
    'build.json',
    ...entries.map((entry) => `${entry.name}.cjs`),
  ]);
  for (const name of readdirSync(dist).filter((found) => !kept.has(found))) {
    const path = join(dist, name);
    if (options.now || Date.now() - statSync(path).mtimeMs > KEEP_SUPERSEDED_MS)
      rmSync(path, { recursive: true, force: true });
  }
}

/** Starts the grace period of the build that is about to be replaced. */
export function markSuperseded(root: string, directory: string): void {
  const path = join(root, 'dist', directory);
  const now = new Date();
  if (existsSync(path)) utimesSync(path, now, now);
}

function stub(entry: Entry, directory: string): string {
  const options = JSON.stringify({ build: directory, lasting: entry.lasting === true });
  return [
    ...(entry.command ? ['#!/usr/bin/env node'] : []),
    `require('./${directory}/code-cache.cjs').useCodeCache(${options});`,
    `require('./${directory}/${entry.name}.cjs');`,
    '',
  ].join('\n');
}
