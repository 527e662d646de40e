import { join } from 'node:path';
import { build, type BuildResult } from 'esbuild';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../../..');

function bundleOf(entry: string): Promise<BuildResult<{ metafile: true }>> {
  return build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    bundle: true,
    metafile: true,
    write: false,
    platform: 'node',
    format: 'esm',
  });
}

test('a client takes the shapes of the protocol as types only: the schema library is not in it', async () => {
  const modules = Object.keys((await bundleOf('client/connection/client.ts')).metafile.inputs);
  expect(modules).toContain('protocol/errors.ts');
  expect(modules.filter((name) => name.includes('node_modules/zod/'))).toEqual([]);
  expect(modules).not.toContain('protocol/methods.ts');
});

test('until the greeting is under way only what it needs is loaded', async () => {
  const early = await loadedAtOnce('client/connection/client.ts');
  expect(early).toContain('client/connection/dial.ts');
  expect(early.filter((name) => name.includes('node_modules/vscode-jsonrpc/'))).toEqual([]);
  expect(early).not.toContain('client/connection/daemon-process.ts');
});

/** What a module brings with it, late imports left out. */
async function loadedAtOnce(entry: string): Promise<string[]> {
  const { metafile } = await bundleOf(entry);
  const found = new Set<string>();
  const visit = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    for (const { path, kind, external } of metafile.inputs[name]?.imports ?? []) {
      if (kind !== 'dynamic-import' && external !== true) visit(path);
    }
  };
  visit(entry);
  return [...found];
}
