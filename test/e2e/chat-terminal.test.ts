import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MHome } from '../support/m-home.ts';
import { TmuxTerminal, hasTmux } from '../support/tmux.ts';

describe.skipIf(!hasTmux)('chat in a real terminal', () => {
  let home: MHome;
  let terminals: TmuxTerminal[];

  beforeEach(() => {
    home = new MHome();
    terminals = [];
  });

  afterEach(async () => {
    for (const terminal of terminals) terminal.close();
    await home.remove();
  });

  async function open(args: readonly string[] = [], size: { columns?: number; rows?: number } = {}) {
    const { environment, workspace: cwd } = home;
    const terminal = new TmuxTerminal(home.command('m', args), { environment, cwd, ...size });
    terminals.push(terminal);
    await terminal.until(/^»$/m);
    return terminal;
  }

  test('a prompt streams its answer, is marked as saved, and the prompt returns', async () => {
    const terminal = await open();
    terminal.type('count to 30 every 50 ms');
    terminal.press('Enter');
    await terminal.until(/: 1 2 3/);
    expect(terminal.screen()).not.toContain('saved');
    await terminal.until(/30\nsaved\n»$/);
    expect(terminal.screen()).toMatch(/^» count to 30 every 50 ms\ndemo\/offline counts.*: 1 2 3 4 /m);
  });

  test('the greeting names version, demo model, workspace, session and key file', async () => {
    const terminal = await open([], { columns: 200 });
    expect(terminal.screen()).toMatch(
      /^m \d+\.\d+\.\d+ · demo\/offline \(built-in demo, no network\) · .* · new session$/m,
    );
    expect(terminal.screen()).toContain(`key: a key file was made: ${home.dataDirectory}`);
    expect(terminal.screen()).toContain(home.workspace);
  });

  test('Ctrl+C cancels the running turn and what was typed is kept', async () => {
    const terminal = await open();
    terminal.type('count to 1000 every 50 ms');
    terminal.press('Enter');
    await terminal.until(/: 1 2 3/);
    terminal.type('typed meanwhile');
    terminal.press('C-c');
    await terminal.until(/\[cancelled\]\n» typed meanwhile$/);
    terminal.press('C-c');
    await terminal.until(/\n»$/);
    terminal.press('C-c');
    await terminal.until('Ctrl+D leaves');
  });

  test('Ctrl+D leaves, the turn goes on, and the printed command comes back to it', async () => {
    const terminal = await open();
    terminal.type('count to 60 every 50 ms');
    terminal.press('Enter');
    await terminal.until(/: 1 2 3/);
    terminal.press('C-d');
    await terminal.until(/exit=0$/);
    const [, id = ''] = /turn 1 goes on; come back with: m -r (\S+)/.exec(terminal.scrollback()) ?? [];
    const again = await open(['-r', id]);
    await again.until(/60\nsaved\n»$/);
    expect(again.screen()).toMatch(/» count to 60 every 50 ms\ndemo\/offline counts.*: 1 2 3 4 /);
  });

  test('the terminal is as before when chat has ended', async () => {
    const { environment, workspace: cwd } = home;
    const keepMode = 'stty -a > before; "$@"; stty -a > after; cmp before after && echo same';
    const terminal = new TmuxTerminal(['sh', '-c', keepMode, 'x', ...home.command('m', [])], { environment, cwd });
    terminals.push(terminal);
    await terminal.until(/^»$/m);
    terminal.press('C-d');
    await terminal.until(/^same$/m);
  });

  test('three quotes make a prompt of several lines', async () => {
    const terminal = await open();
    terminal.type('"""');
    terminal.press('Enter');
    terminal.type('echo first');
    terminal.press('Enter');
    terminal.type('second');
    terminal.press('Enter');
    terminal.type('"""');
    terminal.press('Enter');
    await terminal.until(/: first\nsecond\nsaved$/m);
  });

  test('pasted lines arrive as one prompt', async () => {
    const terminal = await open();
    terminal.paste('echo first\nsecond\nthird');
    await terminal.until(/» echo first⏎second⏎third$/);
    terminal.press('Enter');
    await terminal.until(/: first\nsecond\nthird\nsaved$/m);
  });

  test('prompts given during a turn are queued and answered in order', async () => {
    const terminal = await open();
    terminal.type('count to 40 every 50 ms');
    terminal.press('Enter');
    await terminal.until(/: 1 2 3/);
    terminal.type('echo second');
    terminal.press('Enter');
    await terminal.until('queued (1 before it)');
    terminal.type('echo third');
    terminal.press('Enter');
    await terminal.until('queued (2 before it)');
    await terminal.until(/40\nsaved\n» echo second\n.*: second\nsaved\n» echo third\n.*: third\nsaved\n»$/);
  });

  test('a narrower and a wider terminal keep the text and the typed line', async () => {
    const terminal = await open();
    terminal.type('count to 80 every 50 ms');
    terminal.press('Enter');
    await terminal.until(/: 1 2 3/);
    terminal.type('typed meanwhile');
    await terminal.until(/» typed meanwhile$/);
    terminal.resize(50, 20);
    await terminal.until(/ 40/);
    terminal.resize(100, 30);
    await terminal.until(/80\nsaved\n» typed meanwhile$/);
    const numbers = Array.from({ length: 80 }, (_, index) => index + 1).join(' ');
    expect(terminal.scrollback().replaceAll(/\s+/g, ' ')).toContain(numbers);
  });

  test('two terminals on one session see the same stream, above what each is typing', async () => {
    const first = await open();
    first.type('hello');
    first.press('Enter');
    await first.until(/saved\n»$/);
    const second = await open(['-c']);
    await second.until(/^resumed session \S+ \(2 messages, demo\/offline\)\n» hello$/m);
    first.type('typed in the first');
    second.type('count to 40 every 50 ms');
    second.press('Enter');
    await second.until(/: 1 2 3/);
    second.type('typed in the second');
    await first.until(
      /» count to 40 every 50 ms\n\[from another terminal\]\n.*: 1 2 3.*\n(.*\n)?» typed in the first$/,
    );
    await first.until(/40\nsaved\n» typed in the first$/);
    await second.until(/40\nsaved\n» typed in the second$/);
  });

  test('a terminal that joins in the middle of a reply sees all of it', async () => {
    const first = await open();
    first.type('count to 60 every 50 ms');
    first.press('Enter');
    await first.until(/ 20/);
    const second = await open(['-c']);
    await second.until(/60\nsaved\n»$/);
    const numbers = Array.from({ length: 60 }, (_, index) => index + 1).join(' ');
    expect(second.scrollback().replaceAll(/\s+/g, ' ')).toContain(`: ${numbers} saved`);
  });

  test('a killed daemon is one line on the screen, and the turn continues by itself', async () => {
    const terminal = await open();
    terminal.type('count to 60 every 50 ms');
    terminal.press('Enter');
    // By now a part of the reply has been kept.
    await terminal.until(/ 30 /);
    await home.killDaemon();
    await terminal.until('[cut off: the daemon was restarted; continuing]');
    await terminal.until(/59 60\nsaved\n»$/);
    expect(terminal.screen()).not.toContain('reconnecting');
    const numbers = Array.from({ length: 60 }, (_, index) => index + 1).join(' ');
    expect(terminal.scrollback().replaceAll(/\s+/g, ' ')).toContain(
      `continuing] demo/offline counts, without a model or network: ${numbers} saved`,
    );
  });

  test('a terminal that is closed stops nothing', async () => {
    const terminal = await open();
    terminal.type('count to 60 every 30 ms');
    terminal.press('Enter');
    await terminal.until(/: 1 2 3/);
    terminal.close();
    const again = await open(['-c']);
    await again.until(/59 60\nsaved\n»$/);
  });

  test('what was typed in a session that was deleted is not brought back by the arrow keys', async () => {
    const terminal = await open();
    for (const text of ['a confidential question', '/rename a confidential name']) {
      terminal.type(text);
      terminal.press('Enter');
      await terminal.until(text.startsWith('/') ? /renamed/i : /saved\n»$/);
    }
    terminal.press('C-d');
    await terminal.until('exit=0');
    const [, id] = /come back with: m -r (\w+)/.exec(terminal.scrollback()) ?? [];
    await home.run('m', ['run', 'echo another']);
    const before = await open();
    before.press('Up');
    await before.until(/» \/rename a confidential name$/);
    before.press('Up');
    await before.until(/» a confidential question$/);
    before.close();
    expect((await home.run('mctl', ['sessions', 'delete', id ?? '', '--yes'])).code).toBe(0);
    const after = await open();
    after.type('kept');
    after.press('Enter');
    await after.until(/saved\n»$/);
    after.press('Up');
    await after.until(/» kept$/);
    after.press('Up');
    await after.until(/»$/);
    expect(after.scrollback()).not.toContain('confidential');
  });

  test('escape sequences in a reply are shown and not obeyed', async () => {
    const terminal = await open([], { columns: 150 });
    const hostile = '\x1b]0;owned\x07\x1b[2J\x1b[31mred\x9b32m';
    const reply = await home.run('m', ['run', `echo ${hostile}`]);
    expect(reply.out).toMatch(/: ␛\]0;owned␇␛\[2J␛\[31mred�32m\n$/);
    terminal.type('/history');
    terminal.press('Enter');
    await terminal.until(/^ {2}1\) .*owned.*red/m);
    terminal.type('/resume 1');
    terminal.press('Enter');
    await terminal.until(/: ␛\]0;owned␇␛\[2J␛\[31mred�32m$/m);
    expect(terminal.screen()).toMatch(/^m \d/);
  });
});
