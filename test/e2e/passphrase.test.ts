import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MHome } from '../support/m-home.ts';
import { TmuxTerminal, hasTmux } from '../support/tmux.ts';

const PASSPHRASE = 'correct horse';

let home: MHome;
let terminals: TmuxTerminal[];

beforeEach(() => {
  home = new MHome();
  home.environment['M_KEY_PROVIDER'] = 'passphrase';
  terminals = [];
});

afterEach(async () => {
  for (const terminal of terminals) terminal.close();
  await home.remove();
});

function passphraseFile(content = `${PASSPHRASE}\n`): Record<string, string> {
  const path = join(home.root, 'passphrase');
  writeFileSync(path, content, { mode: 0o600 });
  return { M_PASSPHRASE_FILE: path };
}

function open(program: 'm' | 'mctl', args: readonly string[], environment: Record<string, string> = {}): TmuxTerminal {
  const options = { environment: { ...home.environment, ...environment }, cwd: home.workspace };
  const terminal = new TmuxTerminal(home.command(program, args), options);
  terminals.push(terminal);
  return terminal;
}

function enter(terminal: TmuxTerminal, text: string): void {
  terminal.type(text);
  terminal.press('Enter');
}

describe('without a terminal', () => {
  test('a store is created, locked and unlocked with the passphrase of a file', async () => {
    const refused = await home.run('m', ['run', 'hello']);
    expect(refused).toMatchObject({
      code: 4,
      err: expect.stringContaining('a passphrase is needed to create the store'),
    });
    expect(refused.err).toContain('M_PASSPHRASE_FILE');
    const environment = passphraseFile();
    expect(await home.run('m', ['run', 'echo kept'], { environment })).toMatchObject({ code: 0 });
    expect(existsSync(join(home.dataDirectory, 'key'))).toBe(false);
    await home.killDaemon();

    const locked = await home.run('mctl', ['sessions', 'list', '--json']);
    expect(locked.code).toBe(4);
    expect(JSON.parse(locked.out)).toMatchObject({
      kind: 'KEY_LOCKED',
      hint: expect.stringContaining('M_PASSPHRASE_FILE'),
    });
    expect((await home.run('m', ['run', 'hello'])).code).toBe(4);
    const piped = await home.chat(['hello']);
    expect(piped).toMatchObject({ code: 4, out: '' });

    const listed = await home.run('mctl', ['sessions', 'list', '--json'], { environment });
    expect(JSON.parse(listed.out)).toMatchObject([{ title: 'echo kept' }]);
    // Unlocked for everybody until the daemon ends, or somebody locks it.
    expect((await home.run('mctl', ['sessions', 'list'])).code).toBe(0);
    expect((await home.run('mctl', ['keys', 'lock'])).out).toMatch(/^the store is locked; .*asks for the passphrase/);
    expect((await home.run('mctl', ['sessions', 'list'])).code).toBe(4);
    expect((await home.run('mctl', ['keys', 'unlock'], { environment })).code).toBe(0);
    expect((await home.run('m', ['run', 'hello again'])).code).toBe(0);
  });

  test('a run follows its turn over a daemon that is killed, and unlocks the next one from the file', async () => {
    const environment = passphraseFile();
    const run = home.start('m', ['run', 'count to 60 every 30 ms'], { environment });
    await run.until(' 20');
    await home.killDaemon();
    const { code, out } = await run.finished;
    expect(code).toBe(0);
    expect(out).toMatch(/59 60\n$/);
  });

  test('a run that cannot unlock the next daemon ends with 75, and its turn goes on when the store is unlocked', async () => {
    const environment = passphraseFile();
    await home.run('mctl', ['sessions', 'list'], { environment });
    const run = home.start('m', ['run', 'count to 60 every 30 ms']);
    await run.until(' 20');
    await home.killDaemon();
    const { code, err } = await run.finished;
    expect(code).toBe(75);
    expect(err).toContain('the store is locked with a passphrase');
    expect((await home.run('mctl', ['keys', 'unlock'], { environment })).code).toBe(0);
    await expect
      .poll(async () => ((await home.json(['sessions', 'list'])) as { status: string }[])[0]?.status, {
        timeout: 10_000,
      })
      .toBe('idle');
    const [session] = (await home.json(['sessions', 'list'])) as { id: string }[];
    expect((await home.run('mctl', ['sessions', 'show', session?.id ?? ''])).out).toContain('59 60');
  });

  test('the key moves from a file to a passphrase and back, and nothing is lost on the way', async () => {
    home.environment['M_KEY_PROVIDER'] = '';
    await home.run('m', ['--allow-keyfile', 'run', 'echo kept']);
    const file = join(home.dataDirectory, 'key');
    expect(existsSync(file)).toBe(true);
    const before = readFileSync(file);
    const environment = passphraseFile();
    expect(await home.run('mctl', ['keys', 'move', 'passphrase'], { environment })).toMatchObject({ code: 2 });
    const moved = await home.run('mctl', ['keys', 'move', 'passphrase', '--yes'], { environment });
    expect(moved).toMatchObject({ code: 0, out: 'the key is now behind a passphrase\n' });
    expect(existsSync(file)).toBe(false);
    await home.killDaemon();
    expect((await home.run('mctl', ['sessions', 'verify'])).code).toBe(4);
    expect((await home.run('mctl', ['sessions', 'verify'], { environment })).out).toMatch(/everything verifies/);
    expect((await home.run('mctl', ['keys', 'move', 'keyfile', '--yes'])).out).toBe(
      `the key is now in a key file: ${file}\n`,
    );
    expect(readFileSync(file).equals(before)).toBe(false);
    await home.killDaemon();
    expect((await home.run('mctl', ['sessions', 'verify'])).out).toMatch(/everything verifies/);
  });
});

describe.skipIf(!hasTmux)('on a terminal', () => {
  test('the first use asks for a passphrase twice and shows nothing of it', async () => {
    const terminal = open('m', []);
    await terminal.until(/It is stored nowhere and\ncannot be recovered: .*\nnew passphrase:$/);
    enter(terminal, 'short');
    await terminal.until(/too short; use at least 8 bytes\nnew passphrase:$/);
    enter(terminal, PASSPHRASE);
    await terminal.until(/once more:$/);
    enter(terminal, PASSPHRASE);
    await terminal.until(/key: behind your passphrase; [^]*\n»$/);
    enter(terminal, 'echo hello');
    await terminal.until(/: hello\nsaved\n»$/);
    expect(terminal.scrollback()).not.toContain('horse');
  });

  test('a locked store is unlocked before the conversation begins', async () => {
    await home.run('m', ['run', 'echo kept'], { environment: passphraseFile() });
    await home.killDaemon();
    const terminal = open('m', ['-c']);
    await terminal.until(/^the store is locked with a passphrase\npassphrase:$/m);
    enter(terminal, 'wrong horse');
    await terminal.until(/this is not the passphrase\npassphrase:$/);
    enter(terminal, PASSPHRASE);
    await terminal.until(/: kept\n»$/);
  });

  test('chat survives the loss of its daemon: it shows that the store is locked, asks, and the turn goes on', async () => {
    await home.run('mctl', ['sessions', 'list'], { environment: passphraseFile() });
    const terminal = open('m', []);
    await terminal.until(/^»$/m);
    enter(terminal, 'count to 60 every 50 ms');
    // By now a part of the reply has been kept.
    await terminal.until(/ 30 /);
    terminal.type('typed meanwhile');
    await home.killDaemon();
    await terminal.until(/\[locked: type the passphrase, Ctrl\+C leaves\]\npassphrase:$/);
    enter(terminal, 'wrong horse');
    await terminal.until(/this is not the passphrase\n\[locked.*\npassphrase:$/);
    enter(terminal, PASSPHRASE);
    await terminal.until(/59 60\nsaved\n» typed meanwhile$/, 15_000);
    const numbers = Array.from({ length: 60 }, (_, index) => index + 1).join(' ');
    expect(terminal.scrollback().replaceAll(/\s+/g, ' ')).toContain(`: ${numbers} saved`);
    expect(terminal.scrollback()).not.toContain('horse');
  });

  test('the terminal is as before after a passphrase was asked for and refused with Ctrl+C', async () => {
    await home.run('m', ['run', 'echo kept'], { environment: passphraseFile() });
    await home.killDaemon();
    const keepMode = 'stty -a > before; "$@"; echo code $?; stty -a > after; cmp before after && echo same';
    const { environment, workspace: cwd } = home;
    const command = ['sh', '-c', keepMode, 'x', ...home.command('mctl', ['sessions', 'list'])];
    const terminal = new TmuxTerminal(command, { environment, cwd });
    terminals.push(terminal);
    await terminal.until(/passphrase:$/);
    terminal.type('half');
    terminal.press('C-c');
    await terminal.until(/code 130\nsame$/m);
  });

  test('where no keychain can be reached a person chooses, and the choice is kept', async () => {
    const nowhere = { M_KEY_PROVIDER: '', XDG_RUNTIME_DIR: home.root };
    const first = open('m', [], nowhere);
    await first.until(
      /Where is the key of your sessions to be kept\?[^]*1\) a key file[^]*2\) a pass[^]*3\) nowhere[^]*1–3:$/,
    );
    enter(first, '3');
    await first.until(/no store was created[^]*exit=130$/);
    const second = open('m', [], nowhere);
    await second.until(/1–3:$/);
    enter(second, '2');
    await second.until(/new passphrase:$/);
    enter(second, PASSPHRASE);
    await second.until(/once more:$/);
    enter(second, PASSPHRASE);
    await second.until(/\n»$/);
    expect(existsSync(join(home.dataDirectory, 'key'))).toBe(false);
    home.environment['M_KEY_PROVIDER'] = '';
    expect(await home.json(['keys', 'status'])).toMatchObject({ state: 'unlocked', provider: 'passphrase' });
  });

  test('or a key file, and is not asked again', async () => {
    const nowhere = { M_KEY_PROVIDER: '', XDG_RUNTIME_DIR: home.root };
    const terminal = open('m', [], nowhere);
    await terminal.until(/1–3:$/);
    enter(terminal, '1');
    await terminal.until(/key: a key file was made, since no keychain could be reached[^]*\n»$/);
    await home.killDaemon();
    home.environment['M_KEY_PROVIDER'] = '';
    expect((await home.run('m', ['run', 'hello'])).code).toBe(0);
  });
});
