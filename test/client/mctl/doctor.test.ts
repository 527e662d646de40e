import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { lockHolder } from '../../../client/connection/lock-holder.ts';
import { prepareDirectories } from '../../../client/connection/locations.ts';
import { MctlContext } from '../../../client/mctl/context.ts';
import { checkDaemon } from '../../../client/mctl/doctor/daemon.ts';
import { checkDirectories } from '../../../client/mctl/doctor/directories.ts';
import { checkDisk } from '../../../client/mctl/doctor/disk.ts';
import type { Check, Finding, Patient } from '../../../client/mctl/doctor/finding.ts';
import { checkKey } from '../../../client/mctl/doctor/key.ts';
import { checkLogs } from '../../../client/mctl/doctor/logs.ts';
import { checkProcess } from '../../../client/mctl/doctor/process.ts';
import { checkSnapshots } from '../../../client/mctl/doctor/snapshots.ts';
import { checkSocket } from '../../../client/mctl/doctor/socket.ts';
import { checkStarts } from '../../../client/mctl/doctor/starts.ts';
import { checkStore } from '../../../client/mctl/doctor/store.ts';
import type { System } from '../../../client/mctl/doctor/system.ts';
import type { DaemonStatus } from '../../../protocol/admin.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';
import { fakeSurroundings } from '../../support/fake-surroundings.ts';
import { scratch } from '../connection/support/scratch.ts';

const isRoot = process.geteuid?.() === 0;
const GB = 1024 ** 3;

const WELL: System = {
  platform: 'linux',
  statfs: () => ({ type: 0xef53, freeBytes: 100 * GB, freeFiles: 1_000_000 }),
  process: () => ({ program: '/usr/bin/node', isProgramGone: false, openFiles: 30, mayOpen: 1024 }),
};

interface Sick extends Patient {
  readonly fake: FakeDaemon;
  readonly data: string;
}

/** A data directory with everything in its place, and what the checks ask. */
function patient(changes: Partial<Patient> & { environment?: NodeJS.ProcessEnv; name?: string } = {}): Sick {
  const { locations } = scratch(changes.name ?? 'd');
  prepareDirectories(locations);
  const store = join(locations.dataDirectory, 'store');
  mkdirSync(store, { mode: 0o700 });
  writeFileSync(join(store, 'm.db'), 'SQLite format 3\0', { mode: 0o600 });
  const fake = new FakeDaemon();
  const { around } = fakeSurroundings(fake, { environment: changes.environment ?? {} });
  const context = new MctlContext(around, false);
  return {
    context,
    locations,
    system: WELL,
    daemon: undefined,
    silence: undefined,
    ...changes,
    fake,
    data: locations.dataDirectory,
  };
}

const ANSWERS = new FakeDaemon();

/** What a daemon that does well says of itself. */
async function healthy(changes: Partial<DaemonStatus> = {}): Promise<DaemonStatus> {
  return { ...(await ANSWERS.connect().call('daemon/status', {})), build: 'source', ...changes };
}

async function broken(check: Check, sick: Patient): Promise<Finding[]> {
  return (await check(sick)).filter(({ state }) => state === 'broken');
}

async function expectBroken(check: Check, sick: Patient, message: RegExp, fix: RegExp): Promise<void> {
  const findings = await broken(check, sick);
  expect(findings.map((finding) => finding.message).join('\n')).toMatch(message);
  expect(findings.map((finding) => finding.fix).join('\n')).toMatch(fix);
  // What doctor does not explain, nobody does.
  for (const finding of findings) expect(finding.fix).not.toBe('');
}

test('nothing is broken where everything is in its place', async () => {
  const well = patient({ daemon: await healthy() });
  well.fake.lock.status = { ...well.fake.lock.status, provider: 'keychain', keyFile: null };
  for (const check of [
    checkDaemon,
    checkDirectories,
    checkDisk,
    checkKey,
    checkLogs,
    checkProcess,
    checkSocket,
    checkStarts,
    checkStore,
  ])
    expect(await broken(check, well)).toEqual([]);
});

describe('directories', () => {
  test('that are open to others, links or files are named with their remedy', async () => {
    const sick = patient();
    const run = join(sick.data, 'run');
    chmodSync(run, 0o755);
    await expectBroken(checkDirectories, sick, /run is open to other users \(mode 0755\)/, /chmod 700 '.*run'/);
    rmSync(run, { recursive: true });
    symlinkSync('/tmp', run);
    await expectBroken(checkDirectories, sick, /run is a symbolic link/, /rm '.*run'/);
    rmSync(run);
    writeFileSync(run, '');
    await expectBroken(checkDirectories, sick, /run is a file/, /rm '.*run'/);
  });

  test('a data directory that others can read is only in order while nothing is in it', async () => {
    const sick = patient();
    chmodSync(sick.data, 0o755);
    await expectBroken(checkDirectories, sick, /open to other users \(mode 0755\)/, /chmod 700/);
    for (const name of ['run', 'logs', 'store']) rmSync(join(sick.data, name), { recursive: true });
    expect(await broken(checkDirectories, sick)).toEqual([]);
    chmodSync(sick.data, 0o777);
    await expectBroken(checkDirectories, sick, /open to other users \(mode 0777\)/, /chmod 700/);
  });

  test('a database that others can read is named', async () => {
    const sick = patient();
    chmodSync(join(sick.data, 'store', 'm.db'), 0o640);
    await expectBroken(checkDirectories, sick, /others can read .*m\.db/, /chmod 600 '.*m\.db'/);
  });

  test.skipIf(!isRoot)('of another user, and files that sudo has left, are named with who owns them', async () => {
    const sick = patient();
    writeFileSync(join(sick.data, 'run', 'left'), '');
    chownSync(join(sick.data, 'run', 'left'), 65_534, 65_534);
    await expectBroken(checkDirectories, sick, /1 file of user 65534: .*run\/left/, /sudo chown -R 0 '/);
    chownSync(sick.data, 65_534, 65_534);
    await expectBroken(checkDirectories, sick, /belongs to user 65534, and this is user 0/, /as that user/);
  });
});

describe('the disk', () => {
  const on = (facts: Partial<ReturnType<System['statfs']>>): Patient =>
    patient({ system: { ...WELL, statfs: () => ({ ...WELL.statfs(''), ...facts }) } });

  test.each([
    [0x6969, 'NFS'],
    [0x517b, 'SMB'],
    [0xff534d42, 'CIFS'],
    [0xfe534d42, 'SMB 2'],
    [0x01021997, '9P'],
    [0x00c36400, 'Ceph'],
  ])('of type %x is a network: %s', async (type, name) => {
    await expectBroken(checkDisk, on({ type }), new RegExp(`is on ${name},`), /M_DATA_DIR/);
  });

  test('behind FUSE may be a network', async () => {
    expect(await checkDisk(on({ type: 0x65735546 }))).toContainEqual(expect.objectContaining({ state: 'note' }));
  });

  test('of any type is local to a Mac, whose types mean something else', async () => {
    const mac = patient({
      system: { ...WELL, platform: 'darwin', statfs: () => ({ ...WELL.statfs(''), type: 0x6969 }) },
    });
    expect(await broken(checkDisk, mac)).toEqual([]);
  });

  test('without room for bytes, or for files, is named', async () => {
    await expectBroken(checkDisk, on({ freeBytes: 3 * 1024 * 1024 }), /^3 MB free/, /Make room/);
    await expectBroken(checkDisk, on({ freeFiles: 7 }), /^7 more files/, /Make room/);
    expect(await checkDisk(on({ freeBytes: GB / 2 }))).toContainEqual(
      expect.objectContaining({ check: 'disk space', state: 'note' }),
    );
    expect(await broken(checkDisk, on({ freeFiles: undefined }))).toEqual([]);
  });

  test.skipIf(!isRoot)('that is mounted read-only, or nearly full, is named', async (context) => {
    const sick = patient();
    const mount = (options: string): boolean =>
      spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'm-test', sick.data]).status === 0;
    if (!mount('size=2m,mode=0700')) context.skip('nothing can be mounted here');
    onTestFinished(() => void spawnSync('umount', [sick.data]));
    const { thisSystem } = await import('../../../client/mctl/doctor/system.ts');
    await expectBroken(checkDisk, { ...sick, system: thisSystem }, /^2 MB free/, /Make room/);
    prepareDirectories(sick.locations);
    execFileSync('mount', ['-o', 'remount,ro', sick.data]);
    await expectBroken(checkDisk, sick, /mounted read-only/, /Mount it for writing/);
    // Nobody waits for a daemon that cannot come up.
    expect(() => {
      prepareDirectories(sick.locations);
    }).toThrow(expect.objectContaining({ message: expect.stringContaining('is mounted read-only') }));
  });
});

describe('the socket and the lock', () => {
  test('a socket that nobody listens on is left over', async () => {
    const sick = patient();
    const path = sick.locations.endpoint.socketPath;
    const name = join(sick.data, 'run', 'other');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(name, resolve));
    const { renameSync } = await import('node:fs');
    renameSync(name, path);
    await new Promise((resolve) => server.close(resolve));
    chmodSync(path, 0o600);
    expect(await checkSocket(sick)).toEqual([
      expect.objectContaining({ state: 'note', message: expect.stringContaining('is left over') }),
    ]);
    chmodSync(path, 0o666);
    await expectBroken(checkSocket, sick, /has mode 0666/, /chmod 600/);
    rmSync(path);
    writeFileSync(path, '');
    await expectBroken(checkSocket, sick, /is not a socket/, /rm '/);
  });

  test('a data directory with a long path has its socket elsewhere', async () => {
    const [finding] = await checkSocket(patient({ name: 'x'.repeat(120) }));
    expect(finding).toMatchObject({
      state: 'note',
      message: expect.stringMatching(/too long for a socket.*\/tmp\/m-/),
    });
  });

  test.skipIf(!existsSync('/proc/locks'))('whoever holds the lock and is no daemon of m is named', async () => {
    const sick = patient();
    const lock = sick.locations.endpoint.lockPath;
    const database = new Database(lock);
    database.exec('BEGIN EXCLUSIVE');
    onTestFinished(() => void database.close());
    expect(lockHolder(lock)).toBe(process.pid);
    const message = new RegExp(`process ${process.pid}, which is no daemon of m, holds the lock`);
    await expectBroken(checkSocket, sick, message, /End that process/);
    expect(await broken(checkSocket, { ...sick, daemon: await healthy({ pid: process.pid }) })).toEqual([]);
    database.exec('COMMIT');
    expect(lockHolder(lock)).toBeUndefined();
  });

  test('the lines of the kernel are read by device and inode, and a holder without a number is elsewhere', () => {
    const { locations } = patient();
    writeFileSync(locations.endpoint.lockPath, '');
    const { dev, ino } = statSync(locations.endpoint.lockPath, { bigint: true });
    const device = (value: bigint): string => value.toString(16).padStart(2, '0');
    const major = device((dev >> 8n) & 0xfffn);
    const minor = device((dev & 0xffn) | ((dev >> 12n) & ~0xffn));
    const line = (pid: number, inode: bigint, kind = 'WRITE'): string =>
      `1: POSIX  ADVISORY  ${kind} ${pid} ${major}:${minor}:${inode} 1073741824 1073742335\n`;
    const holder = (text: string): number | undefined => lockHolder(locations.endpoint.lockPath, () => text);
    expect(holder(line(7, ino + 1n) + line(8, ino))).toBe(8);
    expect(holder(line(7, ino, 'READ '))).toBeUndefined();
    expect(holder(line(0, ino))).toBe(0);
    expect(holder('nonsense\n1: POSIX\n')).toBeUndefined();
    expect(lockHolder(join(locations.dataDirectory, 'nothing'), () => '')).toBeUndefined();
  });
});

describe('the daemon', () => {
  test('of another build is replaced when it has nothing to do', async () => {
    expect(await checkDaemon(patient({ daemon: await healthy({ build: 'other' }) }))).toContainEqual(
      expect.objectContaining({ check: 'build', state: 'note', fix: expect.stringContaining('mctl daemon restart') }),
    );
  });

  test('that cannot save says why', async () => {
    const daemon = await healthy({ storage: { state: 'unsaved', reason: 'the disk is full' } });
    await expectBroken(checkDaemon, patient({ daemon }), /^NOT SAVED: the disk is full$/, /tries again/);
  });

  test('whose start was refused says why, as long as that is news', async () => {
    const sick = patient();
    const record = (at: number): void => {
      const text = {
        at,
        pid: 1,
        kind: 'DAEMON_UNAVAILABLE',
        message: 'it has crashed 3 times',
        hint: 'crash.log says where',
      };
      writeFileSync(join(sick.data, 'run', 'start-failure.json'), JSON.stringify(text));
    };
    record(Date.now() - 1_000);
    await expectBroken(checkDaemon, sick, /the last start failed: it has crashed 3 times/, /crash\.log/);
    record(Date.now() - 48 * 3600_000);
    expect(await broken(checkDaemon, sick)).toEqual([]);
    // Nor is it news when one has served since, and was stopped.
    const at = Date.now() - 60_000;
    record(at);
    const starts = (outcome: string, offset: number): void => {
      const start = { at: at + offset, pid: 2, outcome };
      writeFileSync(join(sick.data, 'run', 'starts.json'), JSON.stringify({ starts: [start] }));
    };
    starts('ended', 1_000);
    expect(await broken(checkDaemon, sick)).toEqual([]);
    starts('died', 1_000);
    expect(await broken(checkDaemon, sick)).toHaveLength(1);
    starts('ended', -1_000);
    expect(await broken(checkDaemon, sick)).toHaveLength(1);
  });

  test('that has crashed is mentioned for a day', async () => {
    const sick = patient();
    const starts = (at: number, outcome: string): void => {
      writeFileSync(join(sick.data, 'run', 'starts.json'), JSON.stringify({ starts: [{ at, pid: 1, outcome }] }));
    };
    starts(Date.now() - 60_000, 'exception');
    expect(await checkStarts(sick)).toEqual([
      expect.objectContaining({ message: expect.stringMatching(/^1 daemon crashed/) }),
    ]);
    starts(Date.now() - 60_000, 'ended');
    expect(await checkStarts(sick)).toEqual([]);
    starts(Date.now() - 48 * 3600_000, 'exception');
    expect(await checkStarts(sick)).toEqual([]);
    writeFileSync(join(sick.data, 'run', 'starts.json'), 'half a re');
    expect(await checkStarts(sick)).toEqual([]);
  });

  test('whose Node is gone, or which may open few files, is named', async () => {
    const facts = { program: '/gone/node', isProgramGone: true, openFiles: 250, mayOpen: 256 };
    const sick = patient({ daemon: await healthy(), system: { ...WELL, process: () => facts } });
    await expectBroken(
      checkProcess,
      sick,
      /the Node that the daemon runs is gone from the disk: \/gone\/node/,
      /restart/,
    );
    await expectBroken(checkProcess, sick, /250 of 256 files open/, /ulimit -n/);
    const few = patient({
      daemon: await healthy(),
      system: { ...WELL, process: () => ({ ...facts, isProgramGone: false, openFiles: 9, mayOpen: 64 }) },
    });
    expect(await checkProcess(few)).toEqual([expect.objectContaining({ state: 'note' })]);
  });
});

describe('the store, without a daemon,', () => {
  test('that is gone while its log or its key file is not is named', async () => {
    const sick = patient();
    expect(await checkStore(sick)).toEqual([]);
    const file = join(sick.data, 'store', 'm.db');
    rmSync(file);
    expect(await broken(checkStore, sick)).toEqual([]);
    writeFileSync(join(sick.data, 'key'), 'v1', { mode: 0o600 });
    await expectBroken(checkStore, sick, /m\.db is gone or empty, but its key file .*key is not/, /from a backup/);
    writeFileSync(`${file}-wal`, 'log', { mode: 0o600 });
    await expectBroken(checkStore, sick, /m\.db is gone or empty, but its write-ahead log is not/, /from a backup/);
  });

  test('that does not begin like a database is named', async () => {
    const sick = patient();
    writeFileSync(join(sick.data, 'store', 'm.db'), 'x'.repeat(4096), { mode: 0o600 });
    await expectBroken(checkStore, sick, /m\.db does not begin like a database/, /from a backup/);
  });

  test('whose key file this environment asks for and nobody finds is named', async () => {
    const sick = patient({ environment: { M_KEY_PROVIDER: 'keyfile' } });
    await expectBroken(checkKey, sick, /key is missing/, /from a copy/);
    rmSync(join(sick.data, 'store', 'm.db'));
    expect(await broken(checkKey, sick)).toEqual([]);
  });
});

describe('the key', () => {
  test('file that is gone, open to others, a link or of another user is named', async () => {
    const sick = patient({ daemon: await healthy() });
    const file = join(sick.data, 'key');
    sick.fake.lock.status = { ...sick.fake.lock.status, keyFile: file };
    await expectBroken(checkKey, sick, /key is missing/, /from a copy/);
    writeFileSync(file, 'v1', { mode: 0o600 });
    await expectBroken(checkKey, { ...sick, daemon: undefined }, /key holds no key of m/, /from a copy/);
    writeFileSync(file, `v1.0123abcd.${'k'.repeat(43)}.0123abcd\n`, { mode: 0o600 });
    expect(await broken(checkKey, sick)).toEqual([]);
    chmodSync(file, 0o644);
    await expectBroken(checkKey, sick, /others can read .*key/, /chmod 600/);
    // Also without a daemon to ask.
    await expectBroken(checkKey, { ...sick, daemon: undefined }, /others can read .*key/, /chmod 600/);
    rmSync(file);
    symlinkSync('/dev/null', file);
    await expectBroken(checkKey, sick, /is not a regular file/, /from a copy/);
  });

  test('keeper that M_KEY_PROVIDER names has to be one, also without a daemon to ask', async () => {
    const sick = patient();
    sick.context.around.environment['M_KEY_PROVIDER'] = 'keyfil';
    await expectBroken(checkKey, sick, /M_KEY_PROVIDER is "keyfil"/, /Use one of keychain, keyfile/);
  });

  test('of a daemon that does not answer is not said to have no daemon', async () => {
    const [key] = await checkKey(patient({ silence: new Error('silent') }));
    expect(key).toEqual({
      check: 'key',
      state: 'note',
      message: expect.stringContaining('does not answer'),
      fix: '',
      unseen: true,
    });
  });

  test.each(['locked', 'denied'] as const)('that is %s is told with its remedy', async (state) => {
    const sick = patient({ daemon: await healthy() });
    const status = { ...sick.fake.lock.status, provider: 'keychain' as const, keyFile: null };
    sick.fake.lock.status = { ...status, state, reason: `the keychain is ${state}`, hint: 'Try again.' };
    await expectBroken(checkKey, sick, new RegExp(`the keychain is ${state}`), /Try again/);
  });

  test('of a store that does not exist is nothing to mend, and is not made', async () => {
    const sick = patient({ daemon: await healthy() });
    sick.fake.lock.beNew(['keyfile', 'passphrase']);
    expect(await broken(checkKey, sick)).toEqual([]);
    expect(sick.fake.calls.map(({ method }) => method)).toEqual(['key/status']);
  });

  test('behind a passphrase whose file cannot be used says so', async () => {
    const sick = patient({ environment: { M_PASSPHRASE_FILE: '/nowhere/at/all' } });
    await expectBroken(checkKey, sick, /passphrase file \/nowhere\/at\/all does not exist/, /M_PASSPHRASE_FILE/);
  });

  test('in a keychain needs the message bus of the desktop session', async () => {
    const sick = patient({ daemon: await healthy() });
    sick.fake.lock.status = { ...sick.fake.lock.status, provider: 'keychain', keyFile: null };
    const notes = async (environment: NodeJS.ProcessEnv): Promise<Finding[]> => {
      const { around } = fakeSurroundings(sick.fake, { environment });
      const findings = await checkKey({ ...sick, context: new MctlContext(around, false) });
      return findings.filter(({ check }) => check === 'message bus');
    };
    expect(await notes({})).toEqual([expect.objectContaining({ fix: expect.stringContaining('mctl keys move') })]);
    expect(await notes({ DBUS_SESSION_BUS_ADDRESS: 'unix:path=/x' })).toEqual([]);
  });
});

describe('the log', () => {
  test('shows its newest errors', async () => {
    const sick = patient();
    const line = (level: number, msg: string): string => `${JSON.stringify({ level, time: 1, msg })}\n`;
    writeFileSync(join(sick.locations.logDirectory, 'daemon.log'), line(30, 'fine') + line(50, 'self check failed'));
    const findings = await checkLogs(sick);
    expect(findings[0]).toMatchObject({ state: 'note', message: '1 error in the newest 2 lines' });
    expect(findings[1]?.message).toContain('self check failed');
  });

  test.skipIf(isRoot)('that cannot be written is named', async () => {
    const sick = patient();
    chmodSync(sick.locations.logDirectory, 0o500);
    await expectBroken(checkLogs, sick, /nothing can be logged/, /chmod 700/);
  });
});

test('no check changes anything', async () => {
  const sick = patient({ daemon: await healthy() });
  const before = execFileSync('find', [sick.data, '-printf', '%p %m %T@ %s\n'], { encoding: 'utf8' });
  for (const check of [
    checkDaemon,
    checkDirectories,
    checkDisk,
    checkKey,
    checkLogs,
    checkProcess,
    checkSocket,
    checkStarts,
    checkStore,
  ])
    await check(sick);
  expect(execFileSync('find', [sick.data, '-printf', '%p %m %T@ %s\n'], { encoding: 'utf8' })).toBe(before);
  expect(readFileSync(join(sick.data, 'store', 'm.db'), 'utf8')).toBe('SQLite format 3\0');
});

describe('snapshots', () => {
  const usage = {
    storedBytes: 5000,
    snapshotBytes: 4000,
    maxStoredBytes: 1e9,
    maxAgeDays: 7,
    prunedAt: null,
    announcedFor: null,
    workspaces: [],
  };

  /** With 5000 bytes of snapshots. */
  async function filled(changes: object, status: Partial<DaemonStatus> | undefined = {}): Promise<Sick> {
    const some = patient({ daemon: status === undefined ? undefined : await healthy(status) });
    const directory = join(some.data, 'workspaces', 'ab');
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'x.pack'), Buffer.alloc(5000));
    some.fake.overrides['snapshot/usage'] = () => ({ ...usage, ...changes });
    return some;
  }
  const messages = async (sick: Patient) =>
    (await checkSnapshots(sick)).map(({ state, message }) => `${state}: ${message}`);

  test('are measured with a daemon and without one', async () => {
    expect(await checkSnapshots(patient())).toEqual([]);
    expect(await messages({ ...(await filled({})), daemon: undefined })).toEqual(['ok: 5.0 kB stored']);
    expect(await messages(await filled({}, { keyState: 'locked' }))).toEqual(['ok: 5.0 kB stored']);
    expect(await messages(await filled({}))).toEqual(['ok: 5.0 kB stored, 4.0 kB of it snapshots of at most 1.0 GB']);
  });

  test('that are more than allowed, or were not cleared up for long, are told', async () => {
    expect(await messages(await filled({ maxStoredBytes: 3999 }))).toEqual([
      'note: 5.0 kB stored, more than snapshots_max_stored_megabytes allows',
    ]);
    // Who has cleared up already hears what is left to do.
    const [over] = await checkSnapshots(await filled({ maxStoredBytes: 3999 }));
    expect(over?.fix).toMatch(/mctl snapshots prune.*What that leaves is protected/);
    const [, overdue] = await checkSnapshots(await filled({ prunedAt: '2020-01-01T00:00:00.000Z' }));
    expect(overdue).toMatchObject({ state: 'note', fix: expect.stringContaining('mctl snapshots prune') });
    expect(await messages(await filled({ prunedAt: new Date().toISOString() }))).toHaveLength(1);
    const announced = await messages(await filled({ announcedFor: '2020-01-01T00:00:00.000Z' }));
    expect(announced[1]).toMatch(/^note: old ones will be removed from /);
  });

  test('that cannot be removed are named with their workspace and the reason', async () => {
    const failing = [{ workspace: '/w', problem: 'the disk is full', since: '2020-01-01T00:00:00.000Z' }];
    const [, told] = await messages(await filled({ failing }));
    expect(told).toMatch(/^note: old ones of \/w cannot be removed since .*: the disk is full$/);
  });
});
