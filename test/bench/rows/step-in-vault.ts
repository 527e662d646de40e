/** A durable encrypted step against a bare insert: in one thread, through the vault's thread, and at every session size. */
import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { VaultPort } from '../../../daemon/services/ports.ts';
import type { KeyWish } from '../../../protocol/key.ts';
import { connectVault } from '../../../daemon/vault/vault-client.ts';
import { startVaultThread } from '../../../daemon/vault/vault-thread.ts';
import { openBare } from '../support/bare.ts';
import { BareThread } from '../support/bare-thread.ts';
import { bigStore } from '../support/big-store.ts';
import { DirectVault } from '../support/direct.ts';
import { median, ratioFigure, ratios, timesText, type Figure, type Row } from '../support/figures.ts';
import { makeDirectory } from '../support/places.ts';
import { VAULT_WORKER } from '../support/product.ts';
import { interleave, type RoundOptions } from '../support/rounds.ts';
import { newId, nextBody, nextStep } from '../support/workload.ts';

const ROUNDS: RoundOptions = { rounds: 41, calls: 60, warmUp: 6 };
const LIMIT = 1.35;
/** A turn number that no session of the store has reached. */
const TURN = 60_000;
const MESSAGES_REWRITTEN = 10_000;
const FEW_SESSIONS = 20;

export const stepInVault: Row = {
  name: 'step',
  title: 'Durable encrypted step in the vault',
  method:
    'A step is one message appended to a session: 2 KB in the mean, log-normal in length, the same texts for everybody. ' +
    'The bare insert puts the same text into a table with an integer key, WAL and `synchronous=FULL`, in a transaction of its own. ' +
    'Contestants take turns in rounds of 60 steps; a ratio compares means of one round, so checkpoints of the log of writes count for both. ' +
    'Rewriting is what the seed does: the session as one JSON text, written, fsynced and renamed.',
  run: async () => [...(await inOneThread()), ...(await throughThreads())],
};

async function inOneThread(): Promise<Figure[]> {
  const { dataDirectory, short, long, longest } = await bigStore();
  const directory = makeDirectory();
  const bare = openBare(join(directory, 'bare.db'));
  const vault = await DirectVault.open(dataDirectory);
  let steps = 0;
  const to = (sessionId: string) => () => {
    vault.append(nextStep(sessionId, TURN));
  };
  const times = await interleave(
    {
      bare: () => {
        bare.insert(nextBody());
      },
      short: () => {
        // Each takes a few dozen, so that a session of 100 messages stays one.
        steps += 1;
        to(short[Math.floor(steps / 40) % short.length] ?? '')();
      },
      long: to(long),
      longest: to(longest),
    },
    ROUNDS,
  );
  const rewrites = await rewriteTimes(directory);
  bare.close();
  await vault.close();
  const vsBare = { unit: 'ms', limit: LIMIT };
  const flat = ratios(times.longest, times.short);
  const faster = rewrites.map((time) => time / median(times.long));
  return [
    ratioFigure('session of 100 messages', times.short, times.bare, vsBare),
    ratioFigure('session of 10,000 messages', times.long, times.bare, vsBare),
    ratioFigure('session of 100,000 messages', times.longest, times.bare, vsBare),
    {
      what: '100,000 messages against 100',
      measured: `${median(times.longest).toFixed(3)} ms`,
      baseline: `${median(times.short).toFixed(3)} ms`,
      result: timesText(flat),
      budget: 'flat (≤ 1.1 ×)',
      isMet: median(flat) <= 1.1,
    },
    {
      what: 'rewriting a file of 10,000 messages instead',
      measured: `${median(times.long).toFixed(3)} ms`,
      baseline: `${median(rewrites).toFixed(0)} ms`,
      result: `${median(faster).toFixed(0)} × faster`,
      budget: '≥ 300 × faster',
      isMet: median(faster) >= 300,
    },
  ];
}

/** The whole session as one JSON file, as often as it takes for a median. */
export async function rewriteTimes(directory: string, times = 9): Promise<number[]> {
  const messages = Array.from({ length: MESSAGES_REWRITTEN }, () => JSON.parse(nextBody()) as unknown);
  const file = join(directory, 'session.json');
  const { rewrite } = await interleave(
    {
      rewrite: () => {
        const descriptor = openSync(`${file}.new`, 'w', 0o600);
        writeFileSync(descriptor, JSON.stringify(messages));
        fsyncSync(descriptor);
        closeSync(descriptor);
        renameSync(`${file}.new`, file);
      },
    },
    { rounds: times, calls: 1, warmUp: 1 },
  );
  return rewrite;
}

async function throughThreads(): Promise<Figure[]> {
  const { dataDirectory, long } = await bigStore();
  const bare = new BareThread(join(makeDirectory(), 'bare.db'));
  const vault = await openThread(dataDirectory);
  const times = await interleave(
    { bare: () => bare.insert(nextBody()), vault: () => vault.append(nextStep(long, TURN)).then(() => undefined) },
    ROUNDS,
  );
  await bare.close();
  await vault.close();
  return [
    ratioFigure('asked of the vault’s thread, against a bare insert asked of a thread', times.vault, times.bare, {
      unit: 'ms',
    }),
  ];
}

/** The vault in its thread, as the daemon runs it. */
export async function openThread(dataDirectory: string, wish: KeyWish = { provider: 'keyfile' }): Promise<VaultPort> {
  const vault = connectVault(
    {
      onDeath: (reason) => {
        throw new Error(`the vault thread ended: ${reason}`);
      },
      onUnexpected: (method, stack) => {
        throw new Error(`${method}: ${stack}`);
      },
    },
    startVaultThread({ dataDirectory }, VAULT_WORKER),
  );
  await vault.open(wish);
  return vault;
}

/** Sessions of one turn, made for a row that writes to many. */
export async function freshSessions(vault: VaultPort, count: number): Promise<string[]> {
  const made = Array.from({ length: count }, async () => {
    const { sessionId } = await vault.append({
      ...nextStep(newId(), 1),
      create: { workspace: '/home/me/writers', model: 'demo/offline', title: 'a writer' },
    });
    return sessionId;
  });
  return await Promise.all(made);
}

/** Makes a store of a few sessions. */
export async function makeSmallStore(dataDirectory: string, wish?: KeyWish): Promise<void> {
  const vault = await openThread(dataDirectory, wish);
  await freshSessions(vault, FEW_SESSIONS);
  await vault.close();
}
