/** The sentences of the document that the product comes from, each shown on the built programs. */
import { existsSync, readFileSync, readdirSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MHome } from '../support/m-home.ts';

let home: MHome;

beforeEach(() => {
  home = new MHome();
});

afterEach(async () => {
  await home.remove();
});

interface Shown {
  session: Record<string, unknown>;
  messages: { role: string; parts: { type: string; text?: string }[] }[];
}

async function showAutosave(): Promise<Shown> {
  return (await home.json(['sessions', 'show', '_autosave'])) as Shown;
}

/** What a file descriptor is; empty when it has just been closed. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** Bytes of every file of the store. */
function storedBytes(): Buffer {
  const files = readdirSync(home.dataDirectory, { recursive: true, withFileTypes: true }).filter((file) =>
    file.isFile(),
  );
  return Buffer.concat(files.map((file) => readFileSync(join(file.parentPath, file.name))));
}

describe('Autosave', () => {
  test('“Your session is automatically saved after every step. No manual action needed.”', async () => {
    const { out } = await home.chat(['hello', '/sessions']);
    expect(out).toMatch(/^saved sessions \(1\):\n {2}1\) _autosave/m);
    expect((await showAutosave()).messages.map(({ role }) => role)).toEqual(['user', 'assistant']);
  });

  test('“Chat mode: After each message exchange”: also when everything is killed right behind it', async () => {
    const chat = home.start('m', []);
    chat.process.stdin.write('hello\n');
    await chat.until('with /model.');
    await home.killDaemon();
    chat.process.kill('SIGKILL');
    await chat.finished;
    // The last words are on the screen a moment before they are saved; what was cut off is written again.
    await expect.poll(async () => (await showAutosave()).messages.length, { timeout: 20_000 }).toBe(2);
  });

  test('“The session is stored as an encrypted JSON file named _autosave”: _autosave names it, and nothing of it is readable', async () => {
    await home.chat(['a canary sings']);
    expect((await showAutosave()).messages[0]?.parts[0]?.text).toBe('a canary sings');
    expect(storedBytes().includes('canary')).toBe(false);
  });
});

describe('Where is it stored?', () => {
  test('in one directory of the user: directories of mode 0700, files of mode 0600, and nothing beside it', async () => {
    await home.chat(['hello', '/save']);
    const stored = readdirSync(home.dataDirectory, { recursive: true, withFileTypes: true });
    const modes = stored.map((entry) => {
      const mode = (statSync(join(entry.parentPath, entry.name)).mode & 0o777).toString(8);
      return entry.isDirectory() ? `directory ${mode}` : `file ${mode}`;
    });
    expect(new Set(modes)).toEqual(new Set(['directory 700', 'file 600']));
    // The cache holds compiled code of m, and nothing of anybody.
    expect(
      readdirSync(home.root)
        .filter((name) => name !== '.cache')
        .toSorted(),
    ).toEqual(['d', 'w']);
    expect(readdirSync(home.workspace)).toEqual([]);
  });
});

describe('Encryption', () => {
  test('“The key is generated on first use”', async () => {
    expect(existsSync(join(home.dataDirectory, 'key'))).toBe(false);
    const { err } = await home.chat(['hello']);
    expect(err).toContain(`key: a key file was made: ${join(home.dataDirectory, 'key')}`);
    expect(statSync(join(home.dataDirectory, 'key')).mode & 0o777).toBe(0o600);
  });

  test('“and never leaves your machine”: without it nothing can be read, and it is not made anew', async () => {
    await home.chat(['hello']);
    await home.run('mctl', ['daemon', 'stop']);
    const key = join(home.dataDirectory, 'key');
    const kept = readFileSync(key);
    rmSync(key);
    const without = await home.run('mctl', ['sessions', 'list']);
    expect(without.code).toBe(4);
    expect(existsSync(key)).toBe(false);
    writeFileSync(key, kept, { mode: 0o600 });
    await home.run('mctl', ['daemon', 'stop']);
    expect((await home.run('mctl', ['sessions', 'list'])).code).toBe(0);
  });
});

describe('What’s saved?', () => {
  test('“All messages (user, assistant, …)”, “Provider and model used”, “Token usage (input/output)”', async () => {
    await home.chat(['echo one', 'echo two']);
    const { session, messages } = await showAutosave();
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant']);
    expect(session).toMatchObject({ model: 'demo/offline', turns: 2, messages: 4 });
    expect(session['inputTokens']).toBeGreaterThan(0);
    expect(session['outputTokens']).toBeGreaterThan(0);
  });

  test('“Everything needed to reconstruct the session state”: a later chat knows what was said before', async () => {
    await home.chat(['one two', 'three']);
    await home.killDaemon();
    const { out } = await home.chat(['four'], ['-c']);
    expect(out).toContain('Prompt 3 of this conversation');
  });
});

describe('/save [name]', () => {
  test('“Create a snapshot of the current session. Without a name, it’s timestamped.”', async () => {
    const { out } = await home.chat(['hello', '/save']);
    expect(out).toMatch(/^session saved: \d{4}-\d\d-\d\d_\d\d-\d\d \(2 messages\)$/m);
  });

  test('“With a name, it’s easy to find later.”', async () => {
    const { out } = await home.chat(['hello', '/save fixing-auth-bug']);
    expect(out).toMatch(/^session saved: \d{4}-\d\d-\d\d_\d\d-\d\d_fixing-auth-bug \(2 messages\)$/m);
    const { out: list } = await home.chat(['/sessions']);
    expect(list).toMatch(/^ {2}2\) \d{4}-\d\d-\d\d_\d\d-\d\d_fixing-auth-bug\b/m);
  });

  test('two saves of one minute do not overwrite each other', async () => {
    const { out } = await home.chat(['hello', '/save', '/save', '/sessions']);
    const ids = [...out.matchAll(/^session saved: (\S+)/gm)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(2);
    expect(out).toMatch(/^saved sessions \(3\):$/m);
  });

  test('the id that is shown is the id that is stored, whatever the name', async () => {
    const { out } = await home.chat(['hello', '/save a/b ../_autosave', '/sessions']);
    const id = /^session saved: (\S+) /m.exec(out)?.[1] ?? 'none';
    expect(id).not.toContain('/');
    const { out: again } = await home.chat([`/resume ${id}`]);
    expect(again).toContain(`resumed session ${id} (2 messages, demo/offline)`);
  });
});

describe('/sessions', () => {
  test('“List all saved sessions (including autosave and named snapshots).”', async () => {
    const { out } = await home.chat(['hello', '/save', '/sessions']);
    const [, ...lines] = out.slice(out.indexOf('session saved')).trimEnd().split('\n');
    expect(lines[0]).toBe('saved sessions (2):');
    expect(lines[1]).toMatch(/^ {2}1\) _autosave( |$)/);
    expect(lines[2]).toMatch(/^ {2}2\) \d{4}-\d\d-\d\d_\d\d-\d\d( |$)/);
    expect(lines[3]).toBe('use /resume <id or number> to restore');
  });

  test('an empty list says so', async () => {
    expect((await home.chat(['/sessions'])).out).toBe('no saved sessions\n');
  });
});

describe('/resume <id or number>', () => {
  test('“Restore a previously saved session.” … “resumed session _autosave (12 messages, alibaba/deepseek-v3.2)”', async () => {
    await home.chat(Array.from({ length: 6 }, (_, index) => `echo prompt ${index}`));
    const { out } = await home.chat(['/sessions', '/resume 1', 'where were we']);
    expect(out).toMatch(/^resumed session _autosave \(12 messages, demo\/offline\)$/m);
    expect(out).toContain('Prompt 7 of this conversation');
  });

  test('“You can use the session id or the number from /sessions.”', async () => {
    const { out } = await home.chat(['echo old', '/save here', 'echo new']);
    const id = /^session saved: (\S+) /m.exec(out)?.[1] ?? '';
    expect((await home.chat([`/resume ${id}`])).out).toContain(`resumed session ${id} (2 messages, demo/offline)`);
    expect((await home.chat(['/sessions', '/resume 2'])).out).toContain(
      `resumed session ${id} (2 messages, demo/offline)`,
    );
    expect((await home.chat([`/resume ${id.slice(0, 12)}`])).out).toContain(`resumed session ${id} (2 messages`);
  });

  test('a number means the list that was shown, also when a save has moved the rows since', async () => {
    await home.chat(['echo one', '/save first']);
    const { out } = await home.chat(['/resume _autosave', '/sessions', '/save second', '/resume 2']);
    expect(out).toMatch(/resumed session \S+_first \(2 messages/);
  });

  test('out of range, and missing, are said in the words of the document', async () => {
    const { out } = await home.chat(['hello', '/sessions', '/resume 7', '/resume nothing-like-it']);
    expect(out).toMatch(/^pick a number between 1 and 1$/m);
    expect(out).toMatch(/^error: session not found: nothing-like-it$/m);
  });

  test('resuming writes nothing until the next prompt', async () => {
    await home.chat(['echo one', '/save here', 'echo two']);
    const before = await home.json(['sessions', 'list', '--all']);
    await home.chat(['/sessions', '/resume 2', '/resume 1']);
    expect(await home.json(['sessions', 'list', '--all'])).toEqual(before);
  });

  test('a save whose session has moved on goes on as a fork, and says so', async () => {
    const lines = ['echo one', '/save here', 'echo two', '/sessions', '/resume 2', 'echo three'];
    const { out, err } = await home.chat(lines);
    expect(out).toMatch(/resumed session \S+_here \(2 messages/);
    expect(err).toContain('[the save stays as it is; this is a new session: ');
    const sessions = (await home.json(['sessions', 'list'])) as { messages: number }[];
    expect(sessions.map(({ messages }) => messages)).toEqual([4, 4]);
  });
});

describe('/reset', () => {
  test('“Clear the current conversation history and start fresh. The autosave is preserved separately — you can /resume _autosave to get it back.”', async () => {
    const { out } = await home.chat(['one', 'two', '/reset', 'three', '/resume _autosave', 'four']);
    expect(out).toMatch(/^\(history cleared\)$/m);
    const prompts = [...out.matchAll(/^Prompt (\d) of this conversation/gm)].map(([, number]) => number);
    // The first two stand there once more, as the end of the conversation that was resumed.
    expect(prompts).toEqual(['1', '2', '1', '1', '2', '3']);
    expect(out).toMatch(/^resumed session _autosave \(4 messages, demo\/offline\)$/m);
  });
});

describe('Graceful shutdown', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '“When you press Ctrl+C or the process receives SIGTERM, the session is automatically saved before exit. No data is lost.” (%s)',
    async (signal) => {
      const chat = home.start('m', []);
      chat.process.stdin.write('hello\n');
      await chat.until('with /model.');
      chat.process.stdin.write('count to 1000 every 20 ms\n');
      await chat.until(': 1 2 3');
      chat.process.kill(signal);
      const { code } = await chat.finished;
      expect(code).toBe(signal === 'SIGINT' ? 130 : 0);
      const { messages } = await showAutosave();
      expect(messages.map(({ role }) => role).slice(0, 3)).toEqual(['user', 'assistant', 'user']);
    },
  );

  test('the daemon is stopped: what was said is there, and the next command just works', async () => {
    await home.chat(['hello']);
    const { out } = await home.run('mctl', ['daemon', 'stop']);
    expect(out).toBe('daemon stopped\n');
    expect((await showAutosave()).messages).toHaveLength(2);
  });
});

describe('Crash recovery', () => {
  test('“If the app crashes, your session is already saved … On next launch: /sessions … /resume 1”', async () => {
    await home.chat(['one', 'two']);
    await home.killDaemon();
    const { out } = await home.chat(['/sessions', '/resume 1']);
    expect(out).toMatch(
      /^saved sessions \(1\):\n {2}1\) _autosave.*\nuse \/resume <id or number> to restore\nresumed session _autosave \(4 messages, demo\/offline\)$/m,
    );
  });

  test('“it always has your latest state”', async () => {
    await home.chat(['one']);
    await home.chat(['two'], ['-c']);
    await home.killDaemon();
    expect((await showAutosave()).messages.filter(({ role }) => role === 'user')).toHaveLength(2);
  });

  test('two terminals do not overwrite each other’s autosave', async () => {
    await home.chat(['echo from the first']);
    await home.chat(['echo from the second']);
    const { out } = await home.chat(['/sessions']);
    expect(out).toMatch(/^saved sessions \(2\):$/m);
  });
});

describe('Best effort', () => {
  // Seventeen megabytes through a pipe: some hundred turns of two processes on a machine that others use too.
  test(
    'saving is not best effort: what cannot be saved is not accepted, and says so',
    { timeout: 120_000 },
    async () => {
      await home.chat(['hello']);
      const { err, code } = await home.chat(['x'.repeat(17 * 1024 * 1024)]);
      expect(code).toBe(1);
      expect(err).toMatch(/^m: /m);
    },
  );
});

describe('Privacy', () => {
  test.skipIf(process.platform !== 'linux')(
    '“Sessions are never sent to any external service”, “All data stays on your machine”: no process of m has an internet socket',
    async () => {
      const chat = home.start('m', []);
      chat.process.stdin.write('hello\n');
      await chat.until('with /model.');
      const pids = [home.daemonPid() ?? 0, chat.process.pid ?? 0];
      const sockets = pids.flatMap((pid) =>
        readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`)),
      );
      const internet = ['tcp', 'tcp6', 'udp', 'udp6'].map((kind) => readFileSync(`/proc/net/${kind}`, 'utf8')).join('');
      const inodes = sockets.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []);
      expect(inodes.length).toBeGreaterThan(0);
      expect(inodes.filter((inode) => internet.includes(` ${inode} `))).toEqual([]);
      chat.process.stdin.end();
      await chat.finished;
    },
  );

  test('“Encryption key lives in your OS keychain, not in config files”: nowhere but where the screen says', async () => {
    await home.chat(['hello']);
    expect(existsSync(join(home.dataDirectory, 'config.toml'))).toBe(false);
    const status = (await home.json(['keys', 'status'])) as { provider: string; keyFile: string };
    expect(status).toMatchObject({ provider: 'keyfile', keyFile: join(home.dataDirectory, 'key') });
  });
});
