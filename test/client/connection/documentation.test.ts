import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { Built } from './support/built-copy.ts';

const ROOT = join(import.meta.dirname, '../../..');
const run = promisify(execFile);

test.runIf(process.platform === 'linux')('the example of docs/CLIENT.md is sound and does what it says', async () => {
  const built = new Built();
  const [, example = ''] = /```ts\n(.*?)```/s.exec(readFileSync(join(ROOT, 'docs/CLIENT.md'), 'utf8')) ?? [];
  const file = join(built.place.directory, 'example.mts');
  writeFileSync(file, example.replaceAll("from '../", `from '${ROOT}/`));
  const project = join(built.place.directory, 'tsconfig.json');
  const options = { incremental: false, typeRoots: [join(ROOT, 'node_modules/@types')] };
  writeFileSync(
    project,
    JSON.stringify({ extends: join(ROOT, 'tsconfig.json'), compilerOptions: options, include: ['example.mts'] }),
  );
  const complaints = await run(process.execPath, [
    join(ROOT, 'node_modules/typescript/bin/tsc'),
    '--project',
    project,
  ]).then(
    () => '',
    (error: { stdout?: string }) => error.stdout,
  );
  expect(complaints).toBe('');

  await built.start();
  const { stdout, stderr } = await run(process.execPath, [file], {
    env: built.place.environment,
    cwd: built.place.directory,
    timeout: 30_000,
  });
  expect(stdout).toContain('hello');
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('completed');
  expect(stderr).toBe('');
});
