import { join } from 'node:path';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../../..');

async function modulesOf(entry: string): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    bundle: true,
    metafile: true,
    write: false,
    platform: 'node',
    format: 'esm',
  });
  return Object.keys(metafile.inputs);
}

test('a client takes the shapes of the protocol as types only: the schema library is not in it', async () => {
  const modules = await modulesOf('client/connection/client.ts');
  expect(modules).toContain('protocol/errors.ts');
  expect(modules.filter((name) => name.includes('node_modules/zod/'))).toEqual([]);
  expect(modules).not.toContain('protocol/methods.ts');
});

test('what a client needs before the greeting does not contain the JSON-RPC library', async () => {
  const modules = await modulesOf('client/connection/dial.ts');
  expect(modules.filter((name) => name.includes('node_modules/vscode-jsonrpc/'))).toEqual([]);
});
