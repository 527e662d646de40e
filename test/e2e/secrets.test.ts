/** Nothing that a person wrote, read or named is readable on disk: planted texts are looked for in every file, in every form. */
import { cpSync, lstatSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Client } from '../../client/connection/api.ts';
import { openDatabase } from '../../daemon/vault/database.ts';
import { Custody } from '../../daemon/vault/keys/custody.ts';
import {
  chunk,
  delta,
  DONE,
  finish,
  LAST_CHUNK,
  plain,
  ProviderServer,
  STREAM_HEAD,
  USAGE,
} from '../daemon/agent/support/provider-server.ts';
import { chance, faultLoops } from '../fault/support/chance.ts';
import { pause, submit, untilStatus } from '../fault/support/turns.ts';
import { everythingBelow, findTexts, openToOthers } from '../support/plain-text.ts';
import { factsOf } from '../support/processes.ts';
import { realHome, waitUntil, type Program, type RealHome } from '../support/real-daemon.ts';

/** Each occurs nowhere else, and long enough for every form of it to be unmistakable. */
const CANARIES = {
  prompt: 'Qz7promptCanaryVx31kLm',
  'prompt that waited': 'Qz7queuedCanaryHb52wRt',
  'line typed at a prompt': 'Qz7lineCanaryPd94sYc',
  reply: 'Qz7replyCanaryTn68gJa',
  'reply that was cut off': 'Qz7draftCanaryMf27eUo',
  'words of a refusal': 'Qz7errorCanaryWk15bZi',
  title: 'Qz7titleCanaryDs83hXq',
  'directory name': 'Qz7directoryCanaryGy46',
  'save name': 'Qz7saveCanaryLc79nEv',
  'model name': 'Qz7modelCanaryBr02fIu',
  'stored key': 'Qz7storedKeyCanaryKe61',
  'lent key': 'Qz7lentKeyCanaryOa38pT',
};
/** What belongs to no session and stays when one is deleted. */
const OF_THE_STORE: readonly string[] = ['line typed at a prompt', 'stored key', 'lent key'];
const KEY_VARIABLE = 'CANARY_API_KEY';

/** A home with two providers on one server: one has its key stored, the other one lends it from the environment. */
async function planted(): Promise<{ home: RealHome; server: ProviderServer; client: Client }> {
  const server = await ProviderServer.start();
  onTestFinished(() => server.stop());
  const home = realHome({
    config:
      `[providers.stored]\nbase_url = "${server.baseUrl}"\n` +
      `[providers.lent]\nbase_url = "${server.baseUrl}"\napi_key_env = "${KEY_VARIABLE}"\n`,
    workspace: CANARIES['directory name'],
    environment: { [KEY_VARIABLE]: CANARIES['lent key'], M_LOG_LEVEL: 'debug' },
  });
  answerWith(server, CANARIES.reply);
  return { home, server, client: await home.client() };
}

function answerWith(server: ProviderServer, text: string): void {
  server.answer = (socket) => socket.end(STREAM_HEAD + chunk(delta(text) + finish() + USAGE + DONE) + LAST_CHUNK);
}

async function succeeds(program: Program): Promise<void> {
  const exit = await program.exit;
  expect({ ...exit, stderr: program.stderr() }).toEqual({
    code: 0,
    signal: null,
    stderr: expect.any(String) as string,
  });
}

/** What is readable or open to others below the data directory and the home directory, now. */
function leaks(home: RealHome): string[] {
  const data = everythingBelow(home.dataDir);
  const others = everythingBelow(join(home.root, 'h'));
  return [...findTexts([...data, ...others], CANARIES), ...openToOthers(data), ...leaksOfProcesses(home)];
}

/** What anybody may read of the daemon's processes. */
function leaksOfProcesses(home: RealHome): string[] {
  return home.daemonPids().flatMap((pid) =>
    (['cmdline', 'environ'] as const).flatMap((what) =>
      Object.entries(CANARIES)
        .filter(([, text]) => factsOf(pid, what)?.includes(text) === true)
        .map(([name]) => `the ${name} is in the ${what} of the daemon`),
    ),
  );
}

/** Plants every canary. @returns the session that holds them, with a turn that streams and a prompt that waits. */
async function plantAll(home: RealHome, server: ProviderServer, client: Client): Promise<string> {
  const setKey = home.mctl(['config', 'set-key', 'stored'], { input: CANARIES['stored key'] });
  setKey.process.stdin?.end();
  await succeeds(setKey);
  const model = `stored/${CANARIES['model name']}`;
  await succeeds(home.m(['run', '--model', model, CANARIES.prompt]));
  const sessionId = (await client.call('session/list', {})).sessions[0]?.id ?? '';
  await succeeds(home.m(['run', '-r', sessionId, '--model', `lent/${CANARIES['model name']}`, CANARIES.prompt]));
  await succeeds(home.mctl(['sessions', 'rename', sessionId, CANARIES.title]));
  const chat = home.m(['chat', '-r', sessionId], { input: `/save ${CANARIES['save name']}\n/exit\n` });
  await succeeds(chat);
  await client.call('history/add', { line: CANARIES['line typed at a prompt'] });

  server.answer = (socket) =>
    socket.end(plain('400 Bad Request', `{"error":{"message":"${CANARIES['words of a refusal']}"}}`));
  const refused = home.m(['run', '-r', sessionId, CANARIES.prompt]);
  expect((await refused.exit).code).toBe(1);
  expect(refused.stderr()).toContain(CANARIES['words of a refusal']);

  server.answer = (socket) => {
    socket.write(STREAM_HEAD + chunk(delta(CANARIES['reply that was cut off'])));
  };
  const draft = await submit(client, sessionId, CANARIES.prompt);
  await submit(client, sessionId, CANARIES['prompt that waited']);
  expect(draft.turn).toBe(4);
  const seen = { text: '' };
  const nothing = { opened: () => undefined, resumed: () => undefined, ended: () => undefined };
  const watcher = await home.client();
  await watcher.attach(sessionId, {
    ...nothing,
    event: (event) => {
      if (event.type === 'delta') seen.text += event.data.text;
    },
  });
  await waitUntil('the reply streams', () => seen.text !== '' || server.requests.length >= 4);
  // A draft is written each second.
  await pause(1_300);
  return sessionId;
}

describe('what is planted', () => {
  test('is nowhere readable in normal use, after a kill, and after the next start', async () => {
    const { home, server, client } = await planted();
    const sessionId = await plantAll(home, server, client);
    // It was really there.
    const sent = server.requests.map(({ head, body }) => head + body).join('\n');
    for (const name of ['prompt', 'model name', 'stored key', 'lent key'] as const)
      expect(sent).toContain(CANARIES[name]);
    const { session } = await client.call('session/get', { sessionId });
    expect([session.title, session.workspace]).toEqual([CANARIES.title, home.workspace]);
    const { rows } = await client.call('session/catalog', { workspace: home.workspace });
    expect(rows.map(({ id }) => id).join()).toContain(CANARIES['save name']);
    expect(leaks(home)).toEqual([]);

    answerWith(server, CANARIES.reply);
    home.signalDaemons('SIGKILL');
    expect(leaks(home)).toEqual([]);
    await untilStatus(client, sessionId, 'idle');
    expect(
      (await client.call('session/messages', { sessionId })).messages.map((one) => JSON.stringify(one)).join(),
    ).toContain(CANARIES['prompt that waited']);
    expect(leaks(home)).toEqual([]);
    expect(await home.finish()).toEqual([]);
    expect(leaks(home)).toEqual([]);
  });

  test('is found by the search itself when it is there', () => {
    const home = realHome();
    home.configure(
      `# ${Buffer.from(`x${CANARIES.prompt}`).toString('base64')}\n# ${Buffer.from(CANARIES.reply, 'utf16le').toString('hex')}\n`,
    );
    expect(leaks(home)).toEqual([
      `the prompt is in ${home.dataDir}/config.toml`,
      `the reply is in ${home.dataDir}/config.toml`,
    ]);
  });
});

describe('a session that is deleted', () => {
  test('leaves no row, no key and no trace of either in the files', async () => {
    const { home, server, client } = await planted();
    const sessionId = await plantAll(home, server, client);
    answerWith(server, CANARIES.reply);
    home.signalDaemons('SIGKILL');
    await untilStatus(client, sessionId, 'idle');
    const before = await storedBytes(home);
    expect(before.length).toBeGreaterThan(10);
    expect(bytesInFiles(home, before)).toHaveLength(before.length);

    await succeeds(home.mctl(['sessions', 'delete', sessionId, '--saves', 'delete', '--yes']));
    expect(bytesInFiles(home, before)).toEqual([]);
    home.signalDaemons('SIGKILL');
    await waitUntil('the daemon ends', () => home.daemonPids().length === 0);
    expect(bytesInFiles(home, before)).toEqual([]);
    expect(await storedBytes(home)).toEqual([]);
    expect(await decryptable(home)).toEqual([]);
    expect(leaks(home)).toEqual([]);
    expect(await home.finish()).toEqual([]);
  });

  test(
    'is gone once that was acknowledged, whenever the daemon was killed',
    { timeout: 30_000 + faultLoops() * 4_000 },
    async () => {
      const lots = chance();
      const home = realHome({ workspace: CANARIES['directory name'] });
      for (let loop = 0; loop < faultLoops(); loop += 1) {
        const client = await home.client();
        const { sessionId } = await submit(client, home, `count to 300 every 0 ms ${CANARIES.prompt}`);
        await client.call('turn/submit', {
          opId: client.newOpId(),
          target: { kind: 'session', sessionId },
          prompt: [{ type: 'text', text: `echo ${CANARIES.prompt} ${'word '.repeat(50)}` }],
        });
        await untilStatus(client, sessionId, 'idle');
        const opId = client.newOpId();
        await client.call('save/create', { opId, sessionId, name: CANARIES['save name'] });
        const before = await storedBytes(home);
        const deleting = client.call('session/delete', { opId: client.newOpId(), sessionId, saves: 'delete' });
        await pause(lots.between(0, 40));
        home.signalDaemons('SIGKILL');
        expect(await deleting).toMatchObject({ deleted: sessionId });
        expect(bytesInFiles(home, before)).toEqual([]);
        home.signalDaemons('SIGKILL');
        await client.close();
        await waitUntil('the daemon ends', () => home.daemonPids().length === 0);
        expect(await storedBytes(home)).toEqual([]);
        expect(await decryptable(home)).toEqual([]);
      }
      expect(await home.finish()).toEqual([]);
    },
  );
});

/** Looks into a copy of a home's store: the daemon shares its own with nobody. */
async function withStore<T>(home: RealHome, use: (db: ReturnType<typeof openDatabase>) => T | Promise<T>): Promise<T> {
  const copy = join(home.root, 'copy');
  cpSync(join(home.dataDir, 'store'), copy, { recursive: true });
  const db = openDatabase(join(copy, 'm.db'), 'open');
  try {
    return await use(db);
  } finally {
    db.close();
    rmSync(copy, { recursive: true });
  }
}

/** Everything encrypted that belongs to sessions and saves, and every wrapped key of theirs: a piece of each. */
async function storedBytes(home: RealHome): Promise<Buffer[]> {
  const columns = [
    ['session', 'key'],
    ['session', 'details'],
    ['segment', 'key'],
    ['entry', 'body'],
    ['draft', 'body'],
    ['queued', 'body'],
    ['output', 'body'],
    ['environment', 'body'],
    ['process', 'body'],
    ['rule', 'body'],
    ['save', 'key'],
    ['save', 'details'],
  ] as const;
  return withStore(home, (db) =>
    columns.flatMap(([table, column]) =>
      db
        .prepare<[], Buffer>(`SELECT ${column} FROM ${table} WHERE length(${column}) >= 16`)
        .pluck()
        .all()
        .map((bytes) => bytes.subarray(-24)),
    ),
  );
}

/** Those of the bytes that are anywhere in a file of the data directory. */
function bytesInFiles(home: RealHome, wanted: readonly Buffer[]): Buffer[] {
  const content = everythingBelow(home.dataDir)
    .filter((path) => lstatSync(path).isFile())
    .map((path) => readFileSync(path));
  return wanted.filter((bytes) => content.some((one) => one.includes(bytes)));
}

/** Canaries of sessions in what the key of the store itself still opens. */
async function decryptable(home: RealHome): Promise<string[]> {
  const names = (Object.keys(CANARIES) as (keyof typeof CANARIES)[]).filter((name) => !OF_THE_STORE.includes(name));
  return withStore(home, async (db) => {
    const operations = db.prepare<[], { op: string; body: Buffer }>('SELECT op, body FROM operation').all();
    const workspaces = db.prepare<[], { id: number; path: Buffer }>('SELECT id, path FROM workspace').all();
    const { keys } = await new Custody(db, home.dataDir).open({ provider: 'keyfile' });
    if (keys === undefined) throw new Error('the store cannot be opened with its key');
    const texts = [
      ...operations.map(({ op, body }) => keys.openValue('operation', op, body)),
      ...workspaces.map(({ id, path }) => keys.openValue('workspace', `workspace:${id}`, path)),
    ];
    return names.flatMap((name) =>
      texts.filter((text) => text.includes(CANARIES[name])).map((text) => `${name}: ${text}`),
    );
  });
}
