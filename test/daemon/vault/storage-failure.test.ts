import { execFileSync } from 'node:child_process';
import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { VaultPort } from '../../../daemon/services/ports.ts';
import { firstTurn, messageEntry, openedVault, temporaryDirectory } from '../../support/direct-vault.ts';

let directory: ReturnType<typeof temporaryDirectory>;

function mounted(size: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'tmpfs', directory.path], {
      stdio: 'ignore',
    });
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

describe('a disk that is full', () => {
  test('answers STORAGE_FULL, keeps what was acknowledged, and takes everything once when there is room again', async (context) => {
    if (!mounted('2m')) context.skip('a file system of limited size can only be mounted by root');
    let vault: VaultPort = await openedVault(directory.path);
    try {
      const { sessionId } = await vault.append(firstTurn('start'));
      const request = (index: number) => ({
        opId: ulid(),
        sessionId,
        entries: [messageEntry(2, 'assistant', `${index} ${'x'.repeat(20_000)}`)],
        patch: {},
      });
      const saved: number[] = [];
      const refused: ReturnType<typeof request>[] = [];
      // Several at a time, so that whole groups fail together.
      for (let round = 0; round < 60 && refused.length < 12; round += 1) {
        const group = Array.from({ length: 4 }, (_, index) => request(round * 4 + index));
        const results = await Promise.allSettled(group.map((one) => vault.append(one)));
        for (const [index, result] of results.entries()) {
          if (result.status === 'fulfilled') saved.push(result.value.firstSeq);
          else expect(result.reason).toMatchObject({ kind: 'STORAGE_FULL', retryable: true });
          const one = group[index];
          if (result.status === 'rejected' && one !== undefined) refused.push(one);
        }
      }
      expect(refused.length).toBeGreaterThan(0);
      expect((await vault.head(sessionId)).lastSeq).toBe(4 + saved.length);
      execFileSync('mount', ['-o', 'remount,size=32m', directory.path]);
      for (const one of refused) await vault.append(one);
      expect((await vault.head(sessionId)).messages).toBe(2 + saved.length + refused.length);
      expect((await vault.verify(sessionId)).problems).toEqual([]);
      await vault.close();
      vault = await openedVault(directory.path);
      expect((await vault.verify(sessionId)).problems).toEqual([]);
      expect((await vault.head(sessionId)).lastSeq).toBe(4 + saved.length + refused.length);
    } finally {
      await vault.close();
      execFileSync('umount', [directory.path]);
    }
  });
});
