/**
 * Carries out a plan on the vault, and says on standard output what it begins, what was acknowledged and what was refused.
 * What the disk refused must not be there; it is asked for again until it is accepted.
 */
import Database from 'better-sqlite3';
import { readFileSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ProtocolError } from '../../../../protocol/errors.ts';
import type { VaultPort } from '../../../../daemon/services/ports.ts';
import { directVault } from '../../../support/direct-vault.ts';
import type { Plan, PlannedCall } from './plan.ts';
import { compare, look, secretsOf } from './sight.ts';

const RETRY_MS = 5;
const MAX_ATTEMPTS = 200;

const [planFile = '', dataDirectory = '', synchronous = 'FULL'] = process.argv.slice(2);
const { steps } = JSON.parse(readFileSync(planFile, 'utf8')) as Plan;

/** The product offers no way to this: every connection it opens asks for FULL, and here it gets something else. */
let weakened = 0;
if (synchronous !== 'FULL') {
  const original = Database.prototype.pragma;
  Database.prototype.pragma = function pragma(
    this: Database.Database,
    source: string,
    options?: Database.PragmaOptions,
  ) {
    const asked = source === 'synchronous = FULL';
    if (asked) weakened += 1;
    return original.call(this, asked ? `synchronous = ${synchronous}` : source, options);
  };
}

let vault: VaultPort = directVault(dataDirectory);
const done: PlannedCall[] = [];

for (const step of steps) {
  for (const { number } of step) say(`begin ${number}`);
  const refused = await attempt(step, false);
  if (refused.length > 0) await lookAround();
  for (const call of refused) await insist(call);
}
if (synchronous !== 'FULL' && weakened === 0) throw new Error('the control has weakened nothing');

/** @returns the calls that the disk refused. */
async function attempt(calls: readonly PlannedCall[], again: boolean): Promise<PlannedCall[]> {
  const outcomes = await Promise.all(calls.map(async (call) => ({ call, refused: await refusal(call, again) })));
  for (const { call, refused } of outcomes) if (refused === undefined) done.push(call);
  return outcomes.flatMap(({ call, refused }) => (refused === undefined ? [] : [call]));
}

/** @returns why the disk refused a call; undefined when it did not. @throws anything else that went wrong. */
async function refusal({ number, method, args }: PlannedCall, again: boolean): Promise<string | undefined> {
  if (method === 'open' && !again) vault = directVault(dataDirectory);
  // As the daemon does with its own steps; what comes from a client is looked for each time.
  const values = again && method === 'append' ? [{ ...(args[0] as object), retried: true }] : args;
  try {
    await (vault[method] as (...all: readonly unknown[]) => Promise<unknown>)(...values);
    say(`done ${number}`);
    return undefined;
  } catch (error) {
    if (!(error instanceof ProtocolError) || !error.kind.startsWith('STORAGE_')) throw error;
    say(`refused ${number} ${error.kind} ${error.message}`);
    return error.kind;
  }
}

async function insist(call: PlannedCall): Promise<void> {
  for (let tries = 0; tries < MAX_ATTEMPTS; tries += 1) {
    await sleep(RETRY_MS);
    if ((await attempt([call], true)).length === 0) return;
  }
  throw new Error(`call ${call.number} is refused again and again`);
}

/** What was refused has left nothing behind, and what was acknowledged is there. */
async function lookAround(): Promise<void> {
  try {
    const acknowledged = new Set(done.map(({ number }) => number));
    for (const problem of compare(await look(vault, secretsOf(done)), done, acknowledged)) say(`problem ${problem}`);
  } catch (error) {
    // A disk that cannot be read says nothing.
    if (!(error instanceof ProtocolError)) throw error;
    say(`unreadable ${error.kind} ${error.message}`);
  }
}

function say(line: string): void {
  writeSync(1, `${line}\n`);
}
