/** A store with something of everything in it, and all that can be seen of it. */
import { ulid } from 'ulid';
import { ProtocolError } from '../../protocol/errors.ts';
import type { NewEntry, VaultPort } from '../../daemon/services/ports.ts';
import { firstTurn, messageEntry, nextTurn, openedVault, turnEntry } from './direct-vault.ts';
import type { Ask } from './tampered-store.ts';

export interface Sample {
  /** Has been forked after two turns, and went on. */
  readonly parent: string;
  readonly fork: string;
  /** Three prompts wait; the second was cancelled. */
  readonly queued: string;
  /** A turn runs and has written three chunks of a draft. */
  readonly running: string;
  readonly archived: string;
  /** Not part of what a test changes. */
  readonly whole: string;
  /** Of a session that was deleted. */
  readonly save: string;
  readonly operation: string;
}

/** @param dataDirectory empty; the store in it is closed when this returns. */
export async function makeSample(dataDirectory: string): Promise<Sample> {
  const vault = await openedVault(dataDirectory);
  const start = async (text: string, workspace = '/w'): Promise<string> =>
    (await vault.append({ ...firstTurn(text, { workspace }), fingerprint: text })).sessionId;
  const parent = await start('parent');
  const settings = { mode: 'auto-edit', agent: 'reviewer' } as const;
  await vault.append({
    ...nextTurn(parent, 2, 'parent 2'),
    environment: '{"A":"1"}',
    patch: { turns: 2, ...settings },
  });
  await writeOutput(vault, parent, 'call 1', ['aaaa', 'bbbb', 'cccc']);
  const forked = await vault.fork({
    opId: ulid(),
    source: { sessionId: parent },
    seq: 8,
    messages: 4,
    newId: ulid(),
    parent: { sessionId: parent, turn: 2 },
    turns: 2,
    title: 'fork',
    model: 'demo/offline',
    entries: [{ type: 'origin', turn: 2, at: Date.now(), body: '{}', isMessage: false }],
    patch: {},
    fingerprint: 'fork',
  });
  await vault.append({ ...nextTurn(parent, 3, 'parent 3'), environment: '{"A":"2"}' });
  await writeOutput(vault, parent, 'call 2', ['dddd', 'eeee']);
  const queued = await start('queued');
  for (const text of ['one', 'two', 'three']) {
    await vault.enqueue({
      opId: ulid(),
      sessionId: queued,
      at: Date.now(),
      body: `{"text":"${text}"}`,
      fingerprint: text,
    });
  }
  await vault.cancelQueued(queued, 3);
  const running = await start('running', '/elsewhere');
  await vault.append({
    opId: ulid(),
    sessionId: running,
    entries: [messageEntry(2, 'user', 'go'), turnEntry(2, 'running')],
    patch: { turns: 2, status: 'running' },
  });
  for (const chunk of [1, 2, 3]) {
    await vault.appendDraft(running, { turn: 2, step: 1, chunk, text: `part ${chunk}`, reasoning: '' });
  }
  const archived = await start('archived');
  const operation = ulid();
  await vault.setFlag(operation, archived, 'archived', true);
  await vault.setFlag(ulid(), archived, 'pinned', true);
  const gone = await start('gone');
  await writeOutput(vault, gone, 'call 3', ['ffff', 'gggg']);
  const saved = { seq: 4, turn: 1, messages: 2, model: 'demo/offline', at: Date.now(), ...settings };
  const { id } = await vault.createSave({
    opId: ulid(),
    sessionId: gone,
    wantedId: 'kept',
    fingerprint: 'k',
    ...saved,
  });
  await vault.deleteSession(ulid(), gone, 'keep');
  await vault.createSave({ opId: ulid(), sessionId: parent, wantedId: 'mark', fingerprint: 'm', ...saved });
  for (const name of ['anthropic', 'google']) await vault.setSecret(name, `key of ${name}`);
  for (const line of ['first line', 'second line'])
    await vault.addHistory(line, line.startsWith('first') ? parent : null);
  await addRecords(vault, { parent, running, archived });
  for (const workspace of ['/w', '/unused']) await vault.workspaceKey(workspace);
  const whole = await start('whole');
  await vault.close();
  return { parent, fork: forked.sessionId, queued, running, archived, whole, save: id, operation };
}

async function writeOutput(vault: VaultPort, id: string, callId: string, texts: readonly string[]): Promise<void> {
  for (const [index, text] of texts.entries()) await vault.appendOutput(id, { callId, index, text });
}

/** What is kept for tools: of a session with a finished call, of one whose command runs, and of none. */
async function addRecords(vault: VaultPort, ids: { parent: string; running: string; archived: string }): Promise<void> {
  await vault.append({
    opId: ulid(),
    sessionId: ids.running,
    entries: [resultEntry(2, 'call 4', 8)],
    patch: {},
    environment: '{"B":"1"}',
  });
  await writeOutput(vault, ids.running, 'call 4', ['hhhh', 'iiii']);
  await writeOutput(vault, ids.running, 'call 5', ['jjjj', 'kkkk']);
  for (const [callId, pid] of [
    ['call 5', 5],
    ['call 6', 6],
  ] as const) {
    await vault.recordProcess({
      callId,
      sessionId: ids.running,
      pid,
      startTime: '7',
      bootId: 'boot',
      background: true,
    });
  }
  for (const [workspace, sessionId] of [
    ['/w', null],
    ['/w', ids.parent],
    ['/w', ids.archived],
    ['/unused', null],
  ] as const) {
    await vault.addRule({ workspace, sessionId, effect: 'command', subject: 'npm test', createdAt: Date.now() });
  }
}

function resultEntry(turn: number, callId: string, keptBytes: number): NewEntry {
  const part = { type: 'tool-result', callId, name: 'bash', output: '', isError: false, details: { keptBytes } };
  return { ...messageEntry(turn, 'user', ''), body: JSON.stringify({ role: 'tool', parts: [part] }) };
}

/** What a person can see, by where it is seen; refused reads are the kind of their error. */
export type View = ReadonlyMap<string, unknown>;

const LISTS = [
  ['unarchived', { archived: 'exclude' }],
  ['all', { archived: 'include' }],
  ['with turns', { archived: 'include', nonEmpty: true }],
  ['of /elsewhere', { archived: 'exclude', workspace: '/elsewhere' }],
] as const;
/** Ids of sessions that have lost theirs. */
const STAND_IN = /^0{10}/;

export function view(ask: Ask, sample: Sample): View {
  const seen = new Map<string, unknown>();
  const look = (place: string, read: () => unknown): void => {
    try {
      seen.set(place, read());
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw new Error(`${place}: not an error for people`, { cause: error });
      seen.set(place, error.kind);
    }
  };
  for (const [name, filter] of LISTS) {
    // Pages of one: each has to end where the next begins, whatever a column says.
    let cursor: string | null = null;
    const ids: string[] = [];
    do {
      const page: ReturnType<typeof ask<'list'>> = ask('list', {
        ...filter,
        limit: name === 'all' ? 1 : 100,
        ...(cursor === null ? {} : { cursor }),
      });
      for (const head of page.heads) {
        ids.push(head.id);
        seen.set(`${name}: ${head.id}`, STAND_IN.test(head.id) ? 'TAMPERED' : head);
      }
      cursor = page.nextCursor;
    } while (cursor !== null && ids.length < 20);
    seen.set(`how many ${name}`, ids.length);
  }
  for (const id of [sample.parent, sample.fork, sample.queued, sample.running, sample.archived, sample.whole]) {
    look(`head ${id}`, () => ask('head', id));
    look(`log ${id}`, () => ask('read', { sessionId: id, after: 0, limit: 100, maxBytes: 1e9 }));
    look(`messages ${id}`, () =>
      ask('read', { sessionId: id, before: 99, limit: 100, maxBytes: 1e9, only: ['message'] }),
    );
    look(`queue ${id}`, () => ask('readQueue', id));
    look(`drafts ${id}`, () => ask('readDrafts', id));
    look(`environment of ${id}`, () => ask('environment', id));
    // Not how many messages that is: to be fast, they are counted by their clear kind.
    look(`end of turn 1 of ${id}`, () => ask('endOfTurn', id, 1).seq);
  }
  look('saves', () => ask('listSaves', 10, 0));
  look('save', () => ask('save', sample.save));
  look('log of the save', () => ask('readSave', sample.save, undefined, 10, 1e9));
  for (const name of ['anthropic', 'google']) look(`key of ${name}`, () => ask('secret', name));
  look('lines', () => ask('history', 10));
  for (const [id, call] of [
    [sample.parent, 'call 1'],
    [sample.fork, 'call 1'],
    [sample.parent, 'call 2'],
    [sample.running, 'call 4'],
    [sample.running, 'call 5'],
  ] as const) {
    look(`output of ${call} in ${id}`, () => outputOf(ask, id, call));
  }
  look('processes', () => ask('processes'));
  look('rules', () => ask('rules'));
  for (const path of ['/w', '/unused']) look(`rules of ${path}`, () => ask('rules', path));
  look('workspaces with a key', () => ask('workspaceKeys'));
  look('repeated', () => ask('setFlag', sample.operation, sample.archived, 'archived', true));
  return seen;
}

/** In pages of one stretch. */
function outputOf(ask: Ask, sessionId: string, callId: string): string {
  let text = '';
  let offset: number | null = 0;
  do {
    const page: ReturnType<typeof ask<'readOutput'>> = ask('readOutput', sessionId, callId, offset, 1);
    text += page.text;
    offset = page.nextOffset;
  } while (offset !== null);
  return text;
}

/** Everything that a check of the whole store finds. */
export function problemsOf(ask: Ask): string[] {
  const { heads } = ask('list', { archived: 'include', limit: 100 });
  return [...heads.flatMap(({ id }) => ask('verify', id).problems), ...ask('verifyRest').problems];
}
