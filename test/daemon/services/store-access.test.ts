import { expect, test, vi } from 'vitest';
import { StoreAccess } from '../../../daemon/services/store-access.ts';
import type { OpenResult, VaultPort } from '../../../daemon/services/ports.ts';
import type { KeyStatus, KeyWish } from '../../../protocol/key.ts';

const STORE = { id: 'S1', generation: 'g1' };

function status(state: KeyStatus['state'], provider: KeyStatus['provider'] = 'keychain'): OpenResult {
  return {
    key: {
      state,
      provider,
      reason: state === 'unlocked' ? '' : `it is ${state}`,
      hint: '',
      keyFile: null,
      created: false,
    },
    store: state === 'unlocked' ? STORE : null,
  };
}

/** A vault whose answers a test gives, and what it was asked. */
function access(open: (wish: KeyWish) => OpenResult | Promise<OpenResult>) {
  const wishes: KeyWish[] = [];
  const opened: unknown[] = [];
  const given: (Uint8Array | undefined)[] = [];
  const vault: Partial<VaultPort> = {
    open: async (wish) => {
      wishes.push(wish);
      return await open(wish);
    },
    unlock: async (_wish, passphrase) => {
      // The real one copies at once, into another thread.
      given.push(passphrase === undefined ? undefined : new Uint8Array(passphrase));
      return status('unlocked', 'passphrase');
    },
    lock: async () => status('locked'),
  };
  const parts = {
    vault: vault as VaultPort,
    onOpened: async (store: unknown) => {
      opened.push(store);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
  return { access: new StoreAccess(parts), wishes, opened, given };
}

test('clients with the same wish share one attempt, and one with another wish has its own', async () => {
  const { access: store, wishes } = access((wish) => status(wish.allowKeyfile === true ? 'unlocked' : 'none', null));
  const plain = [store.open({}), store.open({})];
  const allowed = store.open({ allowKeyfile: true });
  expect((await Promise.all(plain)).map(({ state }) => state)).toEqual(['none', 'none']);
  expect((await allowed).state).toBe('unlocked');
  expect(wishes).toEqual([{}, { allowKeyfile: true }]);
});

test('a store that several clients unlock at once is brought into service once', async () => {
  const { access: store, opened } = access(() => status('locked', 'passphrase'));
  await store.open({});
  await Promise.all([store.unlock({}, 'YQ=='), store.unlock({}, 'YQ=='), store.open({})]);
  expect(opened).toEqual([STORE]);
});

test('a passphrase reaches the vault as the bytes that were sent', async () => {
  const { access: store, given } = access(() => status('locked', 'passphrase'));
  await store.unlock({}, Buffer.from('pässwörter').toString('base64'));
  expect(Buffer.from(given[0] ?? []).toString('utf8')).toBe('pässwörter');
});

test('requests do not ask a locked keychain again, which would ask a person each time; a client does', async () => {
  const { access: store, wishes } = access(() => status('locked'));
  await store.open({ interactive: true });
  for (let attempt = 0; attempt < 5; attempt += 1) {
    await expect(store.require()).rejects.toMatchObject({ kind: 'KEY_LOCKED', retryable: true });
  }
  vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 3_600_000);
  await expect(store.require()).rejects.toMatchObject({ kind: 'KEY_LOCKED' });
  vi.restoreAllMocks();
  expect(wishes).toHaveLength(1);
  await store.open({ interactive: true });
  expect(wishes).toHaveLength(2);
});

test('requests look again for a key that could not be had, but not each time', async () => {
  const { access: store, wishes } = access(() => status('denied'));
  const environment = { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/of/the/client' };
  for (let attempt = 0; attempt < 5; attempt += 1) {
    await expect(store.require()).rejects.toMatchObject({ kind: 'KEY_DENIED' });
  }
  expect(wishes).toEqual([{ create: false, interactive: false }]);
  await store.open({ environment, interactive: true });
  vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 11_000);
  await expect(store.require()).rejects.toMatchObject({ kind: 'KEY_DENIED' });
  expect(wishes.at(-1)).toEqual({ environment, create: false, interactive: false });
  vi.restoreAllMocks();
});

test('a failure to open is told to whoever asks, and is over with the next attempt', async () => {
  const { ProtocolError } = await import('../../../protocol/errors.ts');
  let isBroken = true;
  const { access: store } = access(() => {
    if (isBroken) throw new ProtocolError('STORAGE_FAILED', 'the disk is gone');
    return status('unlocked');
  });
  await expect(store.open({})).rejects.toMatchObject({ kind: 'STORAGE_FAILED' });
  await expect(store.require()).rejects.toMatchObject({ kind: 'STORAGE_FAILED' });
  isBroken = false;
  expect((await store.open({})).state).toBe('unlocked');
  await store.require();
});
