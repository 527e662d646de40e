/** The store that most rows share: long sessions and many sessions, written once by the vault itself. */
import { join } from 'node:path';
import { DirectVault } from './direct.ts';
import { makeDirectory } from './places.ts';
import { newId, wholeTurn } from './workload.ts';

/** Turns in one transaction while the store is built. */
const GROUP = 128;
const SHORT_SESSIONS = 100;
const MANY_SESSIONS = 10_000;

export interface BigStore {
  /** M_DATA_DIR. */
  readonly dataDirectory: string;
  /** Sessions of 100 messages. */
  readonly short: readonly string[];
  /** A session of 10,000 messages. */
  readonly long: string;
  /** A session of 100,000 messages. */
  readonly longest: string;
  readonly sessions: number;
}

let built: Promise<BigStore> | undefined;

/** Builds it on first use. No daemon runs on it; who starts one stops it again. */
export function bigStore(): Promise<BigStore> {
  built ??= build(join(makeDirectory(), 'data'));
  return built;
}

async function build(dataDirectory: string): Promise<BigStore> {
  const begin = performance.now();
  const vault = await DirectVault.open(dataDirectory);
  const longest = writeSession(vault, 50_000);
  const long = writeSession(vault, 5_000);
  const others = MANY_SESSIONS - SHORT_SESSIONS - 2;
  for (let done = 0; done < others; done += GROUP) {
    const turns = Array.from({ length: Math.min(GROUP, others - done) }, (_, index) =>
      wholeTurn(newId(), 1, newSession(done + index)),
    );
    vault.appendAll(turns);
  }
  const short = Array.from({ length: SHORT_SESSIONS }, () => writeSession(vault, 50));
  await vault.close();
  const seconds = (performance.now() - begin) / 1000;
  process.stderr.write(
    `bench: store of ${MANY_SESSIONS} sessions and 122,000 messages built in ${seconds.toFixed(1)} s\n`,
  );
  return { dataDirectory, short, long, longest, sessions: MANY_SESSIONS };
}

/** A session of so many turns of two messages. */
export function writeSession(vault: DirectVault, turns: number): string {
  const sessionId = newId();
  for (let turn = 1; turn <= turns; turn += GROUP) {
    const count = Math.min(GROUP, turns - turn + 1);
    vault.appendAll(
      Array.from({ length: count }, (_, index) =>
        wholeTurn(sessionId, turn + index, turn + index === 1 ? newSession(turns) : undefined),
      ),
    );
  }
  return sessionId;
}

export function newSession(number: number): { workspace: string; model: string; title: string } {
  return {
    workspace: `/home/me/project-${number % 40}`,
    model: 'demo/offline',
    title: `Conversation ${number} about a thing`,
  };
}
