/** A daemon that is killed at any moment while a turn changes files: what was there before the turn comes back. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Client } from '../../client/connection/api.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { realHome, waitUntil, type RealHome } from '../support/real-daemon.ts';
import { chance, faultLoops } from './support/chance.ts';

const FILES = 12;

/** Every file of the workspace with its content. */
function contents({ workspace }: RealHome): Record<string, string> {
  const names = readdirSync(workspace).sort();
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(workspace, name), 'utf8')]));
}

/** Steps that edit, make and remove files, by tools and by commands. */
function steps(random: ReturnType<typeof chance>): string {
  const lines = Array.from({ length: 6 }, (_, at) => {
    const file = `f${random.between(0, FILES - 1)}`;
    const kinds = [
      `write ${file} written ${at}`,
      `write new${at} made ${at}`,
      `run echo ${at} >> ${file}; sleep 0.0${random.between(1, 9)}; echo ${at} > by-shell${at}`,
      `run rm -f ${file} && sleep 0.02`,
    ];
    return kinds[random.between(0, kinds.length - 1)] ?? '';
  });
  return lines.join('\n');
}

async function begin(client: Client, { workspace }: RealHome, prompt: string): Promise<string> {
  const target = { kind: 'new', workspace } as const;
  const { sessionId } = await client.call('turn/submit', {
    opId: client.newOpId(),
    target,
    prompt: [{ type: 'text', text: prompt }],
    mode: 'full',
  });
  return sessionId;
}

/** Resolves when nothing of the session runs or waits any more. */
async function rest(client: Client, sessionId: string): Promise<void> {
  await waitUntil(
    'the turn is at rest',
    async () => {
      const { session } = await client.call('session/get', { sessionId });
      return session.status === 'idle' || session.status === 'interrupted';
    },
    30_000,
  );
}

/** Brings everything back. @returns whether there was anything from before the turn. */
async function bringBack(client: Client, sessionId: string): Promise<boolean> {
  const target = { kind: 'turn', turn: 1, phase: 'pre' } as const;
  try {
    const { planId } = await client.call('restore/plan', { sessionId, target, all: true });
    const result = await client.call('restore/apply', { opId: client.newOpId(), sessionId, planId });
    expect(result.left).toBe(0);
    return true;
  } catch (error) {
    if (error instanceof ProtocolError && error.kind === 'NOT_FOUND') return false;
    throw error;
  }
}

test('what was there before a turn comes back, whenever the daemon was killed', { timeout: 600_000 }, async () => {
  const random = chance();
  const home = realHome();
  for (let file = 0; file < FILES; file += 1) writeFileSync(join(home.workspace, `f${file}`), `file ${file}\n`);
  for (let round = 0; round < Math.ceil(faultLoops() / 2); round += 1) {
    const first = contents(home);
    const client = await home.client();
    const sessionId = await begin(client, home, steps(random));
    await new Promise((resolve) => setTimeout(resolve, random.between(0, 900)));
    home.signalDaemons('SIGKILL');
    await rest(client, sessionId);
    // A turn that has changed nothing may have been cut off before its files were captured.
    if (!(await bringBack(client, sessionId))) expect(contents(home)).toEqual(first);
    expect(contents(home)).toEqual(first);
    await client.close();
  }
  expect(await home.finish()).toEqual([]);
});
