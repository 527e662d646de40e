/** What makes `npm ci` work everywhere and is lost without a sound when npm rewrites the lockfile. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';

const Versions = z.record(z.string(), z.string());
const Manifest = z.object({
  dependencies: Versions,
  devDependencies: Versions,
  optionalDependencies: z.optional(Versions),
  allowScripts: z.optional(z.record(z.string(), z.boolean())),
});
const LockedPackage = z.object({
  version: z.optional(z.string()),
  resolved: z.optional(z.string()),
  gypfile: z.optional(z.boolean()),
  hasInstallScript: z.optional(z.boolean()),
  link: z.optional(z.boolean()),
  integrity: z.optional(z.string()),
  optionalDependencies: z.optional(Versions),
});
const Lockfile = z.object({ packages: z.record(z.string(), LockedPackage) });

/**
 * Looks at package.json, package-lock.json and .npmrc.
 * @returns one sentence for each fault: what is wrong and how to mend it.
 */
export function lockfileFaults(root: string): string[] {
  const manifest = Manifest.parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')));
  const { packages } = Lockfile.parse(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')));
  const npmrc = readFileSync(join(root, '.npmrc'), 'utf8');
  return [
    ...pinFaults({ ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies }, packages),
    ...compilerFaults(packages),
    ...addressFaults(packages, npmrc),
    ...platformFaults(packages),
    ...scriptFaults(manifest.allowScripts, packages),
  ];
}

type Packages = z.infer<typeof Lockfile>['packages'];

/** With a range, npm on an older Node silently takes an older release that suits it. */
function pinFaults(wanted: Record<string, string>, packages: Packages): string[] {
  return Object.entries(wanted).flatMap(([name, range]) => {
    if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(range)) return [`${name} is asked for as "${range}": pin the exact version.`];
    const locked = packages[`node_modules/${name}`]?.version;
    return locked === range ? [] : [`${name} is ${range} in package.json and ${locked ?? 'absent'} in the lockfile.`];
  });
}

/** The package ships its binary, but npm compiles wherever it sees a binding.gyp, unless the lockfile denies it. */
function compilerFaults(packages: Packages): string[] {
  return packages['node_modules/better-sqlite3']?.gypfile === false
    ? []
    : ['better-sqlite3 would be compiled: add "gypfile": false to its entry in package-lock.json.'];
}

/** An address names the registry of whoever wrote the lockfile last. */
function addressFaults(packages: Packages, npmrc: string): string[] {
  const named = Object.keys(packages).filter((path) => packages[path]?.resolved !== undefined);
  const faults = named.map((path) => `${path} has a download address: remove "resolved" from its lockfile entry.`);
  if (!/^omit-lockfile-registry-resolved=true$/m.test(npmrc))
    faults.push('.npmrc lacks omit-lockfile-registry-resolved=true.');
  return faults;
}

/** A build for another platform that the registry lacked leaves an entry out, and `npm ci` fails there or everywhere. */
function platformFaults(packages: Packages): string[] {
  return Object.entries(packages).flatMap(([path, entry]) =>
    Object.keys(entry.optionalDependencies ?? {})
      .filter(
        (name) =>
          packages[`${path}/node_modules/${name}`] === undefined && packages[`node_modules/${name}`] === undefined,
      )
      .map((name) => `${name}, which ${path} names, is not in the lockfile: take a release whose builds all exist.`),
  );
}

/** npm runs or asks about every install script that is not decided here. */
function scriptFaults(allowed: Record<string, boolean> | undefined, packages: Packages): string[] {
  if (allowed?.['node'] !== true)
    return ['allowScripts in package.json must let "node" run: it brings the Node of the npm scripts.'];
  const undecided = Object.keys(packages)
    .filter((path) => packages[path]?.hasInstallScript === true)
    .map((path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length))
    .filter((name) => allowed[name] === undefined);
  if (allowed['better-sqlite3'] === undefined) undecided.push('better-sqlite3');
  return undecided.map((name) => `${name} has an install script: decide about it in allowScripts in package.json.`);
}

if (import.meta.main) {
  const faults = lockfileFaults(join(import.meta.dirname, '..'));
  for (const fault of faults) process.stderr.write(`${fault}\n`);
  process.exitCode = faults.length > 0 ? 1 : 0;
}
