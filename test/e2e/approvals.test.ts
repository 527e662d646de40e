import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../../protocol/errors.ts';
import { realHome, waitUntil, type RealHome } from '../support/real-daemon.ts';
import { Watcher } from '../support/watcher.ts';

const file = (home: RealHome, name: string): string => join(home.workspace, name);

async function refusal(promise: Promise<unknown>): Promise<ProtocolError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ProtocolError)) throw new Error('it was not refused');
  return error;
}

describe('a call that needs an answer', () => {
  test('waits until a person allows it, shows what it would do, and then does exactly that', async () => {
    const home = realHome();
    const me = await Watcher.begin(await home.client(), { workspace: home.workspace, prompt: 'write a.txt hello' });
    const { question } = await me.asked();
    expect(question).toMatchObject({
      name: 'write',
      effect: 'edit',
      reasons: [],
      scopes: ['once', 'session', 'workspace'],
    });
    expect(question.title).toContain('a.txt');
    expect(question.detail).toContain('+hello');
    expect(existsSync(file(home, 'a.txt'))).toBe(false);
    const { session } = await me.client.call('session/get', { sessionId: me.sessionId });
    expect(session.status).toBe('waiting');
    expect(await me.answer(question.callId, { decision: 'allow' })).toEqual({ state: 'allowed' });
    await me.state(1, 'completed');
    expect(readFileSync(file(home, 'a.txt'), 'utf8')).toBe('hello\n');
    expect(me.approvals).toEqual([]);
  });

  test('is not done when it is rejected, and the model reads the reason', async () => {
    const home = realHome();
    const me = await Watcher.begin(await home.client(), { workspace: home.workspace, prompt: 'write a.txt hello' });
    const { question } = await me.asked();
    await me.answer(question.callId, { decision: 'reject', reason: 'use b.txt' });
    await me.state(1, 'completed');
    expect(existsSync(file(home, 'a.txt'))).toBe(false);
    expect(await me.results()).toMatchObject([{ isError: true, output: expect.stringContaining('use b.txt') }]);
  });

  test('is asked in every terminal; the first answer wins, and the others are told', async () => {
    const home = realHome();
    const one = await Watcher.begin(await home.client(), { workspace: home.workspace, prompt: 'write a.txt hello' });
    const other = await Watcher.join(await home.client(), one.sessionId);
    const { question } = await other.asked();
    await one.asked();
    const answers = await Promise.allSettled([
      one.answer(question.callId, { decision: 'allow' }),
      other.answer(question.callId, { decision: 'reject', reason: 'no' }),
    ]);
    const won = answers.filter(({ status }) => status === 'fulfilled');
    expect(won).toHaveLength(1);
    const [lost] = answers.filter((answer) => answer.status === 'rejected');
    expect(lost?.reason).toMatchObject({ kind: 'CONFLICT' });
    await one.state(1, 'completed');
    await other.state(1, 'completed');
    expect(one.approvals).toEqual([]);
    expect(other.approvals).toEqual([]);
    const settled = other.changes.filter((change) => change.kind === 'approval' && change.change.state !== 'asked');
    expect(settled).toHaveLength(1);
  });

  test('is answered once by an answer that is sent twice', async () => {
    const home = realHome();
    const me = await Watcher.begin(await home.client(), { workspace: home.workspace, prompt: 'write a.txt hello' });
    const { question } = await me.asked();
    const opId = me.client.newOpId();
    expect(await me.answer(question.callId, { decision: 'allow' }, opId)).toEqual({ state: 'allowed' });
    expect(await me.answer(question.callId, { decision: 'allow' }, opId)).toEqual({ state: 'allowed' });
    await me.state(1, 'completed');
    const late = await refusal(me.answer(question.callId, { decision: 'reject' }));
    expect(late).toMatchObject({ kind: 'CONFLICT', message: 'this call was allowed already' });
  });

  test('waits while every terminal is gone, and over the death of the daemon, without being asked twice', async () => {
    const home = realHome();
    const first = await Watcher.begin(await home.client(), { workspace: home.workspace, prompt: 'write a.txt hello' });
    const { question } = await first.asked();
    await first.client.close();
    home.signalDaemons('SIGKILL');
    await waitUntil('the daemon is gone', () => home.daemonPids().length === 0);
    const again = await Watcher.join(await home.client(), first.sessionId);
    const { question: asked } = await again.asked();
    expect(asked).toEqual(question);
    await waitUntil('the daemon waits for it', async () => {
      const { approvals } = await again.client.call('approval/list', {});
      return approvals.length === 1;
    });
    await again.answer(asked.callId, { decision: 'allow' });
    await again.state(1, 'completed');
    expect(readFileSync(file(home, 'a.txt'), 'utf8')).toBe('hello\n');
    const asks = again.changes.filter((change) => change.kind === 'approval' && change.change.state === 'asked');
    expect(asks.length).toBeLessThanOrEqual(1);
  });

  test('is in the list of a daemon that has just started, and can be answered there at once', async () => {
    const home = realHome();
    const me = await Watcher.begin(await home.client(), { workspace: home.workspace, prompt: 'write a.txt hello' });
    const { question } = await me.asked();
    await me.client.close();
    for (const decision of ['', 'allow']) {
      home.signalDaemons('SIGKILL');
      await waitUntil('the daemon is gone', () => home.daemonPids().length === 0);
      const { callId } = question;
      const args = decision === '' ? ['list', '--json'] : ['answer', me.sessionId, callId, decision, '--json'];
      const program = home.mctl(['approvals', ...args]);
      expect(await program.exit, program.stderr()).toEqual({ code: 0, signal: null });
      const said: unknown = JSON.parse(program.stdout());
      expect(said).toMatchObject(decision === '' ? [{ callId }] : { callId, state: 'allowed' });
    }
    await waitUntil('the file is there', () => existsSync(file(home, 'a.txt')));
  });

  test('cannot be answered after its turn was cancelled', async () => {
    const home = realHome();
    const me = await Watcher.begin(await home.client(), { workspace: home.workspace, prompt: 'write a.txt hello' });
    const { question } = await me.asked();
    await me.client.call('turn/cancel', { sessionId: me.sessionId });
    await me.state(1, 'cancelled');
    expect(me.approvals).toEqual([]);
    const late = await refusal(me.answer(question.callId, { decision: 'allow' }));
    expect(late).toMatchObject({ kind: 'CONFLICT', message: expect.stringContaining('cannot be answered any more') });
    expect(existsSync(file(home, 'a.txt'))).toBe(false);
    expect(await me.results()).toMatchObject([{ output: 'Not done: the person cancelled the turn.' }]);
  });

  test('is refused when nobody can be asked, and the turn says so', async () => {
    const home = realHome();
    const client = await home.client();
    const me = await Watcher.begin(client, { workspace: home.workspace, prompt: 'write a.txt x', unattended: true });
    await me.state(1, 'completed');
    expect(existsSync(file(home, 'a.txt'))).toBe(false);
    expect(await me.results()).toMatchObject([
      { isError: true, output: expect.stringContaining('nobody can be asked') },
    ]);
  });

  test('is no longer asked when another mode allows it', async () => {
    const home = realHome();
    const me = await Watcher.begin(await home.client(), { workspace: home.workspace, prompt: 'write a.txt hello' });
    await me.asked();
    const { client, sessionId } = me;
    await client.call('session/configure', { opId: client.newOpId(), sessionId, mode: 'auto-edit' });
    await me.state(1, 'completed');
    expect(readFileSync(file(home, 'a.txt'), 'utf8')).toBe('hello\n');
  });

  test('is not done when the file is another one than the person was shown', async () => {
    const home = realHome();
    writeFileSync(file(home, 'a.txt'), 'one\n');
    const prompt = 'read a.txt\nedit a.txt one two';
    const me = await Watcher.begin(await home.client(), { workspace: home.workspace, prompt });
    const { question } = await me.asked();
    writeFileSync(file(home, 'a.txt'), 'one and more\n');
    await me.answer(question.callId, { decision: 'allow' });
    await me.state(1, 'completed');
    expect(readFileSync(file(home, 'a.txt'), 'utf8')).toBe('one and more\n');
    expect((await me.results())[1]).toMatchObject({ isError: true, output: expect.stringContaining('changed') });
  });
});

describe('an answer that holds for longer than once', () => {
  test('for this session: the same command is not asked again there, and is asked elsewhere', async () => {
    const home = realHome();
    const client = await home.client();
    const me = await Watcher.begin(client, { workspace: home.workspace, prompt: 'run echo 1' });
    const { question } = await me.asked();
    await me.answer(question.callId, { decision: 'allow', scope: 'session' });
    await me.state(1, 'completed');
    await me.submit('run echo 1');
    await me.state(2, 'completed');
    const elsewhere = await Watcher.begin(client, { workspace: home.workspace, prompt: 'run echo 1' });
    await elsewhere.asked();
    await me.submit('run echo 2');
    expect((await me.asked()).question.detail).toContain('echo 2');
  });

  test('for the workspace: it holds after a restart, is listed, and is asked again when it is revoked', async () => {
    const home = realHome();
    const { workspace } = home;
    const me = await Watcher.begin(await home.client(), { workspace, prompt: 'run echo 1' });
    const { question } = await me.asked();
    await me.answer(question.callId, { decision: 'allow', scope: 'workspace' });
    await me.state(1, 'completed');
    home.signalDaemons('SIGKILL');
    await waitUntil('the daemon is gone', () => home.daemonPids().length === 0);
    const client = await home.client();
    const next = await Watcher.begin(client, { workspace, prompt: 'run echo 1' });
    await next.state(1, 'completed');
    const { rules } = await client.call('rule/list', { workspace });
    expect(rules).toMatchObject([{ scope: 'workspace', effect: 'command', subject: 'echo 1', sessionId: null }]);
    await client.call('rule/revoke', { id: rules[0]?.id ?? 0 });
    const last = await Watcher.begin(client, { workspace, prompt: 'run echo 1' });
    await last.asked();
  });

  test('is not offered for a dangerous command, which is asked in every mode and each time', async () => {
    const home = realHome();
    const client = await home.client();
    const prompt = 'run rm -rf build';
    const me = await Watcher.begin(client, { workspace: home.workspace, prompt, mode: 'full' });
    const { question } = await me.asked();
    expect(question.scopes).toEqual(['once']);
    expect(question.reasons.length).toBeGreaterThan(0);
    const refused = await refusal(me.answer(question.callId, { decision: 'allow', scope: 'workspace' }));
    expect(refused.kind).toBe('CONFLICT');
    await me.answer(question.callId, { decision: 'allow' });
    await me.state(1, 'completed');
    await me.submit(prompt);
    await me.asked();
  });

  test('is asked for a command that only reads where m keeps its files, wherever that is', async () => {
    const home = realHome();
    const client = await home.client();
    for (const name of ['store/m.db', 'config.toml']) {
      const prompt = `run cat ${home.dataDir}/${name}`;
      const me = await Watcher.begin(client, { workspace: home.workspace, prompt, mode: 'full' });
      const { question } = await me.asked();
      expect(question.scopes).toEqual(['once']);
      expect(question.reasons.join()).toContain('names a place where m keeps its own files');
    }
  });
});
