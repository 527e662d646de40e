/** The published package: packed from a clean copy, installed into an empty prefix, it gives working commands. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { HelperProcess } from '../daemon/workspace/watch/stream/helper-process.ts';

const REPOSITORY = join(import.meta.dirname, '..');
const MINUTE_MS = 60_000;

/** What a clone has, without what was built or installed in it. */
const TRACKED =
  /^(client|daemon|protocol|scripts|docs|package(-lock)?\.json|\.npmrc|README\.md|CHANGELOG\.md|LICENSE)$/;

function run(command: string, arguments_: string[], cwd: string, environment: NodeJS.ProcessEnv): string {
  const result = spawnSync(command, arguments_, { cwd, env: environment, encoding: 'utf8', timeout: 3 * MINUTE_MS });
  if (result.status !== 0) {
    const reason = result.error?.message ?? `exit code ${result.status}`;
    throw new Error(`\`${command} ${arguments_.join(' ')}\`: ${reason}\n${result.stderr}${result.stdout}`);
  }
  return result.stdout;
}

/** The configuration of the npm that runs the tests says where packages come from; the home directory stays empty. */
function environmentOf(home: string): NodeJS.ProcessEnv {
  const cache = run('npm', ['config', 'get', 'cache'], REPOSITORY, process.env).trim();
  const userConfig = run('npm', ['config', 'get', 'userconfig'], REPOSITORY, process.env).trim();
  return {
    ...process.env,
    HOME: home,
    npm_config_cache: cache,
    npm_config_userconfig: userConfig,
    npm_config_prefer_offline: 'true',
    // The native packages come from npm's cache or from the registry; without either this fails, and soon.
    npm_config_fetch_retries: '1',
    npm_config_fetch_retry_mintimeout: '1000',
    npm_config_fetch_timeout: '30000',
  };
}

/** @returns what the installed process that watches says when it is asked. */
async function askHelper(script: string, root: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const helper: HelperProcess = new HelperProcess(
    script,
    { root, cookies: join(root, 'cookies') },
    {
      message: (message) => {
        if (message.kind === 'ready') helper.send({ kind: 'ask', question: 1, settled: 0 });
        else resolve(message.dirt.kind === 'dirt' ? 'dirt' : message.dirt.reason);
      },
      death: resolve,
    },
  );
  try {
    return await promise;
  } finally {
    await helper.end();
  }
}

test(
  'the packed package, installed globally, answers as m and mctl',
  async () => {
    const root = mkdtempSync(join(tmpdir(), 'm-pack-'));
    onTestFinished(() => rmSync(root, { recursive: true, force: true }));
    const [clone, home, prefix] = ['clone', 'home', 'prefix'].map((name) => join(root, name)) as [
      string,
      string,
      string,
    ];
    for (const directory of [clone, home, prefix]) mkdirSync(directory);
    for (const name of readdirSync(REPOSITORY).filter((found) => TRACKED.test(found))) {
      cpSync(join(REPOSITORY, name), join(clone, name), { recursive: true });
    }
    symlinkSync(join(REPOSITORY, 'node_modules'), join(clone, 'node_modules'));
    const environment = environmentOf(home);

    run('npm', ['pack', '--loglevel=error', '--pack-destination', root], clone, environment);
    const tarball = readdirSync(root).find((name) => name.endsWith('.tgz')) ?? 'none';
    run('npm', ['install', '--global', '--prefix', prefix, join(root, tarball)], root, environment);

    const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { version: string };
    const installed = join(prefix, 'lib', 'node_modules', 'm-sessions');
    for (const command of ['m', 'mctl']) {
      expect(run(join(prefix, 'bin', command), ['--version'], home, environment)).toContain(version);
    }
    const builds = readdirSync(join(installed, 'dist'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(builds).toHaveLength(1);
    expect(readdirSync(installed).filter((name) => /^(client|daemon|protocol|scripts|test)$/.test(name))).toEqual([]);
    expect(readdirSync(join(installed, 'node_modules')).sort()).toEqual([
      '@napi-rs',
      '@parcel',
      'better-sqlite3',
      'detect-libc',
      'is-extglob',
      'is-glob',
      'node-addon-api',
      'picomatch',
    ]);

    // What watches on macOS is there, and may be left out.
    const helper = join(installed, 'dist', builds[0]?.name ?? '', 'watch-helper.cjs');
    expect(await askHelper(helper, home)).toBe('the watches are new');
    rmSync(join(installed, 'node_modules', '@parcel'), { recursive: true });
    expect(await askHelper(helper, home)).toContain('@parcel/watcher is not installed');
    expect(run(join(prefix, 'bin', 'mctl'), ['--version'], home, environment)).toContain(version);
  },
  4 * MINUTE_MS,
);
