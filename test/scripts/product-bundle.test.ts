/** What the programs of the product load, and when: start-up time and memory are budgets, and a client holds no schemas. */
import { existsSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { Metafile } from 'esbuild';
import { bundle } from '../../scripts/bundle.ts';
import { ENTRIES } from '../../scripts/entries.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** Each takes longer to load than the rest of a program, or has no business outside of its home. */
const HEAVY = /^(zod|better-sqlite3|@napi-rs\/.*|pino|vscode-jsonrpc|@ai-sdk\/.*|isomorphic-git)$/;

let inputs: Metafile['inputs'];

beforeAll(async () => {
  const { metafile } = await bundle(ROOT, ENTRIES, { id: 'test', version: '0.0.0', builtAt: 0 });
  inputs = metafile.inputs;
});

/** Packages that a program loads: at its start, or ever. */
function packagesOf(program: string, when: 'at the start' | 'ever'): string[] {
  const packages = new Set<string>();
  const seen = new Set<string>();
  const visit = (path: string): void => {
    const input = inputs[path];
    if (input === undefined || seen.has(path)) return;
    seen.add(path);
    const found = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];
    if (found !== undefined) packages.add(found);
    for (const { path: next, kind, external } of input.imports) {
      if (external === true && !next.startsWith('node:') && !isBuiltin(next)) packages.add(next);
      else if (kind !== 'dynamic-import' || when === 'ever') visit(next);
    }
  };
  visit(ENTRIES.find((entry) => entry.name === program)?.source ?? '');
  expect(seen.size).toBeGreaterThan(0);
  return [...packages].sort();
}

test('every program of the table has a source', () => {
  expect(ENTRIES.filter((entry) => !existsSync(join(ROOT, entry.source)))).toEqual([]);
});

test.each(['m', 'mctl'])('%s checks the version before it loads any library', (program) => {
  expect(packagesOf(program, 'at the start')).toEqual([]);
});

test.each(['m', 'mctl'])('%s never loads schemas, a database, a keychain, a log or a model library', (program) => {
  const heavy = packagesOf(program, 'ever').filter((name) => HEAVY.test(name));
  expect(heavy).toEqual(['vscode-jsonrpc']);
});

test('the daemon opens its socket before it loads a heavy library', () => {
  expect(packagesOf('daemon', 'at the start').filter((name) => HEAVY.test(name))).toEqual([]);
});

test('the vault thread and the keychain helper load what they need and no more', () => {
  expect(packagesOf('vault-worker', 'ever').filter((name) => HEAVY.test(name))).toEqual(['better-sqlite3']);
  expect(packagesOf('keychain-helper', 'ever')).toEqual(['@napi-rs/keyring']);
});

test('the library that watches is loaded by the process that watches, and by nothing else', () => {
  expect(packagesOf('watch-helper', 'ever')).toEqual(['@parcel/watcher']);
  const others = ENTRIES.filter(({ name }) => name !== 'watch-helper');
  expect(others.filter(({ name }) => packagesOf(name, 'ever').includes('@parcel/watcher'))).toEqual([]);
});

test('the thread of a workspace loads isomorphic-git late, and of what that brings nothing that is not reached', () => {
  expect(packagesOf('workspace-worker', 'at the start').filter((name) => HEAVY.test(name))).toEqual([]);
  expect(packagesOf('workspace-worker', 'ever')).toEqual(['async-lock', 'isomorphic-git', 'pako', 'pify']);
  const isTheirs = (path: string): boolean => /node_modules\/(async-lock|isomorphic-git|pako|pify)\//.test(path);
  const builtIns = Object.entries(inputs)
    .filter(([path]) => isTheirs(path))
    .flatMap(([, { imports }]) => imports.map(({ path }) => path))
    .filter((path) => isBuiltin(path));
  // Nothing that reaches a network, a disk or a process.
  expect(builtIns).toEqual([]);
});
