/** A small tree that the build accepts, with programs that say where and as what they run. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';

const REPOSITORY = join(import.meta.dirname, '..', '..');

const GUARD = `
const major = Number(process.versions.node.split('.')[0]);
if (major < 22) {
  process.stderr.write('too old\\n');
  process.exit(69);
} else {
  void import('../app.ts').then((app) => app.run());
}
`;

const SOURCES: Record<string, string> = {
  'client/bin/m.ts': GUARD,
  'client/bin/mctl.ts': GUARD,
  'client/app.ts': `
import { BUILD } from '../protocol/build.ts';
import * as nodeModule from 'node:module';
export async function run(): Promise<void> {
  if (process.argv[2] === 'heavy') await import('./heavy.ts');
  const loaded = 'heavy' in globalThis;
  process.stdout.write(JSON.stringify({ build: BUILD, dirname: import.meta.dirname, cache: nodeModule.getCompileCacheDir?.() ?? null, loaded, arguments: process.argv.slice(2) }));
}
`,
  'client/heavy.ts': `import { parse } from 'smol-toml';\nObject.assign(globalThis, parse('heavy = "loaded late"'));\n`,
  'protocol/build.ts': `export const BUILD = { id: __M_BUILD__, version: __M_VERSION__, builtAt: __M_BUILT_AT__ };\n`,
  'daemon/main.ts': `import { BUILD } from '../protocol/build.ts';\nimport Database from 'better-sqlite3';\nprocess.stdout.write(BUILD.id + typeof Database);\n`,
  'daemon/vault/worker.ts': `import { parentPort } from 'node:worker_threads';\nparentPort?.postMessage(import.meta.dirname);\n`,
  'daemon/tools/worker.ts': `import { parentPort } from 'node:worker_threads';\nparentPort?.postMessage(import.meta.dirname);\n`,
  'daemon/workspace/scan/scout-worker.ts': `import { parentPort } from 'node:worker_threads';\nparentPort?.postMessage(import.meta.dirname);\n`,
  'daemon/workspace/thread/worker.ts': `import { parentPort } from 'node:worker_threads';\nparentPort?.postMessage(import.meta.dirname);\n`,
  'daemon/workspace/watch/watch-worker.ts': `import { parentPort } from 'node:worker_threads';\nparentPort?.postMessage(import.meta.dirname);\n`,
  'daemon/workspace/watch/stream/stream-worker.ts': `import { parentPort } from 'node:worker_threads';\nparentPort?.postMessage(import.meta.dirname);\n`,
  'daemon/workspace/watch/stream/watch-helper.ts': `process.stdout.write('helper');\n`,
  'daemon/vault/keys/keychain-helper.ts': `process.stdout.write('helper');\n`,
};

/** @returns the root of a fresh tree, which is removed when the test ends. */
export function standInTree(): string {
  const root = mkdtempSync(join(tmpdir(), 'm-tree-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const name of ['scripts', 'package.json', 'package-lock.json', '.npmrc']) {
    cpSync(join(REPOSITORY, name), join(root, name), { recursive: true });
  }
  symlinkSync(join(REPOSITORY, 'node_modules'), join(root, 'node_modules'));
  for (const [name, text] of Object.entries(SOURCES)) writeSource(root, name, text);
  return root;
}

export function writeSource(root: string, name: string, text: string): void {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(join(root, name), text);
}
