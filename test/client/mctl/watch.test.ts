/** `mctl sessions list --watch` against a daemon in memory: what is told in which order, and what only looks like news. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { main } from '../../../client/mctl/main.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { Session } from '../../../protocol/session.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';
import { fakeSurroundings, type FakeSurroundings } from '../../support/fake-surroundings.ts';
import { waitUntil } from '../../support/real-daemon.ts';

let daemon: FakeDaemon;
let ending: (() => Promise<unknown>)[] = [];

beforeEach(() => {
  daemon = new FakeDaemon();
});

afterEach(async () => {
  for (const end of ending) await end();
  ending = [];
});

interface Watching extends FakeSurroundings {
  readonly ended: Promise<number>;
  /** What was told so far, in short. */
  told(): string[];
  /** Waits until exactly this has been told, the rows that were there at first left out. */
  tells(...lines: string[]): Promise<void>;
}

function watch(argv: readonly string[] = ['--json'], isTTY = false): Watching {
  const fake = fakeSurroundings(daemon, { isTTY, environment: { NO_COLOR: '1' }, directory: '/' });
  const ended = main(['sessions', 'list', '--watch', ...argv], fake.around);
  let hasEnded = false;
  void ended.then(() => (hasEnded = true));
  ending.push(async () => {
    // One that has just begun does not listen yet.
    await waitUntil('it ends', () => {
      fake.signal('SIGTERM');
      return hasEnded;
    });
  });
  const told = (): string[] => fake.stdout.text.trimEnd().split('\n').map(shorten);
  return {
    ...fake,
    ended,
    told,
    tells: async (...lines) => {
      let seen: string[] = [];
      await waitUntil(
        `${lines.join(', ')}`,
        () => {
          seen = told().filter((line) => line !== '' && !line.startsWith('listed'));
          return seen.length >= lines.length;
        },
        5_000,
      );
      expect(seen).toEqual(lines);
    },
  };
}

function shorten(line: string): string {
  if (line === '') return '';
  const { type, session, id, reason } = JSON.parse(line) as Record<string, string> & { session?: Session };
  return [type, session?.title, session?.status, id, reason].filter((word) => word !== undefined).join(' ');
}

function session(title: string, fields: Partial<Session> = {}): Session {
  const id = daemon.newSession(fields.workspace ?? '/work');
  return update(id, { title, ...fields });
}

function update(id: string, fields: Partial<Session>): Session {
  const stored = daemon.sessions.get(id);
  if (stored === undefined) throw new Error(`no session ${id}`);
  stored.session = { ...stored.session, ...fields };
  return stored.session;
}

const changed = (one: Session): void => {
  daemon.list({ type: 'changed', session: one });
};

describe('a list that is watched', () => {
  test('is told once, then each change on a line, and what changes nothing that is shown is not told', async () => {
    const first = session('first');
    const watching = watch();
    await watching.tells('watching');
    expect(watching.told()).toEqual(['listed first idle', 'watching']);
    changed(update(first.id, { status: 'running', lastSeq: 1 }));
    changed(update(first.id, { attached: 3 }));
    changed(session('second'));
    daemon.list({ type: 'removed', sessionId: first.id });
    daemon.list({ type: 'removed', sessionId: first.id });
    await watching.tells('watching', 'changed first running', 'changed second idle', `removed ${first.id}`);
    watching.signal('SIGINT');
    expect(await watching.ended).toBe(0);
  });

  test('never goes back to what was before', async () => {
    const one = session('new', { lastSeq: 9, updatedAt: '2025-07-04T12:31:00.000Z' });
    const watching = watch();
    await watching.tells('watching');
    changed({ ...one, title: 'old', lastSeq: 8 });
    changed({ ...one, title: 'older', updatedAt: '2025-07-04T12:30:00.000Z' });
    changed(update(one.id, { title: 'newest' }));
    await watching.tells('watching', 'changed newest idle');
  });

  test('holds what is told while it is read until it has been read', async () => {
    const one = session('one');
    const reading = Promise.withResolvers<void>();
    daemon.overrides['session/list'] = async () => {
      const read = { sessions: [one], nextCursor: null, total: 1 };
      changed(session('meanwhile'));
      daemon.list({ type: 'removed', sessionId: one.id });
      await reading.promise;
      return read;
    };
    const watching = watch();
    reading.resolve();
    await watching.tells('watching', 'changed meanwhile idle', `removed ${one.id}`);
  });

  test('is read again after a loss, and only the difference is told', async () => {
    const [stays, goes, moves] = [session('stays'), session('goes'), session('moves')];
    const watching = watch();
    await watching.tells('watching');
    daemon.status({ state: 'reconnecting', reason: 'the daemon is gone' });
    daemon.sessions.delete(goes.id);
    update(moves.id, { title: 'moved', lastSeq: 1 });
    session('came');
    daemon.status({ state: 'connected' });
    await watching.tells(
      'watching',
      'lost the daemon is gone',
      `removed ${goes.id}`,
      'changed moved idle',
      'changed came idle',
      'watching',
    );
    expect(daemon.calls.filter(({ method }) => method === 'session/watch')).toHaveLength(2);
    expect(stays.title).toBe('stays');
  });

  test('is read again when the daemon had to leave something out', async () => {
    const one = session('one');
    const watching = watch();
    await watching.tells('watching');
    update(one.id, { title: 'other', lastSeq: 1 });
    daemon.list({ type: 'reset' });
    await watching.tells('watching', 'changed other idle');
  });

  test('has only what was asked for: workspace, archived ones, words', async () => {
    const here = session('here');
    const inWorkspace = watch(['--json', '--workspace', '/work']);
    const archived = watch(['--json', '--archived']);
    const named = watch(['--json', 'sea']);
    for (const one of [inWorkspace, named]) await one.tells('watching');
    changed(session('elsewhere', { workspace: '/other' }));
    changed(update(here.id, { title: 'about the sea', lastSeq: 1 }));
    changed(update(here.id, { archived: true, lastSeq: 1 }));
    await inWorkspace.tells('watching', 'changed about the sea idle', `removed ${here.id}`);
    await named.tells('watching', 'changed about the sea idle');
    expect(archived.told().at(-1)).toBe('changed about the sea idle');
  });

  test('that cannot be read ends with the reason', async () => {
    daemon.overrides['session/list'] = () => {
      throw new ProtocolError('STORAGE_FAILED', 'the disk is broken');
    };
    const watching = watch();
    expect(await watching.ended).toBe(1);
    expect(watching.stdout.text).toContain('the disk is broken');
  });

  test('ends with the reason when the connection is lost for good', async () => {
    const watching = watch();
    await watching.tells('watching');
    daemon.overrides['session/watch'] = () => {
      throw new ProtocolError('VERSION_MISMATCH', 'the daemon is newer');
    };
    daemon.status({ state: 'closed', reason: 'the daemon is newer' });
    expect(await watching.ended).toBe(69);
  });
});

describe('on a terminal', () => {
  test('the table is drawn over itself, says when the connection is lost, and stays when it ends', async () => {
    const one = session('one');
    const watching = watch([], true);
    await watching.stdout.untilScreen(/^ID .*\n\S+ .*idle/);
    changed(update(one.id, { status: 'running', lastSeq: 1 }));
    await watching.stdout.untilScreen(/running/);
    daemon.status({ state: 'reconnecting', reason: 'the daemon is gone' });
    await watching.stdout.untilScreen('[the connection is lost, trying again: the daemon is gone]');
    changed(session('two'));
    daemon.status({ state: 'connected' });
    await waitUntil('it goes again', () => !watching.stdout.terminal.screen.includes('lost'), 5_000);
    watching.signal('SIGINT');
    expect(await watching.ended).toBe(0);
    expect(watching.stdout.terminal.screen.match(/^ID/gm)).toHaveLength(1);
    expect(watching.stdout.terminal.screen.split('\n')).toHaveLength(3);
    expect(watching.stdout.terminal.unknown).toEqual([]);
  });

  test('no more rows are drawn than the terminal has, newest first, and an empty list says so', async () => {
    const watching = watch([], true);
    await watching.stdout.untilScreen(/no sessions$/);
    for (let index = 10; index < 60; index += 1) {
      changed(session(`title ${index}`, { updatedAt: `2025-07-04T12:30:${index}.000Z` }));
    }
    await watching.stdout.untilScreen(/29 more below$/);
    const rows = watching.stdout.terminal.screen.split('\n');
    expect(rows).toHaveLength(23);
  });
});

test('without a terminal each change is a row, and a loss is told on stderr', async () => {
  const one = session('one');
  const watching = watch([]);
  await watching.stdout.until(/^ID .*\n.* one /);
  changed(update(one.id, { title: 'other', lastSeq: 1 }));
  await watching.stdout.until(/\n\S+ .* other /);
  daemon.list({ type: 'removed', sessionId: one.id });
  await watching.stdout.until(`${one.id}  removed\n`);
  daemon.status({ state: 'reconnecting', reason: 'the daemon is gone' });
  daemon.status({ state: 'connected' });
  await watching.stderr.until('mctl: connected again\n');
  expect(watching.stderr.text).toContain('mctl: the connection is lost, trying again: the daemon is gone\n');
});
