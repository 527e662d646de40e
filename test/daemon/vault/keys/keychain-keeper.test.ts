import { expect, test } from 'vitest';
import { isRefusal } from '../../../../daemon/vault/keys/keeper.ts';
import { generateRootKey } from '../../../../daemon/vault/keys/key-text.ts';
import { KeychainKeeper } from '../../../../daemon/vault/keys/keychain-keeper.ts';
import type { KeychainAnswer, KeychainCall } from '../../../../daemon/vault/keys/keychain.ts';

/** A keychain that answers as it is told, one answer after the other. */
function keeper(answers: KeychainAnswer[], calls: KeychainCall[] = [], interactive = false): KeychainKeeper {
  return new KeychainKeeper('S1', { interactive, environment: { DISPLAY: ':0' } }, (call) => {
    calls.push(call);
    return Promise.resolve(answers.shift() ?? { kind: 'UNAVAILABLE', detail: 'no answer was left' });
  });
}

const ABSENT = { kind: 'ABSENT', detail: '' } as const;
const refused = (kind: 'UNAVAILABLE' | 'LOCKED' | 'TIMEOUT'): KeychainAnswer => ({ kind, detail: '' });

async function refusalOf(answers: KeychainAnswer[]) {
  const made = await keeper(answers).make();
  if (!isRefusal(made)) throw new Error('a key was made');
  return made;
}

test('another keeper may be taken only while nothing of an attempt can be in the keychain', async () => {
  expect(await refusalOf([refused('UNAVAILABLE')])).toMatchObject({ unreachable: true });
  // No default collection: it answers, and takes nothing.
  expect(await refusalOf([ABSENT, refused('UNAVAILABLE'), ABSENT])).toMatchObject({ unreachable: true });
  // It went away while it wrote: the key may be there when it comes back.
  expect(await refusalOf([ABSENT, refused('UNAVAILABLE'), refused('UNAVAILABLE')])).toMatchObject({
    unreachable: false,
  });
  expect(await refusalOf([ABSENT, refused('TIMEOUT'), ABSENT])).toMatchObject({ unreachable: false });
  expect(await refusalOf([refused('LOCKED')])).toMatchObject({ unreachable: false });
});

test('a key whose storing was reported as failed is used when it is there all the same', async () => {
  let stored: Buffer | undefined;
  const keychain = new KeychainKeeper('S1', {}, (call) => {
    if (call.operation === 'set') {
      stored = Buffer.from(call.secret ?? Buffer.alloc(0));
      return Promise.resolve(refused('TIMEOUT'));
    }
    return Promise.resolve(stored === undefined ? ABSENT : { kind: 'FOUND', secret: Buffer.from(stored) });
  });
  expect(isRefusal(await keychain.make())).toBe(false);
});

test('the key is overwritten in the buffers that carried it', async () => {
  const carried: Buffer[] = [];
  const { text } = generateRootKey();
  const answer = Buffer.from(text);
  const calls: KeychainCall[] = [];
  await keeper([{ kind: 'FOUND', secret: answer }]).find();
  await keeper([ABSENT, { kind: 'DONE', detail: '' }], calls).make();
  carried.push(answer, ...calls.flatMap(({ secret }) => (secret === undefined ? [] : [secret])));
  expect(carried).toHaveLength(2);
  for (const buffer of carried) expect(buffer.every((byte) => byte === 0)).toBe(true);
});

test('several calls share the time in which a person can answer', async () => {
  const calls: KeychainCall[] = [];
  await keeper([ABSENT, { kind: 'DONE', detail: '' }], calls, true).make();
  expect(calls).toHaveLength(3);
  for (const { deadlineMs } of calls) expect(deadlineMs).toBeLessThanOrEqual(120_000);
  const alone: KeychainCall[] = [];
  await keeper([ABSENT], alone).find();
  expect(alone[0]?.deadlineMs).toBe(3_000);
});

test('what could not be removed is named', async () => {
  expect(await keeper([{ kind: 'DONE', detail: '' }]).remove()).toBeUndefined();
  expect(await keeper([ABSENT]).remove()).toBeUndefined();
  expect(await keeper([refused('LOCKED')]).remove()).toBe('the item "root:S1" could not be removed from the keychain');
});
