/** Every dependency rule is broken once, in a small tree of its own, and must be seen; what is allowed must not be. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const REPOSITORY = join(import.meta.dirname, '..', '..');

/** rule → the file that breaks it and the line that does. */
const VIOLATIONS: Record<string, [file: string, line: string][]> = {
  'protocol-is-a-leaf': [
    ['protocol/reaches-daemon.ts', `import type { A } from '../daemon/domain/a.ts';`],
    ['protocol/reads-clock.ts', `import { hrtime } from 'node:process';`],
    ['protocol/takes-library.ts', `import { ulid } from 'ulid';`],
  ],
  'protocol-frames-in-one-file': [
    ['protocol/frames-too.ts', `import type { Message } from 'vscode-jsonrpc/node';`],
    ['protocol/names-socket.ts', `import type { Socket } from 'node:net';`],
  ],
  'protocol-opens-no-socket': [['protocol/framing.ts', `import { connect } from 'node:net';`]],
  'protocol-names-the-meeting-place-in-one-file': [
    ['protocol/hashes.ts', `import { createHash } from 'node:crypto';`],
    ['protocol/joins.ts', `import { join } from 'node:path';`],
  ],
  'clients-load-no-schemas': [
    ['client/connection/validates.ts', `import { A, type B } from '../../protocol/a.ts';`],
    ['client/chat/validates.ts', `import * as z from 'zod/mini';`],
  ],
  'zod-is-mini': [
    ['protocol/full-zod.ts', `import * as z from 'zod';`],
    ['daemon/config.ts', `import { z } from 'zod';`],
  ],
  'sides-do-not-meet': [
    ['client/connection/reads-daemon.ts', `import type { A } from '../../daemon/domain/a.ts';`],
    ['daemon/agent/reads-client.ts', `import { a } from '../../client/commands/a.ts';`],
  ],
  'frontends-do-not-meet': [
    ['client/chat/uses-run.ts', `import { a } from '../run/a.ts';`],
    ['client/mctl/uses-chat.ts', `import type { A } from '../chat/a.ts';`],
  ],
  'shared-client-code-knows-no-frontend': [['client/commands/uses-chat.ts', `import { a } from '../chat/a.ts';`]],
  'domain-is-pure': [
    ['daemon/domain/makes-keys.ts', `import { randomBytes } from 'node:crypto';`],
    ['daemon/domain/uses-service.ts', `import type { A } from '../services/a.ts';`],
    ['daemon/domain/makes-ids.ts', `import { ulid } from 'ulid';`],
  ],
  'services-see-ports': [
    ['daemon/services/uses-vault.ts', `import type { A } from '../vault/a.ts';`],
    ['daemon/services/uses-transport.ts', `import { a } from '../transport/a.ts';`],
    ['daemon/services/uses-log.ts', `import { a } from '../log.ts';`],
  ],
  'transport-calls-services': [
    ['daemon/transport/uses-vault.ts', `import type { A } from '../vault/a.ts';`],
    ['daemon/transport/uses-domain.ts', `import { a } from '../domain/a.ts';`],
  ],
  'workers-stay-below': [['daemon/vault/uses-agent.ts', `import type { A } from '../agent/a.ts';`]],
  'only-the-root-builds-everything': [['daemon/agent/uses-root.ts', `import type { A } from '../daemon.ts';`]],
  'disk-has-one-home': [
    ['daemon/agent/reads-disk.ts', `import { readFileSync } from 'node:fs';`],
    ['daemon/services/reads-disk.ts', `import { readFile } from 'fs/promises';`],
    ['daemon/daemon.ts', `export const late = () => import('node:fs/promises');`],
    ['client/chat/reads-disk.ts', `import { readFile } from 'node:fs/promises';`],
  ],
  'child-processes-have-one-home': [
    ['daemon/agent/spawns.ts', `import { spawn } from 'node:child_process';`],
    ['daemon/workspace/watch/spawns.ts', `import { spawn } from 'node:child_process';`],
    ['client/chat/spawns.ts', `import { spawn } from 'child_process';`],
  ],
  'sockets-have-one-home': [
    ['daemon/services/dials.ts', `import { connect } from 'node:net';`],
    ['client/mctl/dials.ts', `import * as net from 'node:net';`],
  ],
  'database-has-one-home': [
    ['daemon/services/opens-database.ts', `import type Database from 'better-sqlite3';`],
    ['daemon/life/opens-database.ts', `import Database from 'better-sqlite3';`],
  ],
  'keychain-has-one-home': [['daemon/agent/reads-keychain.ts', `import { Entry } from '@napi-rs/keyring';`]],
  'model-libraries-have-one-home': [['daemon/services/calls-model.ts', `import type { A } from '@ai-sdk/provider';`]],
  'git-library-has-one-home': [['daemon/workspace/objects/reads.ts', `import { readTree } from 'isomorphic-git';`]],
  'git-library-is-loaded-late': [['daemon/workspace/engine/early.ts', `import { a } from '../check/git-library.ts';`]],
  'no-cycles': [['daemon/agent/back.ts', `import type { B } from './there.ts';`]],
  'no-orphans': [['daemon/agent/orphan.ts', `export const alone = true;`]],
  'no-test-code-in-product': [
    ['daemon/agent/uses-test.ts', `import { a } from '../../test/support/a.ts';`],
    ['client/chat/uses-script.ts', `import { a } from '../../scripts/a.ts';`],
    ['client/chat/uses-vitest.ts', `import { test } from 'vitest';`],
  ],
  'no-unresolvable': [['daemon/agent/missing.ts', `import { a } from './nowhere.ts';`]],
};

/** Each is as close to a violation as a legal import comes. */
const ALLOWED: [file: string, line: string][] = [
  ['protocol/shapes.ts', `import * as z from 'zod/mini';`],
  ['protocol/endpoint.ts', `import { createHash } from 'node:crypto';\nimport { join } from 'node:path';`],
  ['daemon/domain/legal.ts', `import type { A } from '../../protocol/a.ts';\nimport { a } from './a.ts';`],
  ['daemon/services/legal.ts', `import { a } from '../domain/a.ts';\nimport { b } from './a.ts';`],
  ['daemon/transport/legal.ts', `import { connect } from 'node:net';\nimport { a } from '../services/a.ts';`],
  ['daemon/transport/errors.ts', `import { a } from '../domain/errors.ts';`],
  ['daemon/vault/legal.ts', `import Database from 'better-sqlite3';\nimport { Entry } from '@napi-rs/keyring';`],
  ['daemon/vault/disk.ts', `import { readFileSync } from 'node:fs';\nimport { spawn } from 'node:child_process';`],
  ['daemon/life/lock.ts', `import Database from 'better-sqlite3';`],
  ['daemon/agent/legal.ts', `import type { A } from '@ai-sdk/provider';`],
  ['daemon/services/types.ts', `import type { Stats } from 'node:fs';\nimport type { Socket } from 'node:net';`],
  ['daemon/log.ts', `import { writeSync } from 'node:fs';`],
  ['daemon/main.ts', `import { a } from './daemon.ts';`],
  ['daemon/workspace/engine/late.ts', `export const late = () => import('../check/git-library.ts');`],
  ['client/connection/legal.ts', `import { spawn } from 'node:child_process';\nimport { connect } from 'node:net';`],
  ['client/chat/legal.ts', `import { a } from '../commands/a.ts';\nimport type { A } from '../../protocol/a.ts';`],
  [
    'client/connection/shapes.ts',
    `import type { A } from '../../protocol/a.ts';\nimport { b } from '../../protocol/endpoint.ts';`,
  ],
  ['client/mctl/export.ts', `import { writeFile } from 'node:fs/promises';`],
];

/** What the planted lines import, so that every one of them resolves. */
const TARGETS =
  'protocol daemon/domain daemon/services daemon/vault daemon/transport daemon/agent client/commands client/chat client/run test/support scripts'
    .split(' ')
    .map((directory) => `${directory}/a.ts`);

const PACKAGES: Record<string, string[]> = {
  zod: ['index.js', 'mini/index.js'],
  'vscode-jsonrpc': ['index.js', 'node/index.js'],
  ulid: ['index.js'],
  vitest: ['index.js'],
  'better-sqlite3': ['index.js'],
  '@napi-rs/keyring': ['index.js'],
  '@ai-sdk/provider': ['index.js'],
  'isomorphic-git': ['index.js'],
};

interface Cruise {
  summary: {
    violations: { from: string; rule: { name: string } }[];
    ruleSetUsed: { forbidden: { name: string; comment: string }[] };
  };
}

let root: string;
let found: Set<string>;
let rules: Cruise['summary']['ruleSetUsed']['forbidden'];

function write(name: string, text: string): void {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(join(root, name), `${text}\n`);
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'm-deps-'));
  write('package.json', '{ "name": "planted", "type": "module" }');
  for (const [name, files] of Object.entries(PACKAGES)) {
    const entries = files.map((file) => [file === 'index.js' ? '.' : `./${dirname(file)}`, `./${file}`]);
    write(
      `node_modules/${name}/package.json`,
      JSON.stringify({ name, exports: Object.fromEntries(entries) as unknown }),
    );
    for (const file of files) write(`node_modules/${name}/${file}`, 'export const a = 1;');
  }
  // Each target imports something harmless, so that it is not an orphan.
  for (const target of TARGETS) write(target, `import { sep } from 'node:os';`);
  write('protocol/a.ts', `import * as z from 'zod/mini';`);
  write('daemon/workspace/check/git-library.ts', `import { readTree } from 'isomorphic-git';`);
  write('daemon/domain/a.ts', `import type { A } from '../../protocol/a.ts';`);
  write('daemon/domain/errors.ts', `import type { A } from '../../protocol/a.ts';`);
  // A cycle is reported once, for the first of its files.
  write('daemon/agent/there.ts', `import type { B } from './back.ts';`);
  for (const [file, line] of [...ALLOWED, ...Object.values(VIOLATIONS).flat()]) write(file, line);
  cpSync(join(REPOSITORY, '.dependency-cruiser.mjs'), join(root, '.dependency-cruiser.mjs'));

  const cruiser = join(REPOSITORY, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
  const directories = ['client', 'daemon', 'protocol', 'scripts', 'test'];
  const result = spawnSync(
    process.execPath,
    [cruiser, '--config', '.dependency-cruiser.mjs', '--output-type', 'json', ...directories],
    { cwd: root, encoding: 'utf8', timeout: 50_000 },
  );
  if (!result.stdout.startsWith('{')) throw new Error(`dependency-cruiser: ${result.stderr}`);
  const { summary } = JSON.parse(result.stdout) as Cruise;
  rules = summary.ruleSetUsed.forbidden;
  found = new Set(summary.violations.map((violation) => `${violation.rule.name}: ${violation.from}`));
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

test.each(Object.entries(VIOLATIONS))('%s is enforced', (rule, cases) => {
  for (const [file] of cases) expect(found).toContain(`${rule}: ${file}`);
});

test('every rule has a planted violation and says why it exists', () => {
  expect(Object.keys(VIOLATIONS).sort()).toEqual(rules.map((rule) => rule.name).sort());
  for (const rule of rules) expect(rule.comment.length, rule.name).toBeGreaterThan(20);
});

test('legal imports break no rule', () => {
  const files = new Set([...ALLOWED.map(([file]) => file), ...TARGETS]);
  expect([...found].filter((violation) => files.has(violation.split(': ')[1] ?? ''))).toEqual([]);
});
