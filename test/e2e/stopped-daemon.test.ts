/** A daemon that a person stops stays stopped until somebody needs it, whatever is attached; any other end is mended at once. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MHome, waitUntil, type Started } from '../support/m-home.ts';
import { daemonsOf } from '../support/processes.ts';
import { TmuxTerminal, hasTmux } from '../support/tmux.ts';

const STOPPED = 'the daemon was stopped; what you send next starts it again';
/** A frontend looks for a daemon once a second, and starts one within milliseconds when it believes that it should. */
const HELD_MS = 2_500;

let home: MHome;
let started: Started[];
let terminals: TmuxTerminal[];

beforeEach(() => {
  home = new MHome();
  started = [];
  terminals = [];
});

afterEach(async () => {
  for (const terminal of terminals) terminal.close();
  for (const one of started) one.process.kill('SIGKILL');
  await Promise.all(started.map(({ finished }) => finished));
  await home.remove();
});

function start(...[program, args, options]: Parameters<MHome['start']>): Started {
  const one = home.start(program, args, options);
  started.push(one);
  return one;
}

async function stop(): Promise<string> {
  const { out } = await home.run('mctl', ['daemon', 'stop']);
  expect(out).toMatch(/^daemon stopped(; .*)?\n$/);
  return out;
}

/** Fails when a daemon appears. */
async function staysStopped(): Promise<void> {
  await until('the daemon ends', () => daemonsOf(home.dataDirectory).length === 0);
  const end = performance.now() + HELD_MS;
  do {
    expect(daemonsOf(home.dataDirectory)).toEqual([]);
    await sleep(50);
  } while (performance.now() < end);
}

async function until(what: string, condition: () => boolean): Promise<void> {
  await waitUntil(condition, () => what, 15_000);
}

describe.skipIf(!hasTmux)('a chat on a terminal', () => {
  async function open(): Promise<TmuxTerminal> {
    const { environment, workspace: cwd } = home;
    const terminal = new TmuxTerminal(home.command('m', []), { environment, cwd, columns: 100 });
    terminals.push(terminal);
    await terminal.until(/^»$/m);
    return terminal;
  }

  function send(terminal: TmuxTerminal, text: string): void {
    terminal.type(text);
    terminal.press('Enter');
  }

  test('says that the daemon was stopped, leaves it so, and starts it with the next prompt', async () => {
    const terminal = await open();
    send(terminal, 'echo before');
    await terminal.until(/: before\nsaved\n»$/);
    await stop();
    await terminal.until(`[${STOPPED}]\n»`);
    terminal.type('echo aft');
    await staysStopped();
    send(terminal, 'er');
    await terminal.until(/: after\nsaved\n»$/);
    expect(terminal.screen()).not.toContain(STOPPED);
    expect(daemonsOf(home.dataDirectory)).toHaveLength(1);
  });

  test('shows the interrupted turn, and what waited when somebody else has started the next daemon', async () => {
    const terminal = await open();
    send(terminal, 'count to 1000 every 20 ms');
    await terminal.until(/: 1 2 3/);
    send(terminal, 'echo waited');
    await terminal.until('queued (1 before it)');
    await stop();
    await terminal.until(/\[interrupted: the daemon was stopped; .*\n\[the daemon was stopped; [^\n]* · queued \(/);
    await staysStopped();
    expect((await home.run('mctl', ['sessions', 'list'])).code).toBe(0);
    await terminal.until(/» echo waited\n[^]*\nsaved\n»$/);
    expect(terminal.screen()).not.toContain(STOPPED);
  });

  test('joins the next daemon at once after a restart and after a crash', async () => {
    const terminal = await open();
    send(terminal, 'echo before');
    await terminal.until(/: before\nsaved\n»$/);
    const first = home.daemonPid();
    expect((await home.run('mctl', ['daemon', 'restart'])).code).toBe(0);
    const second = home.daemonPid();
    expect(second).not.toBe(first);
    await home.killDaemon();
    // Nobody else is there who could have started a third.
    await until('a daemon follows the one that crashed', () => ![undefined, first, second].includes(home.daemonPid()));
    send(terminal, 'echo after');
    await terminal.until(/: after\nsaved\n»$/);
    expect(terminal.scrollback()).not.toContain('was stopped');
  });
});

test('a piped chat between two prompts leaves the daemon stopped, and starts it with the second', async () => {
  const chat = start('m', []);
  chat.process.stdin.write('echo first\n');
  await chat.until(': first\n');
  await stop();
  await staysStopped();
  chat.process.stdin.end('echo second\n');
  const { code, out, err } = await chat.finished;
  expect(out).toContain(': second\n');
  expect(err).toContain('m: the daemon was stopped; the next prompt starts it again\n');
  expect(code).toBe(0);
});

test('who waits for a prompt in the queue of a stopped daemon leaves it there', async () => {
  const busy = start('m', ['run', '--json', 'count to 1000 every 20 ms']);
  await busy.until('"delta"');
  const { sessionId } = JSON.parse(busy.out().split('\n')[0] ?? '') as { sessionId: string };
  const run = start('m', ['run', '--json', '-r', sessionId, 'echo one']);
  await run.until('"turn.queued"');
  const chat = start('m', ['-r', sessionId], { input: 'echo two\n' });
  let said = '';
  chat.process.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString('utf8');
  });
  await until('the prompt of the chat is queued', () => said.includes('queued (2 before it)'));
  expect(await stop()).toContain('daemon stopped; it was in a turn, which is interrupted: the prompts are kept, ');
  expect((await busy.finished).code).toBe(75);
  const ran = await run.finished;
  expect(ran.code).toBe(75);
  expect(JSON.parse(ran.out.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
    type: 'turn.interrupted',
    reason: 'unserved',
  });
  expect(ran.err).toContain('the prompt stays in the queue of the daemon, which was stopped; come back with: m -r ');
  const chatted = await chat.finished;
  expect(chatted.code).toBe(75);
  expect(chatted.err).toContain('2 more in the queue; come back with: m -r ');
  await staysStopped();
  // Every prompt is answered, in order.
  expect((await home.run('m', ['run', '-r', sessionId, 'echo three'])).code).toBe(0);
  const { messages } = (await home.json(['sessions', 'show', sessionId])) as { messages: { role: string }[] };
  expect(messages.map(({ role }) => role).join(' ')).toMatch(/^user (user assistant ?){3}$/);
});
