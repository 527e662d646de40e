import { chmodSync, chownSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { locate, prepareDirectories } from '../../../client/connection/locations.ts';
import { MAX_SOCKET_PATH_BYTES } from '../../../protocol/endpoint.ts';
import { scratch } from './support/scratch.ts';

const isRoot = process.geteuid?.() === 0;

function mode(path: string): number {
  return statSync(path).mode & 0o777;
}

test('M_DATA_DIR puts data, configuration, logs and socket under one directory', () => {
  const { directory, locations } = scratch();
  const data = join(directory, 'd');
  expect(locations).toEqual({
    dataDirectory: data,
    configFile: join(data, 'config.toml'),
    logDirectory: join(data, 'logs'),
    endpoint: {
      runDirectory: join(data, 'run'),
      socketDirectory: join(data, 'run'),
      socketPath: join(data, 'run', 'd.sock'),
      lockPath: join(data, 'run', 'lock.db'),
    },
  });
});

test('M_CONFIG names the configuration file', () => {
  const { environment, directory } = scratch();
  const file = join(directory, 'mine.toml');
  expect(locate({ ...environment, M_CONFIG: file }).configFile).toBe(file);
});

test('without M_DATA_DIR the places of the platform are used', () => {
  const { directory } = scratch();
  vi.stubEnv('XDG_DATA_HOME', join(directory, 'data'));
  vi.stubEnv('XDG_CONFIG_HOME', join(directory, 'config'));
  vi.stubEnv('XDG_STATE_HOME', join(directory, 'state'));
  try {
    const { dataDirectory, configFile, logDirectory } = locate({});
    if (process.platform !== 'linux') return;
    expect({ dataDirectory, configFile, logDirectory }).toEqual({
      dataDirectory: join(directory, 'data', 'm'),
      configFile: join(directory, 'config', 'm', 'config.toml'),
      logDirectory: join(directory, 'state', 'm'),
    });
  } finally {
    vi.unstubAllEnvs();
  }
});

test('two names of one directory lead to one daemon, also before it exists', () => {
  const { environment, directory } = scratch();
  mkdirSync(join(directory, 'real'));
  symlinkSync(join(directory, 'real'), join(directory, 'link'));
  const byLink = locate({ ...environment, M_DATA_DIR: join(directory, 'link', 'new') });
  const direct = locate({ ...environment, M_DATA_DIR: join(directory, 'real', 'new') });
  expect(byLink).toEqual(direct);
});

test('everything that is made is closed to others', () => {
  const { locations } = scratch();
  prepareDirectories(locations);
  const made = [locations.dataDirectory, locations.endpoint.runDirectory, locations.logDirectory];
  expect(made.map(mode)).toEqual([0o700, 0o700, 0o700]);
});

test('a path too long for a socket gets a short one that is as private', () => {
  const { locations } = scratch('x'.repeat(200));
  const { socketDirectory, socketPath, runDirectory } = locations.endpoint;
  expect(Buffer.byteLength(socketPath)).toBeLessThanOrEqual(MAX_SOCKET_PATH_BYTES);
  expect(dirname(socketDirectory)).toBe('/tmp');
  prepareDirectories(locations);
  expect([mode(socketDirectory), mode(runDirectory)]).toEqual([0o700, 0o700]);
  chmodSync(socketDirectory, 0o755);
  expect(() => prepareDirectories(locations)).toThrow(/open to other users/);
  chmodSync(socketDirectory, 0o700);
});

test('an unused data directory that others can read is closed to them; a used one is for its owner to close', () => {
  const { locations } = scratch();
  mkdirSync(locations.dataDirectory, { mode: 0o755 });
  writeFileSync(locations.configFile, '');
  prepareDirectories(locations);
  expect(mode(locations.dataDirectory)).toBe(0o700);
  chmodSync(locations.dataDirectory, 0o750);
  expect(() => prepareDirectories(locations)).toThrow(/open to other users \(mode 0750\)/);
});

test('a data directory that others can write to is refused even when it is empty', () => {
  const { locations } = scratch();
  mkdirSync(locations.dataDirectory);
  chmodSync(locations.dataDirectory, 0o777);
  expect(() => prepareDirectories(locations)).toThrow(expect.objectContaining({ kind: 'UNSAFE_DIRECTORY' }));
});

test('a file where the data directory should be is named', () => {
  const { locations } = scratch();
  writeFileSync(locations.dataDirectory, '');
  expect(() => prepareDirectories(locations)).toThrow(expect.objectContaining({ kind: 'UNSAFE_DIRECTORY' }));
});

test.runIf(isRoot)('sudo in the home of the caller is refused before it leaves files of root there', () => {
  const { locations, directory } = scratch();
  chownSync(directory, 1234, 1234);
  vi.stubEnv('SUDO_UID', '1234');
  vi.stubEnv('SUDO_USER', 'alice');
  try {
    expect(() => prepareDirectories(locations)).toThrow(
      expect.objectContaining({
        kind: 'UNSAFE_DIRECTORY',
        hint: expect.stringMatching(/as alice, without sudo/) as unknown,
      }),
    );
  } finally {
    vi.unstubAllEnvs();
  }
  expect(() => statSync(locations.dataDirectory)).toThrow(/ENOENT/);
});

test.skipIf(isRoot)('a directory in which nothing can be made is told before a daemon is started in vain', () => {
  const { locations } = scratch();
  prepareDirectories(locations);
  chmodSync(locations.endpoint.runDirectory, 0o500);
  expect(() => {
    prepareDirectories(locations);
  }).toThrow(expect.objectContaining({ message: expect.stringContaining('cannot be written (EACCES)') }));
  chmodSync(locations.endpoint.runDirectory, 0o700);
});
