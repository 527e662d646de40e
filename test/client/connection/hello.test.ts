import { expect, test, vi } from 'vitest';
import { makeHello } from '../../../client/connection/hello.ts';
import { timeZone } from '../../../client/connection/time-zone.ts';
import { InitializeParams } from '../../../protocol/admin.ts';

const OPTIONS = { kind: 'chat', allowKeyfile: true, environment: {}, terminal: true } as const;

test('the hello is what the protocol asks for', () => {
  const hello = makeHello(OPTIONS);
  expect(InitializeParams.parse(hello)).toEqual(hello);
  expect(hello.client).toMatchObject({ kind: 'chat', name: 'm', pid: process.pid });
  expect(hello.key?.allowKeyfile).toBe(true);
});

test.each(['keychain', 'keyfile', 'passphrase'])('M_KEY_PROVIDER=%s is passed on', (provider) => {
  expect(makeHello({ ...OPTIONS, environment: { M_KEY_PROVIDER: provider } }).key?.provider).toBe(provider);
});

test('an unknown M_KEY_PROVIDER is an error that names the choices', () => {
  expect(() => makeHello({ ...OPTIONS, environment: { M_KEY_PROVIDER: 'keyring' } })).toThrow(
    expect.objectContaining({
      kind: 'CONFIG_INVALID',
      message: expect.stringContaining('"keyring"') as unknown,
      hint: expect.stringContaining('keychain, keyfile, passphrase') as unknown,
    }),
  );
});

test('of the environment only what reaches a keychain is passed on', () => {
  const environment = { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/x', XDG_RUNTIME_DIR: '/run/x', SECRET: 's', DISPLAY: '' };
  expect(makeHello({ ...OPTIONS, environment }).key?.environment).toEqual({
    DBUS_SESSION_BUS_ADDRESS: 'unix:path=/x',
    XDG_RUNTIME_DIR: '/run/x',
  });
});

test('a person can answer a prompt only with a terminal and a display', () => {
  const wish = (terminal: boolean, environment: NodeJS.ProcessEnv): boolean | undefined =>
    makeHello({ ...OPTIONS, terminal, environment, platform: 'linux' }).key?.interactive;
  expect([wish(true, { DISPLAY: ':0' }), wish(true, { WAYLAND_DISPLAY: 'w' })]).toEqual([true, true]);
  expect([wish(true, {}), wish(false, { DISPLAY: ':0' })]).toEqual([false, false]);
});

test('on a Mac there is a display for whoever did not come over SSH', () => {
  const wish = (terminal: boolean, environment: NodeJS.ProcessEnv): boolean | undefined =>
    makeHello({ ...OPTIONS, terminal, environment, platform: 'darwin' }).key?.interactive;
  expect([wish(true, {}), wish(false, {})]).toEqual([true, false]);
  expect([wish(true, { SSH_CONNECTION: '10.0.0.1 1 10.0.0.2 22' }), wish(true, { SSH_TTY: '/dev/ttys001' })]).toEqual([
    false,
    false,
  ]);
});

test('a client that only looks wishes for no store to be created', () => {
  expect(makeHello({ ...OPTIONS, environment: {}, onlyLooks: true }).key).toMatchObject({ create: false });
  expect(makeHello({ ...OPTIONS, environment: {} }).key).not.toHaveProperty('create');
});

test.each(['Europe/Berlin', 'America/Argentina/Buenos_Aires', 'UTC', 'Asia/Kolkata'])(
  'TZ=%s is the time zone',
  (zone) => {
    expect(timeZone({ TZ: zone })).toBe(zone);
  },
);

test.each(['UTC0', ':/etc/localtime', 'No/Such', '../../etc/passwd', ''])(
  'TZ=%s is no zone by name and counts as UTC',
  (zone) => {
    vi.stubEnv('TZ', zone);
    try {
      expect(timeZone({ TZ: zone })).toBe('UTC');
    } finally {
      vi.unstubAllEnvs();
    }
  },
);

test('without TZ the system’s zone is named as the language runtime names it', () => {
  vi.stubEnv('TZ', undefined);
  try {
    const zone = timeZone({});
    const format = new Intl.DateTimeFormat('en', { timeZone: zone, dateStyle: 'full', timeStyle: 'full' });
    expect(format.format(0)).toBe(new Intl.DateTimeFormat('en', { dateStyle: 'full', timeStyle: 'full' }).format(0));
  } finally {
    vi.unstubAllEnvs();
  }
});
