import { expect, test } from 'vitest';
import { main } from '../../../client/run/main.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';
import { fakeSurroundings } from '../../support/fake-surroundings.ts';

const PASSPHRASE = 'correct horse';

/** A run whose daemon is killed in the middle of the turn; the next one has no key. */
async function lockedInTheMiddle(options: { isTTY?: boolean; input?: string }) {
  const daemon = new FakeDaemon();
  daemon.answer = null;
  const fake = fakeSurroundings(daemon, { isTTY: options.isTTY ?? false });
  const ended = main(['--json', 'hello'], fake.around);
  await fake.stdout.until('"turn.running"');
  daemon.status({ state: 'reconnecting', reason: 'the daemon closed the connection' });
  daemon.lock.lockBy(PASSPHRASE);
  daemon.status({ state: 'connected' });
  if (options.input !== undefined) fake.stdin.write(options.input);
  const [sessionId = ''] = [...daemon.sessions.keys()];
  return { ...fake, daemon, ended, sessionId };
}

test('a run whose daemon comes back without the key says what opens the store, and ends with 75', async () => {
  const run = await lockedInTheMiddle({});
  expect(await run.ended).toBe(75);
  expect(run.stdout.text).toMatch(/"type":"turn.interrupted".*"reason":"locked"/);
  expect(run.stderr.text).toContain('the store is locked with a passphrase. Unlock it: mctl keys unlock');
  expect(run.stderr.text).toContain('the turn goes on when the store is unlocked; come back with: m -r');
});

test('on a terminal it asks for the passphrase and follows its turn to the end', async () => {
  const run = await lockedInTheMiddle({ isTTY: true, input: `${PASSPHRASE}\r` });
  await run.stderr.until('passphrase: \n');
  await expect.poll(() => run.daemon.lock.status.state).toBe('unlocked');
  run.daemon.complete(run.sessionId, 1, 'answer');
  expect(await run.ended).toBe(0);
  expect(run.stdout.text).toMatch(/"type":"turn.completed"/);
});

test('Ctrl+C at that question leaves, and the turn is not cancelled', async () => {
  const run = await lockedInTheMiddle({ isTTY: true, input: '\x03' });
  expect(await run.ended).toBe(130);
  expect(run.daemon.calls.some(({ method }) => method === 'turn/cancel')).toBe(false);
});

test('a prompt is not accepted while the store is locked and nobody unlocks it: 4', async () => {
  const daemon = new FakeDaemon();
  daemon.lock.lockBy(PASSPHRASE);
  const fake = fakeSurroundings(daemon, { input: '' });
  expect(await main(['--json', 'hello'], fake.around)).toBe(4);
  expect(JSON.parse(fake.stdout.text)).toMatchObject({ type: 'error', kind: 'KEY_LOCKED' });
  expect(daemon.sessions.size).toBe(0);
});
