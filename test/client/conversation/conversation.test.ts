import { expect, test } from 'vitest';
import type { Change } from '../../../client/conversation/change.ts';
import { Conversation, type Joining } from '../../../client/conversation/conversation.ts';
import type { ApprovalQuestion } from '../../../protocol/tool.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';

async function joined(prepare: (daemon: FakeDaemon, sessionId: string) => void = () => {}, joining: Joining = {}) {
  const daemon = new FakeDaemon();
  daemon.answer = null;
  const sessionId = daemon.newSession();
  prepare(daemon, sessionId);
  const changes: Change[] = [];
  const conversation = new Conversation((change) => changes.push(change), joining);
  await daemon.connect().attach(sessionId, conversation, { tail: 50 });
  const kinds = () => changes.map(({ kind }) => kind);
  const text = () => changes.map((change) => (change.kind === 'text' ? change.text : '')).join('');
  return { daemon, sessionId, conversation, changes, kinds, text };
}

test('what was said before is the past, and the reply in progress is shown as far as it has come', async () => {
  const { changes, text, conversation } = await joined((daemon, id) => {
    daemon.begin(id, 1, 'hello');
    daemon.delta(id, 1, 'half');
  });
  expect(changes[0]).toMatchObject({ kind: 'opened', again: false });
  expect(changes[0]?.kind === 'opened' && changes[0].past.length).toBe(2);
  expect(text()).toBe('half');
  expect(conversation.turns.active?.turn).toBe(1);
});

test('a frontend that joins because of its own prompt sees that turn as news from its beginning', async () => {
  const { kinds, conversation } = await joined(
    (daemon, id) => {
      daemon.begin(id, 1, 'old');
      daemon.complete(id, 1, 'old answer');
      daemon.begin(id, 2, 'own');
      daemon.complete(id, 2, 'answer');
    },
    { ownTurn: 2 },
  );
  expect(kinds()).toEqual(['opened', 'prompt', 'turn', 'text', 'message', 'turn']);
  await expect(conversation.turns.whenOver(2)).resolves.toMatchObject({ state: 'completed' });
});

test('a prompt of this frontend is told from one of another with other words', async () => {
  const { daemon, sessionId, conversation, changes } = await joined();
  conversation.expectPrompt('mine');
  daemon.begin(sessionId, 1, 'theirs');
  daemon.complete(sessionId, 1, 'x');
  daemon.begin(sessionId, 2, 'mine');
  const prompts = changes.flatMap((change) => (change.kind === 'prompt' ? [change.turn.mine] : []));
  expect(prompts).toEqual([false, true]);
});

test('live text after a reconnect waits for the missed events that end the reply before it', async () => {
  const { daemon, sessionId, conversation, changes } = await joined((fake, id) => {
    fake.begin(id, 1, 'hello');
    fake.delta(id, 1, 'one two');
  });
  const generation = 'g1';
  conversation.resumed({
    cursor: { generation, seq: 4 },
    live: { turn: 1, step: 1, text: 'one two three', reasoning: '' },
    queue: [],
    approvals: [],
    unsaved: null,
  });
  const parts = [{ type: 'text' as const, text: 'one two' }];
  daemon.emit(sessionId, 'cutoff', 1, { step: 1, parts, reason: 'crash' });
  daemon.turn(sessionId, 1, { state: 'running' });
  const shown = changes.map((change) => (change.kind === 'text' ? change.text : change.kind));
  expect(shown).toEqual(['opened', 'one two', 'cutoff', 'turn', 'one two three']);
});

test('a prompt that left the queue while the connection was lost counts as cancelled', async () => {
  const { daemon, sessionId, conversation } = await joined((fake, id) => {
    fake.begin(id, 1, 'hello');
  });
  daemon.submitElsewhere(sessionId, 'waits');
  expect(conversation.turns.queued.map(({ turn }) => turn)).toEqual([2]);
  conversation.resumed({ cursor: { generation: 'g1', seq: 2 }, live: null, queue: [], approvals: [], unsaved: null });
  await expect(conversation.turns.whenOver(2)).resolves.toEqual({ state: 'cancelled' });
});

test('which turn runs is known without its events: the ones behind it wait in the queue', async () => {
  const { daemon, sessionId, conversation } = await joined((fake, id) => {
    fake.begin(id, 1, 'runs');
  });
  daemon.submitElsewhere(sessionId, 'waits');
  const session = daemon.sessions.get(sessionId)?.session;
  if (session === undefined) throw new Error('there is no session');
  const queue = [{ turn: 2, parts: [{ type: 'text' as const, text: 'waits' }] }];
  conversation.opened({ session, events: [], live: null, queue, approvals: [], unsaved: null });
  expect(conversation.turns.active?.turn).toBe(1);
  expect(conversation.turns.queued.map(({ turn }) => turn)).toEqual([2]);
});

test('a session that is deleted ends the wait for its turns', async () => {
  const { daemon, sessionId, conversation, kinds } = await joined((fake, id) => {
    fake.begin(id, 1, 'hello');
  });
  const over = conversation.turns.whenOver(1);
  daemon.emit(sessionId, 'deleted', 0, {});
  await expect(over).rejects.toMatchObject({ kind: 'NOT_FOUND' });
  expect(kinds().at(-1)).toBe('ended');
});

test('a store that was replaced begins the conversation again', async () => {
  const { daemon, sessionId, conversation, changes } = await joined((fake, id) => {
    fake.begin(id, 1, 'hello');
  });
  await daemon.connect().attach(sessionId, conversation, { tail: 50 });
  expect(changes.at(-1)).toMatchObject({ kind: 'opened', again: true });
});

const QUESTION: ApprovalQuestion = {
  callId: 'c1',
  name: 'bash',
  effect: 'command',
  title: 'run make',
  detail: 'make',
  reasons: [],
  scopes: ['once'],
};
const asked = (conversation: Conversation) => conversation.approvals.map(({ question }) => question.callId);

test('what is asked is known from the attach and from events, until it is answered or its turn ends', async () => {
  const { daemon, sessionId, conversation } = await joined((fake, id) => {
    fake.begin(id, 1, 'hello');
    fake.ask(id, 1, QUESTION);
  });
  daemon.ask(sessionId, 1, { ...QUESTION, callId: 'c2' });
  expect(asked(conversation)).toEqual(['c1', 'c2']);
  daemon.settle(sessionId, 1, { state: 'allowed', callId: 'c1', scope: 'once' });
  expect(asked(conversation)).toEqual(['c2']);
  daemon.turn(sessionId, 1, { state: 'cancelled' });
  expect(asked(conversation)).toEqual([]);
});

test('a daemon that has just started and does not ask yet leaves what its log leaves open', async () => {
  const { daemon, sessionId, conversation } = await joined((fake, id) => {
    fake.begin(id, 1, 'hello');
    fake.ask(id, 1, QUESTION);
    const stored = fake.sessions.get(id);
    if (stored !== undefined) stored.approvals = [];
  });
  expect(asked(conversation)).toEqual(['c1']);
  const cursor = { generation: 'g1', seq: 0 };
  conversation.resumed({ cursor, live: null, queue: [], approvals: [], unsaved: null });
  expect(asked(conversation)).toEqual(['c1']);
  daemon.settle(sessionId, 1, { state: 'withdrawn', callId: 'c1' });
  expect(asked(conversation)).toEqual([]);
});

test('output that was missed is said to be missing, for each call by itself', async () => {
  const { daemon, sessionId, changes } = await joined((fake, id) => {
    fake.begin(id, 1, 'hello');
  });
  daemon.emit(sessionId, 'output', 1, { callId: 'a', offset: 0, text: 'one' });
  daemon.emit(sessionId, 'output', 1, { callId: 'b', offset: 0, text: 'two' });
  daemon.emit(sessionId, 'output', 1, { callId: 'a', offset: 3, text: 'three' });
  daemon.emit(sessionId, 'output', 1, { callId: 'b', offset: 99, text: 'four' });
  const missed = changes.flatMap((change) => (change.kind === 'output' ? [change.missed] : []));
  expect(missed).toEqual([false, false, false, true]);
});
