/** Builds dist: `node scripts/build.ts [--prune]`. */
import { existsSync, readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as z from 'zod/mini';
import { bundle, contentId, type BuildConstants } from './bundle.ts';
import { ENTRIES, type Entry } from './entries.ts';
import { buildDirectory, markSuperseded, publish, removeSuperseded } from './publish.ts';
import { thirdPartyLicenses } from './third-party-licenses.ts';

const BuildRecord = z.object({ id: z.string(), version: z.string(), builtAt: z.number() });
const Manifest = z.object({ version: z.string() });

/**
 * Brings dist up to date. A build whose content has not changed is not written again and keeps its time.
 * @param options.prune remove superseded builds at once instead of after their grace period.
 */
export async function buildAll(root: string, options: { prune: boolean }): Promise<BuildConstants> {
  const started = new Date();
  const entries = presentEntries(root);
  const { version } = Manifest.parse(readJson(join(root, 'package.json')));
  const previous = previousBuild(root);
  const id = await contentId(root, entries, version);
  const constants = previous?.id === id ? previous : { id, version, builtAt: started.getTime() };
  const directory = buildDirectory(constants);
  if (!existsSync(join(root, 'dist', directory))) {
    const { files, metafile } = await bundle(root, entries, constants);
    if (previous) markSuperseded(root, buildDirectory(previous));
    publish(root, entries, constants, files, thirdPartyLicenses(root, metafile));
  }
  removeSuperseded(root, entries, directory, { now: options.prune });
  // The time says which sources the record covers: those that were there when the build began.
  utimesSync(join(root, 'dist', 'build.json'), started, started);
  return constants;
}

function presentEntries(root: string): Entry[] {
  return ENTRIES.filter((entry) => {
    const present = existsSync(join(root, entry.source));
    if (!present)
      process.stderr.write(`build: ${entry.source} does not exist, so there is no dist/${entry.name}.cjs\n`);
    return present;
  });
}

function previousBuild(root: string): BuildConstants | undefined {
  const record = join(root, 'dist', 'build.json');
  return existsSync(record) ? BuildRecord.parse(readJson(record)) : undefined;
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { prune: { type: 'boolean', default: false } } });
  const { id, version } = await buildAll(join(import.meta.dirname, '..'), values);
  process.stdout.write(`built m ${version}, build ${id}\n`);
}
