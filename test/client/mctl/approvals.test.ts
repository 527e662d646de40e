import { expect, test } from 'vitest';
import { main } from '../../../client/mctl/main.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { ApprovalQuestion, ApprovalRule } from '../../../protocol/tool.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';
import { fakeSurroundings } from '../../support/fake-surroundings.ts';

const QUESTION: ApprovalQuestion = {
  callId: '01K9AAAA',
  name: 'bash',
  effect: 'command',
  title: 'run make\x1b[2J',
  detail: 'make\x1b[2J',
  reasons: [],
  scopes: ['once', 'session', 'workspace'],
};
const RULE: ApprovalRule = {
  id: 7,
  scope: 'workspace',
  workspace: '/work',
  sessionId: null,
  effect: 'command',
  subject: 'make\x1b[2J',
  createdAt: '2025-07-04T12:30:00.000Z',
};

async function mctl(daemon: FakeDaemon, line: string, isTTY = false) {
  const fake = fakeSurroundings(daemon, { isTTY, environment: { NO_COLOR: '1' }, input: '' });
  const code = await main(line.split(' '), fake.around);
  return { code, out: fake.stdout.text, err: fake.stderr.text };
}

/** A session whose turn waits for two answers. */
function waiting() {
  const daemon = new FakeDaemon();
  const sessionId = daemon.newSession();
  daemon.begin(sessionId, 1, 'hello');
  daemon.ask(sessionId, 1, QUESTION);
  daemon.ask(sessionId, 1, { ...QUESTION, callId: '01K9BBBB', title: 'run x' });
  return { daemon, sessionId };
}

test('what waits is listed with all that would be done, and with the command that answers it', async () => {
  const { daemon, sessionId } = waiting();
  const { code, out } = await mctl(daemon, 'approvals list');
  expect(code).toBe(0);
  expect(out).toContain('? run make␛[2J\n');
  expect(out).toContain(`  turn 1: mctl approvals answer ${sessionId} 01K9AAAA allow|reject\n`);
  expect(JSON.parse((await mctl(daemon, `approvals list ${sessionId} --json`)).out)).toMatchObject([
    { sessionId, turn: 1, ...QUESTION },
    { callId: '01K9BBBB' },
  ]);
  expect((await mctl(new FakeDaemon(), 'approvals list')).out).toBe('nothing waits for an answer\n');
});

test('an answer names the call by its beginning', async () => {
  const { daemon, sessionId } = waiting();
  const { code, out } = await mctl(daemon, `approvals answer ${sessionId} 01k9a allow --scope session`);
  expect({ code, out }).toEqual({ code: 0, out: 'allowed: 01K9AAAA\n' });
  expect(daemon.calls.at(-1)?.params).toMatchObject({ callId: '01K9AAAA', decision: 'allow', scope: 'session' });
  const rejected = await mctl(daemon, `approvals answer ${sessionId} 01K9BBBB reject --reason no --json`);
  expect(JSON.parse(rejected.out)).toEqual({ sessionId, callId: '01K9BBBB', state: 'rejected' });
  expect(daemon.calls.at(-1)?.params).toMatchObject({ decision: 'reject', reason: 'no' });
});

test.each([
  ['01K9 allow', 2, 'may be'],
  ['01K9A maybe', 2, 'allow or reject'],
  ['01K9A allow --scope forever', 2, 'once, session, workspace'],
  ['01K9A reject --scope once', 2, '--scope is for allow'],
  ['01K9A allow --reason x', 2, '--reason is for reject'],
  ['01K8 allow', 5, 'already'],
])('%s is refused', async (answer, code, words) => {
  const { daemon, sessionId } = waiting();
  const ended = await mctl(daemon, `approvals answer ${sessionId} ${answer}`);
  expect(ended.code).toBe(code);
  expect(ended.err).toContain(words);
});

test('rules are listed by number and revoked by it', async () => {
  const daemon = new FakeDaemon();
  const revoked: number[] = [];
  const session: ApprovalRule = { ...RULE, id: 8, scope: 'session', sessionId: '01K1', effect: 'edit', subject: '' };
  daemon.overrides['rule/list'] = () => ({ rules: [RULE, session] });
  daemon.overrides['rule/revoke'] = ({ id }: { id: number }) => {
    if (id !== 7) throw new ProtocolError('NOT_FOUND', `there is no rule ${id}`);
    revoked.push(id);
    return {};
  };
  const { out } = await mctl(daemon, 'rules list');
  expect(out).toMatch(/^7 {2}run make␛\[2J\n {3}in \/work, since /);
  expect(out).toContain('8  edit any file of the workspace\n   in session 01K1 of /work, since ');
  expect(JSON.parse((await mctl(daemon, 'rules list --json')).out)).toEqual([RULE, session]);
  expect((await mctl(daemon, 'rules revoke 7')).out).toBe('revoked: 7; from now on it is asked again\n');
  expect(revoked).toEqual([7]);
  expect((await mctl(daemon, 'rules revoke 9')).code).toBe(3);
  expect((await mctl(daemon, 'rules revoke x')).code).toBe(2);
});

/** A session with one call, of whose output `pages` are kept. */
function withCall(pages: readonly string[] | undefined) {
  const daemon = new FakeDaemon();
  const sessionId = daemon.newSession();
  daemon.begin(sessionId, 1, 'hello\nthere');
  const call = { type: 'tool-call' as const, callId: 'c1', name: 'bash', arguments: '{}' };
  daemon.emit(sessionId, 'message', 1, { role: 'assistant', parts: [call, { ...call, callId: 'c2' }] });
  const result = {
    type: 'tool-result' as const,
    callId: 'c1',
    name: 'bash',
    output: 'told',
    isError: true,
    details: { exitCode: 2 },
  };
  daemon.emit(sessionId, 'message', 1, { role: 'tool', parts: [result] });
  daemon.overrides['call/output'] = ({ offset = 0 }: { offset?: number }) => {
    if (pages === undefined) throw new ProtocolError('NOT_FOUND', 'nothing is kept of this call');
    return { text: pages[offset] ?? '', nextOffset: offset + 1 < pages.length ? offset + 1 : null };
  };
  return { daemon, sessionId };
}

test('the whole output of a call goes to stdout as it was; on a terminal it is harmless', async () => {
  const { daemon, sessionId } = withCall(['a\x1b[2J', 'b\n']);
  expect((await mctl(daemon, `turns output ${sessionId} c1`)).out).toBe('a\x1b[2Jb\n');
  expect((await mctl(daemon, `turns output ${sessionId} c1`, true)).out).toBe('a␛[2Jb\n');
  const lines = (await mctl(daemon, `turns output ${sessionId} c1 --json`)).out.trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    { callId: 'c1', offset: 0, text: 'a\x1b[2J' },
    { callId: 'c1', offset: 5, text: 'b\n' },
  ]);
});

test('of a call whose output was short, the result is the whole of it; an unknown call is not found', async () => {
  const { daemon, sessionId } = withCall(undefined);
  expect((await mctl(daemon, `turns output ${sessionId} c1`)).out).toBe('told');
  const unknown = await mctl(daemon, `turns output ${sessionId} c3`);
  expect(unknown.code).toBe(3);
  expect(unknown.err).toContain('mctl turns list');
});

test('turns are listed with their calls', async () => {
  const { daemon, sessionId } = withCall(undefined);
  daemon.begin(sessionId, 2, 'next');
  const { out } = await mctl(daemon, `turns list ${sessionId}`);
  expect(out).toMatch(
    /^1 {2}\S+ \S+ {2}hello there\n {3}c1 {2}bash {2}exit 2\n {3}c2 {2}bash {2}no result\n2 {2}.*next\n$/,
  );
  expect(JSON.parse((await mctl(daemon, `turns list ${sessionId} --tail 1 --json`)).out)).toMatchObject([
    { turn: 2, prompt: 'next', calls: [] },
  ]);
});
