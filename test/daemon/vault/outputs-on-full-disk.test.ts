import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { firstTurn, nextTurn, openedVault, temporaryDirectory } from '../../support/direct-vault.ts';

let directory: ReturnType<typeof temporaryDirectory>;

function mounted(size: string): boolean {
  const options = `size=${size},mode=0700`;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory.path], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

beforeEach(() => {
  directory = temporaryDirectory();
});

afterEach(() => {
  directory.remove();
});

test('output leaves room for the rest of the store; what was refused is there once when it is sent again', async (context) => {
  if (!mounted('2m')) context.skip('a file system of limited size can only be mounted by root');
  let vault = await openedVault(directory.path);
  try {
    const { sessionId } = await vault.append(firstTurn('one'));
    const calls = ['a', 'b', 'c'];
    const written = new Map(calls.map((callId) => [callId, '']));
    let refusals = 0;
    let turn = 1;
    for (let index = 0; index < 40; index += 1) {
      let missing = calls;
      // Several at a time, so that whole groups fail together.
      while (missing.length > 0) {
        const text = (callId: string): string => `${callId}${index} ${'x'.repeat(30_000)}\n`;
        const sent = missing.map((callId) => vault.appendOutput(sessionId, { callId, index, text: text(callId) }));
        const results = await Promise.allSettled(sent);
        const refused = missing.filter((_, place) => results[place]?.status === 'rejected');
        for (const result of results) {
          if (result.status === 'rejected')
            expect(result.reason).toMatchObject({ kind: 'LIMIT_REACHED', message: 'the disk is nearly full' });
        }
        for (const callId of missing) {
          if (!refused.includes(callId)) written.set(callId, (written.get(callId) ?? '') + text(callId));
        }
        refusals += refused.length;
        missing = refused;
        if (refused.length === 0) continue;
        turn += 1;
        await vault.append(nextTurn(sessionId, turn, 'there is room for this'));
        execFileSync('mount', ['-o', 'remount,size=32m', directory.path]);
      }
    }
    expect(refusals).toBeGreaterThan(0);
    await vault.close();
    vault = await openedVault(directory.path);
    for (const callId of calls) {
      let text = '';
      for (let offset: number | null = 0; offset !== null;) {
        const page: Awaited<ReturnType<typeof vault.readOutput>> = await vault.readOutput(
          sessionId,
          callId,
          offset,
          1e6,
        );
        text += page.text;
        offset = page.nextOffset;
      }
      expect(text === written.get(callId)).toBe(true);
    }
    expect((await vault.verify(sessionId)).problems).toEqual([]);
  } finally {
    await vault.close();
    execFileSync('umount', [directory.path]);
  }
});
