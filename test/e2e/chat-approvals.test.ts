import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MHome } from '../support/m-home.ts';
import { TmuxTerminal, hasTmux } from '../support/tmux.ts';

const OFFERS = /allow\? \[y\] once {2}\[s\] session {2}\[a\] always here {2}\[n\] no {2}\[r\] no, with a reason$/;

describe.skipIf(!hasTmux)('questions about tool calls in a real terminal', () => {
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

  const file = (name: string): string => join(home.workspace, name);

  async function open(args: readonly string[] = [], sign: RegExp = /^»$/m): Promise<TmuxTerminal> {
    const { environment, workspace: cwd } = home;
    const terminal = new TmuxTerminal(home.command('m', args), { environment, cwd });
    terminals.push(terminal);
    await terminal.until(sign);
    return terminal;
  }

  function give(terminal: TmuxTerminal, prompt: string): void {
    terminal.type(prompt);
    terminal.press('Enter');
  }

  test('y writes the file that was shown, and the transcript keeps question, answer and result', async () => {
    const terminal = await open();
    give(terminal, 'write a.txt hello');
    await terminal.until(OFFERS);
    expect(terminal.screen()).toMatch(/^\? write a\.txt \(new file\)\n {2}@@ -0,0 \+1 @@\n {2}\+hello\nallow\?/m);
    expect(existsSync(file('a.txt'))).toBe(false);
    terminal.type('y');
    await terminal.until(/saved\n»$/);
    expect(readFileSync(file('a.txt'), 'utf8')).toBe('hello\n');
    expect(terminal.screen()).toMatch(/^ {2}\+hello\n {2}allowed once\n⏺ write a\.txt\n {2}\+1 −0\n/m);
    expect(terminal.screen()).not.toContain('allow?');
  });

  test('a rejection with a reason changes nothing, and the model reads the reason', async () => {
    const terminal = await open();
    give(terminal, 'write a.txt hello');
    await terminal.until(OFFERS);
    terminal.type('r');
    await terminal.until(/^no, because:$/m);
    give(terminal, 'keep it');
    await terminal.until(/rejected: keep it\n(.*\n)*.*saved\n»$/);
    expect(terminal.screen()).toContain('The person says: keep it');
    expect(existsSync(file('a.txt'))).toBe(false);
  });

  test('always here holds in the next session, is listed by mctl, and is asked again when it is revoked', async () => {
    const first = await open();
    give(first, 'run echo $((40 + 2))');
    await first.until(OFFERS);
    first.type('a');
    await first.until(/⏺ run echo .*\n {2}42\n {2}exit 0 · .* · 1 line\n(.*\n)*saved\n»$/);
    const second = await open();
    give(second, 'run echo $((40 + 2))');
    await second.until(/42\n(.*\n)*saved\n»$/);
    expect(second.screen()).not.toContain('allowed');
    const rules = await home.run('mctl', ['rules', 'list']);
    const [, id = ''] = /^(\d+) {2}run echo \$\(\(40 \+ 2\)\)$/m.exec(rules.out) ?? [];
    expect((await home.run('mctl', ['rules', 'revoke', id])).code).toBe(0);
    give(second, 'run echo $((40 + 2))');
    await second.until(OFFERS);
  });

  test('a command shows its newest output while it runs, and only its end afterwards', async () => {
    const terminal = await open(['--mode', 'full']);
    give(terminal, 'run for i in $(seq 1 40); do echo line $i; sleep 0.05; done; exit 3');
    await terminal.until(/⏺ run for[^⏺]*\n {2}line 8\n {2}line 9\n/);
    const during = terminal.screen().split('\n');
    expect(during.filter((line) => /^ {2}line \d+$/.test(line)).length).toBeLessThanOrEqual(5);
    await terminal.until(/ {2}line 40\n {2}exit 3 · .* · 40 lines\n(.*\n)*saved\n»$/);
    const lines = terminal.scrollback().match(/^ {2}line \d+$/gm) ?? [];
    expect(lines).toEqual(Array.from({ length: 16 }, (_, index) => `  line ${index + 25}`));
    expect(terminal.scrollback()).toMatch(/… 24 more lines:\n {2}mctl turns output \S+ \S+\n/);
    const [, session = '', call = ''] = /mctl turns output (\S+) (\S+)/.exec(terminal.scrollback()) ?? [];
    const whole = await home.run('mctl', ['turns', 'output', session, call]);
    expect(whole.out).toContain('line 1\nline 2\n');
  });

  test('what a command writes commands nothing', async () => {
    const terminal = await open(['--mode', 'full']);
    const hostile = String.raw`printf '\033[2J\033]0;owned\007\033[5;5Hx\r\342\200\256y\n'`;
    give(terminal, `run ${hostile}; sleep 1`);
    await terminal.until('␛[2J␛]0;owned␇␛[5;5Hx');
    await terminal.until(/saved\n»$/);
    expect(terminal.screen()).toMatch(/^m \d/);
    expect(terminal.screen()).not.toContain('\u202e');
  });

  test('an answer from a second terminal ends the question in the first, which says so', async () => {
    const first = await open();
    give(first, 'write a.txt hello');
    await first.until(OFFERS);
    const second = await open(['-c'], OFFERS);
    expect(second.screen()).toContain('? write a.txt (new file)');
    second.type('y');
    await first.until(/answered elsewhere: allowed once\n⏺ write a\.txt\n(.*\n)*saved\n»$/);
    await second.until(/ {2}allowed once\n⏺ write a\.txt\n(.*\n)*saved\n»$/);
    expect(readFileSync(file('a.txt'), 'utf8')).toBe('hello\n');
  });

  test('an answer from mctl does the same', async () => {
    const terminal = await open();
    give(terminal, 'write a.txt hello');
    await terminal.until(OFFERS);
    const { out } = await home.run('mctl', ['approvals', 'list', '--json']);
    const [pending] = JSON.parse(out) as { sessionId: string; callId: string }[];
    const words = [
      'approvals',
      'answer',
      pending?.sessionId ?? '',
      pending?.callId ?? '',
      'reject',
      '--reason',
      'later',
    ];
    expect((await home.run('mctl', words)).code).toBe(0);
    await terminal.until(/rejected elsewhere: later\n(.*\n)*saved\n»$/);
    expect(existsSync(file('a.txt'))).toBe(false);
  });

  test('a resize while a question is shown leaves one question, and it can be answered', async () => {
    const terminal = await open();
    give(terminal, 'write a.txt hello');
    await terminal.until(OFFERS);
    terminal.resize(60, 10);
    await terminal.until(/allow\? \[y\]es \[s\]ession \[a\]lways \[n\]o \[r\]eason$/);
    terminal.resize(100, 30);
    await terminal.until(OFFERS);
    terminal.type('y');
    await terminal.until(/saved\n»$/);
    expect(terminal.scrollback().match(/allow\?/g)).toBeNull();
    expect(terminal.scrollback().match(/^\? write a\.txt/gm)).toHaveLength(1);
  });

  test('a question outlives the daemon: it stays on the screen and is answered once', async () => {
    const terminal = await open();
    give(terminal, 'write a.txt hello');
    await terminal.until(OFFERS);
    await home.killDaemon();
    // The daemon that comes next has to find out first that it is to be asked.
    expect(terminal.screen()).toMatch(OFFERS);
    terminal.type('y');
    await terminal.until(/ {2}allowed once\n⏺ write a\.txt\n {2}\+1 −0\n(.*\n)*saved\n»$/);
    expect(readFileSync(file('a.txt'), 'utf8')).toBe('hello\n');
    expect(terminal.scrollback().match(/^\? write a\.txt/gm)).toHaveLength(1);
  });

  test('Ctrl+C cancels the turn, and the call is not made', async () => {
    const terminal = await open();
    give(terminal, 'write a.txt hello');
    await terminal.until(OFFERS);
    terminal.press('C-c');
    await terminal.until(/\[cancelled\]\n»$/);
    expect(existsSync(file('a.txt'))).toBe(false);
  });

  test('a daemon killed in the middle of a command leaves a note of what is uncertain, here and when one comes back', async () => {
    const terminal = await open(['--mode', 'full']);
    give(terminal, 'run echo begun; sleep 60');
    await terminal.until(/^ {2}begun$/m);
    await home.killDaemon();
    const note =
      /not known whether this took effect: run echo begun; sleep 60\n {2}\/continue .*\n {2}\/retry .*\n {2}\/leave .*\n»$/;
    await terminal.until(note, 20_000);
    terminal.close();
    const again = await open(['-c']);
    await again.until(note);
    give(again, '/leave');
    await again.until('is left as it is');
  });

  test('m run asks on the terminal while its answer goes elsewhere', async () => {
    const { environment, workspace: cwd } = home;
    const run = `echo 'run echo $((40 + 2))' | ${home.command('m', ['run', '-']).join(' ')} > answer.txt`;
    const terminal = new TmuxTerminal(['sh', '-c', run], { environment, cwd });
    terminals.push(terminal);
    await terminal.until(OFFERS);
    give(terminal, 'y');
    await terminal.until(/ {2}allowed once\n⏺ run echo .*\n {2}exit 0, .*\nexit=0$/);
    expect(readFileSync(file('answer.txt'), 'utf8')).toContain('demo/offline has made 1 tool call');
  });
});
