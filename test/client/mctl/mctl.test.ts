import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { main } from '../../../client/mctl/main.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';
import { fakeSurroundings } from '../../support/fake-surroundings.ts';

let daemon: FakeDaemon;
let directory: string;

beforeEach(() => {
  daemon = new FakeDaemon();
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'mc')));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

async function mctl(argv: string[], options: { input?: string; isTTY?: boolean } = {}) {
  const environment = { M_DATA_DIR: join(directory, 'd'), NO_COLOR: '1' };
  const fake = fakeSurroundings(daemon, { input: '', ...options, environment, directory });
  const code = await main(argv, fake.around);
  return { code, out: fake.stdout.text, err: fake.stderr.text, rawModes: fake.rawModes };
}

/** A session of so many turns. */
function talk(turns = 1, title = 'a title'): string {
  const id = daemon.newSession('/work');
  for (let turn = 1; turn <= turns; turn += 1) {
    daemon.begin(id, turn, `prompt ${turn}`);
    daemon.complete(id, turn, `reply ${turn}`);
  }
  const stored = daemon.sessions.get(id);
  if (stored !== undefined) stored.session.title = title;
  return id;
}

test('sessions list --json prints every session with exactly the promised fields', async () => {
  const id = talk(2);
  for (let index = 0; index < 600; index += 1) daemon.newSession('/other');
  const { out, code } = await mctl(['sessions', 'list', '--json']);
  const sessions = JSON.parse(out) as Record<string, unknown>[];
  expect(code).toBe(0);
  expect(sessions).toHaveLength(601);
  expect(sessions.at(-1)).toEqual({
    id,
    title: 'a title',
    workspace: '/work',
    status: 'idle',
    model: 'demo/offline',
    turns: 2,
    messages: 4,
    inputTokens: 0,
    outputTokens: 0,
    createdAt: '2025-07-04T12:30:00.000Z',
    updatedAt: '2025-07-04T12:30:00.000Z',
    archived: false,
    pinned: false,
  });
});

test('sessions list prints a page and says that there is more', async () => {
  for (let index = 0; index < 60; index += 1) talk(1, `title ${index}`);
  const { out, err } = await mctl(['sessions', 'list']);
  expect(out.trimEnd().split('\n')).toHaveLength(51);
  expect(out).toMatch(/^ID +UPDATED +STATUS +MESSAGES +MODEL +TITLE +WORKSPACE\n/);
  expect(err).toBe('50 of 60 shown; --limit shows more\n');
});

test('an empty list is empty JSON, and a sentence without it', async () => {
  expect((await mctl(['sessions', 'list', '--json'])).out).toBe('[]\n');
  expect((await mctl(['sessions', 'list'])).out).toBe('no sessions\n');
});

test('sessions show --json is the session with all of its messages, however many', async () => {
  const id = talk(450);
  const { session, messages } = JSON.parse((await mctl(['sessions', 'show', id, '--json'])).out) as {
    session: { id: string };
    messages: { seq: number; turn: number; role: string; parts: unknown[]; at: string }[];
  };
  expect(session.id).toBe(id);
  expect(messages).toHaveLength(900);
  expect(messages[0]).toEqual({
    seq: 1,
    turn: 1,
    role: 'user',
    parts: [{ type: 'text', text: 'prompt 1' }],
    at: '2025-07-04T12:30:00.000Z',
  });
  expect(messages.map(({ seq }) => seq)).toEqual(messages.map(({ seq }) => seq).toSorted((a, b) => a - b));
});

test('sessions show --tail prints the end', async () => {
  const id = talk(5);
  daemon.overrides['session/messages'] = ({ before, limit }: { before?: number; limit: number }) => {
    const all = [1, 2, 3, 4, 5].map((seq) => ({
      seq,
      turn: seq,
      role: 'user',
      parts: [{ type: 'text', text: `message ${seq}` }],
      at: '2025-07-04T12:30:00.000Z',
    }));
    const older = all.filter(({ seq }) => seq < (before ?? 100));
    return { messages: older.slice(-Math.min(limit, 2)), more: older.length > 2 };
  };
  const { out } = await mctl(['sessions', 'show', id, '--tail', '3']);
  expect(out).not.toContain('message 2');
  expect(out).toMatch(/message 3[^]*message 4[^]*message 5/);
});

test('an id may be the beginning of one; an unknown one ends with 3', async () => {
  const id = talk();
  expect((await mctl(['sessions', 'show', id.slice(0, -3)])).out).toContain(`session ${id}`);
  expect(await mctl(['sessions', 'show', 'x'])).toMatchObject({
    code: 3,
    err: 'mctl: session not found: x\n  `mctl sessions list --all` lists them.\n',
  });
});

test('errors with --json are JSON on stdout', async () => {
  const { code, out, err } = await mctl(['sessions', 'show', 'x', '--json']);
  expect({ code, err }).toEqual({ code: 3, err: '' });
  expect(JSON.parse(out)).toEqual({
    type: 'error',
    kind: 'NOT_FOUND',
    message: 'session not found: x',
    hint: '`mctl sessions list --all` lists them.',
  });
});

test.each([
  [['sesions', 'list'], "unknown command 'sesions' (Did you mean sessions?)"],
  [['sessions', 'lst'], "unknown command 'lst' (Did you mean list?)"],
  [['sessions', 'list', '--jsn'], "unknown option '--jsn' (Did you mean --json?)"],
  [['sessions', 'show'], "missing required argument 'id'"],
  [['sessions', 'show', 'a', 'b'], 'too many arguments'],
  [['sessions', 'show', 'a', '--tail', 'x'], '--tail takes a whole number from 1 on, not x'],
])('%j is a usage error that names what is wrong', async (argv, message) => {
  const { code, err } = await mctl(argv);
  expect(code).toBe(2);
  expect(err).toContain(message);
});

test.each([
  [['sesions', 'list'], '`mctl --help` lists what there is.'],
  [['sessions', 'lst'], '`mctl sessions --help` lists what there is.'],
  [['sessions', 'show'], '`mctl sessions show --help` says what it takes.'],
])('%j says where help is for what was understood', async (argv, hint) => {
  expect((await mctl(argv)).err).toContain(hint);
});

test('a noun without a verb shows its verbs and ends with 2', async () => {
  expect(await mctl(['sessions'])).toMatchObject({ code: 2, err: expect.stringContaining('Usage: mctl sessions') });
});

test('help explains commands and exit codes', async () => {
  expect((await mctl(['help', 'exit-codes'])).out).toMatch(/^ +75 +the prompt waits/m);
  expect((await mctl(['help', 'sessions', 'list'])).out).toContain('Usage: mctl sessions list');
  expect(await mctl(['--help'])).toMatchObject({ code: 0, out: expect.stringContaining('Examples:') });
});

test('deleting asks on a terminal, and does nothing without a yes', async () => {
  const id = talk();
  const refused = await mctl(['sessions', 'delete', id], { isTTY: true, input: 'n\n' });
  expect(refused).toMatchObject({ code: 130, err: expect.stringContaining('nothing was changed') });
  expect(refused.err).toContain(`delete session ${id} “a title” with 2 messages for good? [y/N]`);
  expect(daemon.calls.some(({ method }) => method === 'session/delete')).toBe(false);
});

test('deleting prints the receipt', async () => {
  const id = talk();
  daemon.overrides['session/delete'] = () => ({
    deleted: id,
    savesKept: 1,
    savesDeleted: 0,
    backups: ['/data/backup-1.db'],
  });
  const { out, code } = await mctl(['sessions', 'delete', id, '--saves', 'keep'], { isTTY: true, input: 'y\n' });
  expect(code).toBe(0);
  expect(out).toBe(
    [
      `session deleted: ${id}`,
      '  its entries and the keys that could read them are gone',
      '  1 save kept, with what is needed to read them',
      '  older backups still hold the key; delete them too to make it final:',
      '    /data/backup-1.db',
      '',
    ].join('\n'),
  );
});

test('deleting without a terminal needs --yes; with saves it needs to be told what becomes of them', async () => {
  const id = talk();
  expect(await mctl(['sessions', 'delete', id])).toMatchObject({ code: 2, err: expect.stringContaining('--yes') });
  daemon.overrides['session/delete'] = () => {
    throw new ProtocolError('CONFLICT', 'the session has 2 saves');
  };
  expect(await mctl(['sessions', 'delete', id, '--yes'])).toMatchObject({
    code: 5,
    err: expect.stringContaining('--saves keep'),
  });
  expect(await mctl(['sessions', 'delete', id, '--yes', '--saves', 'some'])).toMatchObject({ code: 2 });
});

test('export writes a file of mode 0600 that appears whole, and replaces none unasked', async () => {
  const id = talk();
  const file = join(directory, 'talk.md');
  expect(await mctl(['sessions', 'export', id, '-o', 'talk.md'])).toMatchObject({ code: 0, out: '' });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const markdown = readFileSync(file, 'utf8');
  expect(markdown).toMatch(/^# a title\n/);
  expect(markdown).toMatch(/## Prompt, turn 1 [^]*prompt 1[^]*## Reply, turn 1 [^]*reply 1/);
  writeFileSync(file, 'mine');
  expect(await mctl(['sessions', 'export', id, '-o', 'talk.md'])).toMatchObject({ code: 5 });
  expect(readFileSync(file, 'utf8')).toBe('mine');
  expect(await mctl(['sessions', 'export', id, '-o', 'talk.md', '--force'])).toMatchObject({ code: 0 });
  expect(readFileSync(file, 'utf8')).toBe(markdown);
});

test('an export that breaks off leaves no file', async () => {
  const id = talk();
  daemon.overrides['session/messages'] = () => {
    throw new ProtocolError('TAMPERED', 'an entry does not verify');
  };
  expect(await mctl(['sessions', 'export', id, '-o', 'talk.json'])).toMatchObject({ code: 1 });
  expect(existsSync(join(directory, 'talk.json'))).toBe(false);
  const { readdirSync } = await import('node:fs');
  expect(readdirSync(directory).filter((name) => name.includes('partial'))).toEqual([]);
});

test('export as JSON is what show --json prints', async () => {
  const id = talk();
  const exported = await mctl(['sessions', 'export', id, '--format', 'json']);
  expect(exported.out).toBe((await mctl(['sessions', 'show', id, '--json'])).out);
  expect(await mctl(['sessions', 'export', id, '--format', 'pdf'])).toMatchObject({ code: 2 });
});

test('code in a reply cannot end its block in Markdown', async () => {
  const id = daemon.newSession();
  daemon.begin(id, 1, 'x');
  const output = 'a\n```\n# not a heading\n```\n';
  daemon.emit(id, 'message', 1, {
    role: 'tool',
    parts: [{ type: 'tool-result', callId: '1', name: 'read', output, isError: false }],
  });
  const { out } = await mctl(['sessions', 'export', id, '--format', 'md']);
  expect(out).toContain(`\n\`\`\`\`\n${output}\n\`\`\`\`\n`);
});

test('verify prints what does not verify and ends with 1', async () => {
  const id = talk();
  daemon.overrides['session/verify'] = () => ({ entries: 4, problems: [] });
  daemon.overrides['store/verify'] = () => ({ entries: 2, problems: [] });
  expect(await mctl(['sessions', 'verify'])).toMatchObject({
    code: 0,
    out: 'all sessions (1, archived ones too) and what belongs to none, 6 entries: everything verifies\n',
  });
  daemon.overrides['store/verify'] = () => ({ entries: 2, problems: ['there are entries of no log (3)'] });
  expect(await mctl(['sessions', 'verify'])).toMatchObject({
    code: 1,
    out: 'there are entries of no log (3)\nall sessions (1, archived ones too) and what belongs to none, 6 entries: 1 do not verify\n',
  });
  daemon.overrides['session/verify'] = () => ({ entries: 4, problems: ['entry 3 was altered'] });
  const { code, out } = await mctl(['sessions', 'verify', id]);
  expect(code).toBe(1);
  expect(out).toBe(`${id}: entry 3 was altered\n1 session, 4 entries: 1 do not verify\n`);
});

test('pin --off unpins, fork and rename say what they made', async () => {
  const id = talk(2);
  const flags: unknown[] = [];
  daemon.overrides['session/pin'] = ({ value }: { value: boolean }) => {
    flags.push(value);
    return { session: daemon.sessions.get(id)?.session };
  };
  await mctl(['sessions', 'pin', id]);
  await mctl(['sessions', 'pin', id, '--off']);
  expect(flags).toEqual([true, false]);
  expect((await mctl(['sessions', 'fork', id, '--turn', '1'])).out).toMatch(
    /^forked session \S+ after turn 1 \(2 messages\)\n$/,
  );
});

test('config set-key reads the key from standard input and never prints it', async () => {
  let stored: unknown;
  daemon.overrides['provider/set-key'] = (params: unknown) => {
    stored = params;
    return {};
  };
  const { out, err, code } = await mctl(['config', 'set-key', 'local'], { input: 'sk-secret\n' });
  expect(code).toBe(0);
  expect(stored).toEqual({ provider: 'local', key: 'sk-secret' });
  expect(out + err).not.toContain('sk-secret');
  expect(await mctl(['config', 'set-key', 'local'], { input: '' })).toMatchObject({ code: 2 });
  await mctl(['config', 'set-key', 'local', '--remove']);
  expect(stored).toEqual({ provider: 'local', key: null });
});

test('config set-key on a terminal shows nothing of what is typed', async () => {
  let stored: unknown;
  daemon.overrides['provider/set-key'] = (params: unknown) => {
    stored = params;
    return {};
  };
  const { out, err, rawModes } = await mctl(['config', 'set-key', 'local'], { isTTY: true, input: 'sk-secrex\x7ft\r' });
  expect(rawModes).toEqual([true, false]);
  expect(stored).toEqual({ provider: 'local', key: 'sk-secret' });
  expect(out + err).not.toContain('sk-');
});

test('config get prints settings, one of them, or what is wrong', async () => {
  expect((await mctl(['config', 'get'])).out).toBe('# /data/config.toml\nmodel = demo/offline  (default)\n');
  expect((await mctl(['config', 'get', 'model'])).out).toBe('demo/offline\n');
  expect(await mctl(['config', 'get', 'colour'])).toMatchObject({ code: 3 });
  daemon.overrides['config/get'] = () => ({ path: '/c', values: {}, set: [], problems: ['c:1: broken'] });
  expect(await mctl(['config', 'get'])).toMatchObject({ code: 1, err: 'mctl: configuration: c:1: broken\n' });
});

test('config path and daemon status need no daemon and start none', async () => {
  daemon.connect = () => {
    throw new Error('nobody may connect');
  };
  expect((await mctl(['config', 'path'])).out).toBe(`${join(directory, 'd', 'config.toml')}\n`);
  const { code, out } = await mctl(['daemon', 'status', '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    running: false,
    dataDir: join(directory, 'd'),
    socket: join(directory, 'd', 'run', 'd.sock'),
  });
  expect(await mctl(['daemon', 'stop'])).toMatchObject({ code: 0, out: 'no daemon runs\n' });
});

test('keys status ends with 4 while the store cannot be read', async () => {
  expect(await mctl(['keys', 'status'])).toMatchObject({ code: 0, out: expect.stringContaining('/data/key') });
  daemon.overrides['key/status'] = () => ({
    state: 'locked',
    provider: 'keychain',
    reason: 'the keychain is locked',
    hint: 'Unlock it.',
    keyFile: null,
    created: false,
  });
  expect(await mctl(['keys', 'status', '--json'])).toMatchObject({ code: 4 });
});

test('titles and names of others cannot command the terminal', async () => {
  const id = talk(1, '\x1b[2Jowned\nsecond line');
  for (const argv of [
    ['sessions', 'list'],
    ['sessions', 'show', id],
    ['sessions', 'list', '--json'],
  ]) {
    const { out } = await mctl(argv);
    expect(out.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  }
  expect((await mctl(['sessions', 'list'])).out.trimEnd().split('\n')).toHaveLength(2);
});
