/** `mctl sessions list --watch` beside a real daemon that works, is killed, restarted and changed under it. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MHome, waitUntil, type Started } from '../support/m-home.ts';
import { TmuxTerminal, hasTmux } from '../support/tmux.ts';

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

interface Told {
  readonly type: string;
  readonly id?: string;
  readonly session?: {
    readonly id: string;
    readonly title: string;
    readonly status: string;
    readonly messages: number;
  };
}

const told = (watching: Started): Told[] =>
  watching
    .out()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Told);

async function until(watching: Started, what: string, isTold: (lines: Told[]) => boolean): Promise<void> {
  await waitUntil(
    () => isTold(told(watching)),
    () => `never told ${what}:\n${watching.out()}`,
    15_000,
  );
}

const count = (lines: readonly Told[], type: string): number => lines.filter((line) => line.type === type).length;

test('every change is a line of JSON, over a killed and a restarted daemon, until Ctrl+C ends it with 0', async () => {
  await home.run('m', ['run', 'echo before']);
  const watching = home.start('mctl', ['sessions', 'list', '--watch', '--json']);
  await until(watching, 'the list', (lines) => count(lines, 'watching') === 1);
  expect(told(watching).map(({ type, session }) => [type, session?.title])).toEqual([
    ['listed', 'echo before'],
    ['watching', undefined],
  ]);

  await home.run('m', ['run', 'echo while it is watched']);
  const isDone = ({ session }: Told): boolean =>
    session?.title === 'echo while it is watched' && session.messages === 2;
  await until(watching, 'the new session', (lines) =>
    lines.some((line) => isDone(line) && line.session?.status === 'idle'),
  );

  await home.killDaemon();
  await until(watching, 'the loss and its end', (lines) => count(lines, 'watching') === 2);
  expect(count(told(watching), 'lost')).toBeGreaterThan(0);
  await home.run('m', ['run', 'echo after the crash']);
  await until(watching, 'what came after the crash', (lines) =>
    lines.some(({ session }) => session?.title === 'echo after the crash'),
  );

  expect((await home.run('mctl', ['daemon', 'restart'])).code).toBe(0);
  await until(watching, 'the restart', (lines) => count(lines, 'watching') === 3);
  const id = told(watching).find(({ session }) => session?.title === 'echo before')?.session?.id ?? '';
  await home.run('mctl', ['sessions', 'delete', id, '--yes']);
  await until(watching, 'the deletion', (lines) => lines.some((line) => line.type === 'removed' && line.id === id));
  // Nothing was told twice: no line is the same as the one before it of its session.
  const last = new Map<string, string>();
  for (const { session } of told(watching)) {
    if (session === undefined) continue;
    expect(last.get(session.id)).not.toBe(JSON.stringify(session));
    last.set(session.id, JSON.stringify(session));
  }
  watching.process.kill('SIGINT');
  expect(await watching.finished).toMatchObject({ code: 0, err: '' });
});

test('a reader that leaves ends it', async () => {
  const watching = home.start('mctl', ['sessions', 'list', '--watch', '--json']);
  await until(watching, 'the list', (lines) => count(lines, 'watching') === 1);
  watching.process.stdout.destroy();
  await home.run('m', ['run', 'echo one']);
  expect((await watching.finished).code).toBe(0);
});

describe.skipIf(!hasTmux)('in a real terminal', () => {
  test('rows appear and change in place, the loss is shown, and the table stays after Ctrl+C', async () => {
    const { environment, workspace: cwd } = home;
    const terminal = new TmuxTerminal(home.command('mctl', ['sessions', 'list', '--watch']), {
      environment,
      cwd,
      columns: 120,
      rows: 12,
    });
    terminals.push(terminal);
    await terminal.until('no sessions');
    const running = home.start('m', ['run', 'count to 60 every 50 ms']);
    await terminal.until(/^ID .*\n\S+ .* running .*count to 60/);
    await running.finished;
    await terminal.until(/^ID .*\n\S+ .* idle .*count to 60/);

    await home.killDaemon();
    await home.run('m', ['run', 'echo after the crash']);
    await terminal.until(/^ID .*\n\S+ .* idle .*echo after the crash.*\n\S+ .*count to 60.*$/);

    for (let index = 0; index < 12; index += 1) await home.run('m', ['run', `echo number ${index}`]);
    await terminal.until(/^ID .*\n.*echo number 11[\s\S]*\n5 more below$/);
    terminal.resize(70, 8);
    await terminal.until(/^ID .*\n[\s\S]*\n9 more below$/);
    terminal.press('C-c');
    await terminal.until(/more below\nexit=0$/);
  });
});
