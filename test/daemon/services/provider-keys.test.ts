import { describe, expect, test } from 'vitest';
import { KeyRing } from '../../../daemon/services/provider-keys.ts';
import type { VaultPort } from '../../../daemon/services/ports.ts';
import { Stage } from './support/turn-stage.ts';

/** A store without keys that takes its time. @param meanwhile what happens until it has answered. */
function ring(meanwhile: () => void = () => undefined): KeyRing {
  const secret = (): Promise<null> => {
    meanwhile();
    return Promise.resolve(null);
  };
  return new KeyRing({ secret } as Partial<VaultPort> as VaultPort);
}

describe('a key that a client lends', () => {
  test('while the store is asked for it is found', async () => {
    const keys: KeyRing = ring(() => keys.lend({ A_KEY: 'lent' }));
    expect(await keys.keyFor('p', 'A_KEY')).toBe('lent');
  });

  test('ends a wait for it, also one that begins afterwards', async () => {
    const keys = ring();
    const { signal } = new AbortController();
    const before = keys.changes;
    const waiting = keys.changedSince(before, signal);
    keys.lend({ A_KEY: 'lent' });
    await waiting;
    await keys.changedSince(before, signal);
    const cancelled = keys.changedSince(keys.changes, AbortSignal.abort(new Error('cancelled')));
    await expect(cancelled).rejects.toThrow('cancelled');
  });

  test('when a turn has looked for it and does not wait for it yet lets the turn go on', async () => {
    let looks = 0;
    const keys = ring();
    const stage = await Stage.open({
      keys: {
        get changes() {
          return keys.changes;
        },
        changedSince: (changes, signal) => keys.changedSince(changes, signal),
        keyFor: async (provider, variable) => {
          looks += 1;
          // The prompt was accepted by an earlier daemon, which had the key.
          if (looks === 1) return 'lent to the earlier one';
          const key = await keys.keyFor(provider, variable);
          if (looks === 2) keys.lend({ A_KEY: 'lent' });
          return key;
        },
      },
    });
    const sessionId = await stage.begin(async () => 'Hello');
    await stage.rest(sessionId, 5_000);
    const states = (await stage.entries(sessionId)).flatMap(({ type, body }) =>
      type === 'turn' ? [(JSON.parse(body) as { state: string }).state] : [],
    );
    expect([looks, states.at(-1)]).toEqual([3, 'completed']);
  });
});
