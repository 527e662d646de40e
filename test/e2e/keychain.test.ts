import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');
const TOOLS = ['dbus-run-session', 'gnome-keyring-daemon', 'secret-tool'];
const DEADLINE_MS = 60_000;

let data: string;

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'm-'));
});

afterEach(() => {
  rmSync(data, { recursive: true, force: true });
});

function missingTools(): string[] {
  return TOOLS.filter((tool) => spawnSync('which', [tool]).status !== 0);
}

/** Runs a script of the shell with a Secret Service of its own. `$M` and `$MCTL` are the built programs. */
function withKeyring(script: string): { stdout: string; stderr: string; status: number | null } {
  const program = (name: string): string => `${process.execPath} ${join(ROOT, 'dist', `${name}.cjs`)}`;
  const environment = { ...process.env, M_DATA_DIR: data, M: program('m'), MCTL: program('mctl') };
  const { M_KEY_PROVIDER: _chosen, ...env } = environment as NodeJS.ProcessEnv;
  return spawnSync(join(ROOT, 'scripts', 'with-keyring.sh'), ['bash', '-ec', script], {
    env,
    encoding: 'utf8',
    timeout: DEADLINE_MS,
  });
}

describe('a store whose key is kept in the keychain', () => {
  test('keeps the key in a Secret Service and nowhere else, and reads it again after a restart', (context) => {
    const missing = missingTools();
    if (missing.length > 0) context.skip(`not installed: ${missing.join(', ')}`);
    const { stdout, stderr, status } = withKeyring(`
      $M run hello >/dev/null
      $MCTL keys status --json
      echo ---
      $MCTL daemon stop >/dev/null
      $MCTL sessions list --json
      echo ---
      secret-tool search --all service m 2>&1 | grep -c '^label'
      secret-tool search --all service m 2>/dev/null | sed -n 's/^secret = //p'
      $MCTL daemon stop >/dev/null
    `);
    expect(`${status} ${stderr}`).toMatch(/^0 /);
    const [keys = '', sessions = '', items = ''] = stdout.split('---\n');
    expect(JSON.parse(keys)).toMatchObject({ state: 'unlocked', provider: 'keychain', keyFile: null });
    expect(JSON.parse(sessions)).toMatchObject([{ title: 'hello', messages: 2 }]);
    expect(items).toMatch(/^1\nv1\.[0-9a-f]{8}\.[\w-]{43}\.[0-9a-f]{8}\n$/);
    expect(existsSync(join(data, 'key'))).toBe(false);
  });

  test('cannot be read, and is not replaced, when its item is gone', (context) => {
    const missing = missingTools();
    if (missing.length > 0) context.skip(`not installed: ${missing.join(', ')}`);
    const { stdout, stderr, status } = withKeyring(`
      $M run hello >/dev/null
      $MCTL daemon stop >/dev/null
      secret-tool clear service m
      code=0; $MCTL sessions list --json || code=$?
      echo "exit $code"
      echo "items $(secret-tool search --all service m 2>&1 | grep -c '^label' || true)"
      $MCTL daemon stop >/dev/null
    `);
    expect(`${status} ${stderr}`).toMatch(/^0 /);
    expect(stdout).toContain('"kind":"KEY_DENIED"');
    expect(stdout).toContain('exit 4');
    expect(stdout).toContain('items 0');
    expect(readdirSync(data)).not.toContain('key');
  });
});

describe('a machine without any keychain', () => {
  test('is told what to do, and no key is made', () => {
    const { HOME: _home, DBUS_SESSION_BUS_ADDRESS: _bus, ...rest } = process.env;
    const env = { ...rest, M_DATA_DIR: data, HOME: data, M_KEY_PROVIDER: '' };
    const run = (name: string, args: string[]) =>
      spawnSync(process.execPath, [join(ROOT, 'dist', `${name}.cjs`), ...args], {
        env,
        encoding: 'utf8',
        timeout: DEADLINE_MS,
      });
    const { stderr, status } = run('m', ['run', 'hello']);
    run('mctl', ['daemon', 'stop']);
    expect(status).toBe(4);
    expect(stderr).toContain('no keychain can be reached');
    expect(stderr).toContain('M_KEY_PROVIDER=keyfile');
    expect(readdirSync(data)).not.toContain('key');
  });
});
